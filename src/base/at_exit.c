/* The steps of the process's end: see at_exit.h. */
#include "base/at_exit.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/fork.h"

static void (*steps[COVE__EXIT_STEPS])(void); /* under cove__lock */

static void run_steps(void)
{
    void (*todo[COVE__EXIT_STEPS])(void);

    cove__lock();
    for (int i = 0; i < COVE__EXIT_STEPS; i++) {
        todo[i] = steps[i];
        steps[i] = NULL;
    }
    cove__unlock();
    for (int i = 0; i < COVE__EXIT_STEPS; i++)
        if (todo[i])
            todo[i]();
}

int cove__at_exit(enum cove__exit_step step, void (*run)(void))
{
    int rc = 0;

    cove__lock();
    if (!steps[step]) {
        /* atexit handlers run in reverse: the newest registration runs every step and leaves none to the others. */
        rc = atexit(run_steps) == 0 ? 0 : -1;
        if (rc == 0)
            steps[step] = run;
    }
    cove__unlock();
    return rc;
}
