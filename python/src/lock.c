/*
 * One thread at a time: a stream has a position, so calls of several threads take turns.
 *
 * A fork leaves the lock as it is. Where another thread held it then, that thread was in the middle of a call and does
 * not exist in the child: the child is told so instead of waiting for ever.
 */
#include "covepy.h"

#include <unistd.h>

#define TURN_US 100000 /* how long to wait before looking whether a fork has made it hopeless */

int covepy_lock_init(struct covepy_lock *lock)
{
    lock->holder = 0;
    lock->lock = PyThread_allocate_lock();
    if (!lock->lock)
        PyErr_NoMemory();
    return lock->lock ? 0 : -1;
}

void covepy_lock_done(struct covepy_lock *lock)
{
    if (lock->lock)
        PyThread_free_lock(lock->lock);
    lock->lock = NULL;
}

bool covepy_lock_orphaned(const struct covepy_lock *lock)
{
    return lock->holder != 0 && lock->holder != getpid();
}

int covepy_lock_take(struct covepy_lock *lock, const char *what)
{
    bool taken = PyThread_acquire_lock(lock->lock, NOWAIT_LOCK);

    if (taken)
        lock->holder = getpid();
    while (!taken) {
        PyThreadState *thread;
        PyLockStatus status;

        if (covepy_lock_orphaned(lock)) {
            PyErr_Format(PyExc_RuntimeError, "%s: another thread was using it when this process was forked", what);
            return -1;
        }
        thread = PyEval_SaveThread();
        status = PyThread_acquire_lock_timed(lock->lock, TURN_US, 1);
        taken = status == PY_LOCK_ACQUIRED;
        if (taken)
            lock->holder = getpid(); /* whoever has the GIL just now may fork: the child has to be told, too */
        PyEval_RestoreThread(thread);
        if (status == PY_LOCK_INTR && PyErr_CheckSignals() < 0)
            return -1;
    }
    return 0;
}

void covepy_lock_give(struct covepy_lock *lock)
{
    lock->holder = 0;
    PyThread_release_lock(lock->lock);
}
