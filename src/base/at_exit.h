/* What the library does when the process ends by exit() or by returning from main: steps in a fixed order. */
#ifndef COVE_BASE_AT_EXIT_H
#define COVE_BASE_AT_EXIT_H

/* In the order in which they run. */
enum cove__exit_step {
    COVE__EXIT_FLUSH,    /* appenders are flushed */
    COVE__EXIT_CLEANUPS, /* what clears up in the background is waited for */
    COVE__EXIT_NET,      /* I/O threads end */
    COVE__EXIT_THREADS,  /* threads that are about to end are waited for */
    COVE__EXIT_STEPS
};

/*
 * Registers `run` for a step; a second call for the same step changes nothing. Any thread. A forked child inherits it.
 * All steps run before the exit handlers of the libraries that were started before this call, such as OpenSSL's.
 * Returns 0, or -1 where atexit has no room.
 */
int cove__at_exit(enum cove__exit_step step, void (*run)(void));

#endif
