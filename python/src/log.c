/*
 * The library's log lines, for Python's loggers "cove.http", "cove.s3" …
 *
 * A line may come from any of its threads, when the GIL can't be taken: its holder may wait for a lock that the logging
 * thread has. So a line is queued, and handed over at the end of the next call from Python; a full queue drops its
 * oldest line. A line about a call that waits is of use only during the call: a thread is started to hand it over.
 * These lines are rare.
 */
#include "covepy.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define LINES 256

struct line {
    enum cove_log_level level;
    const char *subject; /* static */
    char text[512];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct line lines[LINES]; /* under lock */
static size_t first, n_lines;    /* under lock */
static atomic_bool any;
static PyObject *get_logger;     /* logging.getLogger; NULL: not asked for yet */
static bool delivering;          /* under the GIL */
static atomic_bool handing_over; /* a thread was started to hand lines over */

static void start_handing_over(void);

static void put_aside(void *user, enum cove_log_level level, const char *subject, const char *text)
{
    struct line *line;

    (void)user;
    pthread_mutex_lock(&lock);
    if (n_lines == LINES) {
        first = (first + 1) % LINES;
        n_lines--;
    }
    line = &lines[(first + n_lines++) % LINES];
    line->level = level;
    line->subject = subject;
    snprintf(line->text, sizeof line->text, "%s", text);
    atomic_store(&any, true);
    pthread_mutex_unlock(&lock);
    if (strcmp(subject, "wait") == 0)
        start_handing_over();
}

static size_t count(void)
{
    size_t n;

    pthread_mutex_lock(&lock);
    n = n_lines;
    pthread_mutex_unlock(&lock);
    return n;
}

static bool take(struct line *ret)
{
    bool taken;

    pthread_mutex_lock(&lock);
    taken = n_lines > 0;
    if (taken) {
        *ret = lines[first];
        first = (first + 1) % LINES;
        n_lines--;
    }
    atomic_store(&any, n_lines > 0);
    pthread_mutex_unlock(&lock);
    return taken;
}

static int deliver(const struct line *line)
{
    static const int levels[] = { 40, 30, 20, 10 }; /* logging.ERROR, WARNING, INFO, DEBUG */
    PyObject *name = PyUnicode_FromFormat("cove.%s", line->subject);
    PyObject *logger = name ? PyObject_CallFunctionObjArgs(get_logger, name, NULL) : NULL;
    PyObject *text = PyUnicode_DecodeUTF8(line->text, (Py_ssize_t)strlen(line->text), "replace");
    PyObject *done = logger && text ? PyObject_CallMethod(logger, "log", "isO", levels[line->level], "%s", text) : NULL;
    int rc = done ? 0 : -1;

    Py_XDECREF(name);
    Py_XDECREF(logger);
    Py_XDECREF(text);
    Py_XDECREF(done);
    return rc;
}

static bool find_loggers(void)
{
    if (!get_logger) {
        PyObject *logging = PyImport_ImportModule("logging");

        get_logger = logging ? PyObject_GetAttrString(logging, "getLogger") : NULL;
        Py_XDECREF(logging);
    }
    return get_logger;
}

/* A handler may keep its log in a store of the library's, and so make lines itself: these are for the next call. */
void covepy_log_deliver(void)
{
    PyObject *type, *value, *trace;
    struct line line;

    if (!atomic_load_explicit(&any, memory_order_relaxed) || delivering)
        return;
    delivering = true;
    PyErr_Fetch(&type, &value, &trace);
    for (size_t n = count(); n > 0 && take(&line); n--) {
        if (!find_loggers() || deliver(&line) < 0)
            PyErr_WriteUnraisable(get_logger);
    }
    PyErr_Restore(type, value, trace);
    delivering = false;
}

static void *hand_over(void *unused)
{
    PyGILState_STATE state;

    (void)unused;
    atomic_store(&handing_over, false);
    if (!Py_IsInitialized()) /* the process is exiting, and Python has ended */
        return NULL;
    state = PyGILState_Ensure();
    covepy_log_deliver();
    PyGILState_Release(state);
    return NULL;
}

/* Where no thread can be started, the line comes at the end of the call. The thread takes no signals. */
static void start_handing_over(void)
{
    sigset_t all, before;
    pthread_t thread;

    if (!Py_IsInitialized() || atomic_exchange(&handing_over, true))
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, NULL, hand_over, NULL) == 0)
        pthread_detach(thread);
    else
        atomic_store(&handing_over, false);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

static void after_fork_child(void)
{
    delivering = false; /* by a thread of the parent */
    atomic_store(&handing_over, false);
    pthread_mutex_unlock(&lock);
}

/* Called before the library registers its own fork handlers, so that this lock is taken after the library's locks, as
 * when a line is logged. Warnings are handed over from the start: without a set-up of logging, Python prints them on
 * stderr. */
int covepy_log_setup(void)
{
    if (pthread_atfork(before_fork, after_fork, after_fork_child) != 0)
        return -1;
    cove_log_set(put_aside, NULL, COVE_LOG_WARNING);
    return 0;
}

PyObject *covepy_set_log(PyObject *module, PyObject *args)
{
    int level;

    if (!PyArg_ParseTuple(args, "i", &level))
        return NULL;
    if (level >= 0 && !find_loggers())
        return NULL;
    if (level > COVE_LOG_DEBUG)
        level = COVE_LOG_DEBUG;
    Py_BEGIN_ALLOW_THREADS;
    cove_log_set(level < 0 ? NULL : put_aside, NULL, level < 0 ? COVE_LOG_ERROR : (enum cove_log_level)level);
    Py_END_ALLOW_THREADS;
    Py_RETURN_NONE;
}
