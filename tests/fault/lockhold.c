/*
 * A shim for LD_PRELOAD that stops a thread right after it has acquired a semaphore, which Python's locks use. So a
 * test can fork after a lock was taken but before its new holder runs. Used by tests/python/test_extension_process.py.
 */
#include <dlfcn.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

static _Thread_local int stops;
static atomic_int waits, stopped, go_on;

/* The calling thread will stop after the next semaphore that it waits for. */
void lockhold_arm(void);
int lockhold_waits(void);   /* whether it is waiting */
int lockhold_stopped(void); /* whether it has acquired the semaphore and stopped */
void lockhold_go_on(void);

void lockhold_arm(void)
{
    stops = 1;
}

int lockhold_waits(void)
{
    return atomic_load(&waits);
}

int lockhold_stopped(void)
{
    return atomic_load(&stopped);
}

void lockhold_go_on(void)
{
    atomic_store(&go_on, 1);
}

static void wait_begins(void)
{
    if (stops)
        atomic_store(&waits, 1);
}

static int wait_ends(int rc)
{
    if (rc == 0 && stops) {
        stops = 0;
        atomic_store(&stopped, 1);
        while (!atomic_load(&go_on))
            usleep(1000);
    }
    return rc;
}

int sem_wait(sem_t *sem)
{
    int (*real)(sem_t *) = (int (*)(sem_t *))dlsym(RTLD_NEXT, "sem_wait");

    wait_begins();
    return wait_ends(real(sem));
}

int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict until)
{
    int (*real)(sem_t *, const struct timespec *) =
        (int (*)(sem_t *, const struct timespec *))dlsym(RTLD_NEXT, "sem_timedwait");

    wait_begins();
    return wait_ends(real(sem, until));
}

int sem_clockwait(sem_t *restrict sem, clockid_t clock, const struct timespec *restrict until)
{
    int (*real)(sem_t *, clockid_t, const struct timespec *) =
        (int (*)(sem_t *, clockid_t, const struct timespec *))dlsym(RTLD_NEXT, "sem_clockwait");

    wait_begins();
    return wait_ends(real(sem, clock, until));
}
