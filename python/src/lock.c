/*
 * One thread at a time: a stream has a position, so calls of several threads take turns.
 *
 * A fork copies the state of the lock. If a thread of the parent held it, that thread does not exist in the child, so
 * the child gets an error instead of waiting forever. To detect this, `process` records the process that last found the
 * lock free. It is written under the GIL, which also a fork needs. A lock that is held although `process` is another
 * process is held by a thread of the parent. Threads that take the lock after waiting without the GIL do not change
 * `process`, but it already is theirs.
 */
#include "covepy.h"

#include <unistd.h>

int covepy_lock_init(struct covepy_lock *lock)
{
    lock->process = getpid();
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

static bool take_if_free(struct covepy_lock *lock)
{
    bool taken = PyThread_acquire_lock(lock->lock, NOWAIT_LOCK);

    if (taken)
        lock->process = getpid();
    return taken;
}

bool covepy_lock_orphaned(struct covepy_lock *lock)
{
    if (lock->process == getpid())
        return false;
    if (!take_if_free(lock))
        return true;
    PyThread_release_lock(lock->lock);
    return false;
}

int covepy_lock_take(struct covepy_lock *lock, const char *what)
{
    bool taken = take_if_free(lock);

    if (!taken && lock->process != getpid()) {
        PyErr_Format(PyExc_RuntimeError, "%s: another thread was using it when this process was forked", what);
        return -1;
    }
    while (!taken) {
        PyThreadState *thread = PyEval_SaveThread();
        PyLockStatus status = PyThread_acquire_lock_timed(lock->lock, -1, 1);

        PyEval_RestoreThread(thread);
        taken = status == PY_LOCK_ACQUIRED;
        if (!taken && PyErr_CheckSignals() < 0)
            return -1;
    }
    return 0;
}

void covepy_lock_give(struct covepy_lock *lock)
{
    PyThread_release_lock(lock->lock);
}
