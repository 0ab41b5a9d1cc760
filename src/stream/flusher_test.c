/*
 * An appender that is closed while the process ends is not flushed after its memory is freed: neither by the flusher's
 * thread nor by the flush of all at exit, whichever of them has it; and the process ends after its close's own flush.
 * Each case is a new process, which ends by exit(). Its store only holds what comes to it until the gate of that
 * file opens, or the call's token is fired.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cove/stream.h>

#include "base/clock.h"
#include "fs/fs_impl.h"

#define ROOT  "flusher-test/" /* without a scheme, by which the store would be looked up */
#define SOON  1               /* ms */
#define NEVER 100000
#define LATER (100 * COVE__MS) /* a process that doesn't wait has ended by then */

enum { FREED_IN_USE = 3 }; /* a process's exit status */

static struct cove__fs_ops ops;
static cove_fs *fs;

static struct file {
    cove_appender *appender;
    atomic_bool inside; /* a flush is before the gate */
    atomic_bool open;   /* the gate */
} a, b, c;
static atomic_uint *sent; /* bytes behind the gates; shared with the process of a case */

static void wait_for(atomic_bool *it)
{
    while (!atomic_load(it))
        cove__sleep_ns(COVE__MS / 10);
}

static int gated_open(void *self, const char *path, bool truncate, const char *etag, const struct cove__ctx *ctx,
                      void **ret_tail, struct cove_error *err)
{
    (void)self, (void)truncate, (void)etag, (void)ctx, (void)err;
    char name = path[strlen(path) - 1];

    *ret_tail = name == 'a' ? &a : name == 'b' ? &b : &c;
    return 0;
}

static int gated_append(void *self, void *tail, struct cove__slice data, const struct cove__ctx *ctx, size_t *ret_added,
                        struct cove_error *err)
{
    (void)self;
    struct file *file = tail;
    int rc = 0;

    atomic_store(&file->inside, true);
    while (rc == 0 && !atomic_load(&file->open)) {
        cove__sleep_ns(COVE__MS / 10);
        rc = cove__ctx_check(ctx, err);
    }
    *ret_added = rc == 0 ? data.size : 0;
    atomic_fetch_add(sent, *ret_added);
    atomic_store(&file->inside, false);
    return rc;
}

static void gated_close(void *self, void *tail)
{
    (void)self;
    if (atomic_load(&((struct file *)tail)->inside))
        _exit(FREED_IN_USE);
}

static void append(struct file *file, const char *path, int64_t interval_ms, int64_t timeout_ms)
{
    struct cove_appender_options o = COVE_APPENDER_OPTIONS_INIT;
    struct cove_call call = COVE_CALL_INIT;

    o.flush_interval_ms = interval_ms;
    call.timeout_ms = timeout_ms;
    if (cove_appender_open(fs, path, &o, &call, &file->appender, NULL) < 0)
        _exit(1);
}

static void write_one(struct file *file)
{
    if (cove_appender_write(file->appender, "x", 1, NULL) < 0)
        _exit(1);
}

/* The exit takes `a` while the thread is at `b`. */
static void begin(void)
{
    append(&c, ROOT "c", SOON, NEVER);
    append(&b, ROOT "b", SOON, SOON);
    append(&a, ROOT "a", NEVER, SOON); /* the newest is the first that the exit takes */
    write_one(&a);
    write_one(&b);
    wait_for(&b.inside);
}

static void *close_what_the_thread_has(void *unused)
{
    wait_for(&a.inside);
    cove_appender_close(b.appender, NULL);
    atomic_store(&a.open, true);
    return unused;
}

static void *close_what_the_exit_has(void *unused)
{
    wait_for(&a.inside);
    write_one(&c);
    atomic_store(&b.open, true);
    wait_for(&c.inside); /* the thread has left `b` */
    cove_appender_close(a.appender, NULL);
    atomic_store(&c.open, true);
    return unused;
}

static void *close_c(void *unused)
{
    cove_appender_close(c.appender, NULL);
    return unused;
}

/* The exit has sent `a`, and only then the flush of the close continues. */
static void *close_beside_the_exit(void *unused)
{
    wait_for(&a.inside);
    atomic_store(&a.open, true);
    while (atomic_load(&a.inside))
        cove__sleep_ns(COVE__MS / 10);
    cove__sleep_ns(LATER);
    atomic_store(&c.open, true);
    return unused;
}

/* The process ends meanwhile, so no thread joins it. */
static void begin_thread(void *(*fn)(void *))
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, fn, NULL) != 0 || pthread_detach(thread) != 0)
        _exit(1);
}

static void begin_with_a_close(void)
{
    append(&c, ROOT "c", NEVER, NEVER);
    append(&a, ROOT "a", NEVER, NEVER);
    write_one(&a);
    write_one(&c);
    begin_thread(close_c);
    wait_for(&c.inside);
}

static int exit_status(void (*prepare)(void), void *(*other_thread)(void *))
{
    int status = 0;
    pid_t pid;

    atomic_store(sent, 0);
    fflush(NULL); /* the child's exit would write it again */
    pid = fork();
    if (pid == 0) {
        prepare();
        begin_thread(other_thread);
        exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_exit_leaves_the_thread_its_appender(void **state)
{
    assert_int_equal(exit_status(begin, close_what_the_thread_has), 0);
}

static void test_thread_leaves_the_exit_its_appender(void **state)
{
    assert_int_equal(exit_status(begin, close_what_the_exit_has), 0);
}

static void test_exit_waits_for_a_close(void **state)
{
    assert_int_equal(exit_status(begin_with_a_close, close_beside_the_exit), 0);
    assert_int_equal(atomic_load(sent), 2);
}

static int setup(void **state)
{
    sent = mmap(NULL, sizeof *sent, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (sent == MAP_FAILED)
        return -1;
    if (cove_fs_from_url("memory://" ROOT, NULL, &fs, NULL, NULL) < 0)
        return -1;
    ops = cove__memory_ops;
    ops.append.open = gated_open;
    ops.append.write = gated_append;
    ops.append.close = gated_close;
    fs->ops = &ops;
    return 0;
}

static int teardown(void **state)
{
    fs->ops = &cove__memory_ops;
    cove_fs_unref(fs);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_leaves_the_thread_its_appender),
        cmocka_unit_test(test_thread_leaves_the_exit_its_appender),
        cmocka_unit_test(test_exit_waits_for_a_close),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
