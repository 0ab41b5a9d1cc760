/*
 * One call of the library as Python sees it: without the GIL, with a deadline, and ended by Ctrl-C.
 *
 * Python's own handler of SIGINT only takes a note, which is looked at between two lines of Python. A call that waits
 * for a server would not notice before its end. So, while one waits in the main thread, SIGINT comes here first: it
 * fires the call's cancel token, then Python takes its note; the call ends, and KeyboardInterrupt is raised from it.
 *
 * A program that has its own handler may only want to take a note too ("save, then stop"): its first Ctrl-C leaves
 * the call alone, the second one ends it. Where SIGINT is not Python's (ignored, or at its default), it is not touched.
 */
#include "covepy.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static PyObject *getsignal, *default_handler; /* of _signal, which is built in */

/* Of the one call that the main thread is in. Written by that thread only, and while our handler is not in place; the
 * handler runs on that thread only. */
static struct {
    struct sigaction before; /* Python's */
    pid_t thread;
    cove_cancel *cancel;
    int patience;
    volatile sig_atomic_t presses;
} guard;

static void on_interrupt(int sig, siginfo_t *info, void *context)
{
    int errnum = errno;
    pid_t me = (pid_t)syscall(SYS_gettid);

    /* Delivered to another thread: pass it on. It fails in a child that such a thread forked; there Python's note is
     * all. */
    if (me != guard.thread && syscall(SYS_tgkill, getpid(), guard.thread, sig) == 0) {
        errno = errnum;
        return;
    }
    if (me == guard.thread && ++guard.presses >= guard.patience)
        cove_cancel_fire(guard.cancel);
    if (guard.before.sa_flags & SA_SIGINFO)
        guard.before.sa_sigaction(sig, info, context);
    else if (guard.before.sa_handler != SIG_DFL && guard.before.sa_handler != SIG_IGN)
        guard.before.sa_handler(sig);
    errno = errnum;
}

/* True in the process's main thread, and in a forked child's only one. */
static bool in_main_thread(void)
{
    return PyThread_get_thread_native_id() == (unsigned long)getpid();
}

/* How many times Ctrl-C has to be pressed, by the handler that the program has; 0: SIGINT is none of Python's. */
static int patience_of_program(void)
{
    PyObject *handler = PyObject_CallFunction(getsignal, "i", SIGINT);
    int patience = 0;

    if (!handler)
        PyErr_Clear();
    else if (handler == default_handler)
        patience = 1;
    else if (PyCallable_Check(handler))
        patience = 2;
    Py_XDECREF(handler);
    return patience;
}

static void guard_install(struct covepy_call *c)
{
    struct sigaction ours = { .sa_sigaction = on_interrupt };
    struct sigaction before;
    int patience = c->call.cancel && in_main_thread() ? patience_of_program() : 0;

    if (patience == 0 || sigaction(SIGINT, NULL, &before) < 0)
        return;
    /* In a child forked by another thread meanwhile, ours is in place already, and what was there before is known. */
    if (!(before.sa_flags & SA_SIGINFO) || before.sa_sigaction != on_interrupt)
        guard.before = before;
    guard.thread = (pid_t)syscall(SYS_gettid);
    guard.cancel = c->call.cancel;
    guard.patience = c->patience > patience ? c->patience : patience;
    guard.presses = 0;
    ours.sa_mask = before.sa_mask;
    ours.sa_flags = SA_SIGINFO | (before.sa_flags & ~(int)SA_RESETHAND);
    c->guarded = sigaction(SIGINT, &ours, NULL) == 0;
}

static void guard_remove(struct covepy_call *c)
{
    if (!c->guarded)
        return;
    sigaction(SIGINT, &guard.before, NULL);
    c->guarded = false;
    c->interrupted = guard.presses >= guard.patience;
}

int covepy_call_setup(void)
{
    PyObject *module = PyImport_ImportModule("_signal");

    getsignal = module ? PyObject_GetAttrString(module, "getsignal") : NULL;
    default_handler = module ? PyObject_GetAttrString(module, "default_int_handler") : NULL;
    Py_XDECREF(module);
    return getsignal && default_handler ? 0 : -1;
}

void covepy_call_init_stream(struct covepy_call *c, cove_cancel *cancel, int patience)
{
    *c = (struct covepy_call){ .call = COVE_CALL_INIT, .err = COVE_ERROR_INIT, .patience = patience };
    c->call.cancel = cancel;
}

void covepy_call_init(struct covepy_call *c, int64_t timeout_ms)
{
    covepy_call_init_stream(c, NULL, 1);
    c->call.timeout_ms = timeout_ms;
    if (in_main_thread())
        c->call.cancel = c->own = cove_cancel_new();
}

void covepy_call_done(struct covepy_call *c)
{
    cove_cancel_unref(c->own);
    covepy_log_deliver();
}

void covepy_release(struct covepy_call *c)
{
    guard_install(c);
    c->thread = PyEval_SaveThread();
}

void covepy_reacquire(struct covepy_call *c)
{
    guard_remove(c);
    PyEval_RestoreThread(c->thread);
}

bool covepy_call_ok(struct covepy_call *c, int64_t rc)
{
    if (rc >= 0)
        return true;
    if (PyErr_CheckSignals() == 0) /* what a signal's handler raises comes first */
        covepy_raise(rc, &c->err);
    return false;
}

bool covepy_path_call_init(struct covepy_path_call *p, PyObject *self, PyObject *args, PyObject *kwargs,
                           const char *name)
{
    const char *const keywords[] = { name, "timeout", NULL };
    int64_t timeout_ms = 0;

    *p = (struct covepy_path_call){ .fs = ((struct covepy_fs *)self)->fs };
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$O&", (char **)keywords, covepy_path, &p->path, covepy_timeout,
                                     &timeout_ms))
        return false;
    covepy_call_init(&p->c, timeout_ms);
    return true;
}

void covepy_path_call_done(struct covepy_path_call *p)
{
    covepy_call_done(&p->c);
    Py_DECREF(p->path.held);
}
