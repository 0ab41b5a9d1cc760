/* Programs that print credentials: what is read of them, and that nothing which they have started is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/process.h"
#include "base/clock.h"
#include "base/error.h"

#define LONG_NS (300 * COVE__SEC) /* longer than the test may last */

static struct cove__buf out;
static struct cove_error err;
static int status;

static int run(const char *command, int64_t timeout_ns)
{
    const char *const argv[] = { "/bin/sh", "-c", command, NULL };
    const struct cove__process process = { .argv = argv, .name = "the test", .timeout_ns = timeout_ns };

    cove__buf_done(&out);
    cove__buf_init(&out, 65536);
    err = (struct cove_error)COVE_ERROR_INIT;
    return cove__process_run(&process, NULL, &out, &status, &err);
}

static int clean(void **state)
{
    cove__buf_done(&out);
    return 0;
}

/* Waits until no process has the pipe's other end any more. */
static void is_left_by_all(int fds[2])
{
    char byte;

    close(fds[1]);
    assert_int_equal(read(fds[0], &byte, 1), 0);
    close(fds[0]);
}

static void test_what_is_printed(void **state)
{
    assert_int_equal(run("printf one; printf two", LONG_NS), 0);
    assert_string_equal(cove__buf_str(&out), "onetwo");
    assert_int_equal(status, 0);
    assert_int_equal(run("printf one; exec >&-; sleep 0.01; exit 3", LONG_NS), 0);
    assert_string_equal(cove__buf_str(&out), "one");
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    assert_int_equal(run("head -c 65000 /dev/zero", LONG_NS), 0);
    assert_int_equal(out.size, 65000);
    assert_int_equal(run("kill -9 $$", LONG_NS), 0);
    assert_int_equal(cove__process_check(&(struct cove__process){ .name = "x" }, status, &err), COVE_EAUTH);
    assert_non_null(strstr(err.message, "it ended with signal 9"));
}

/* A child in the background has the program's standard output, and the test's pipe. */
static void test_children_left_behind(void **state)
{
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(run("sleep 60 & (sleep 60; sleep 60) & echo out; exit 4", LONG_NS), 0);
    assert_string_equal(cove__buf_str(&out), "out\n");
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 4);
    is_left_by_all(fds);
}

static void test_time_is_up(void **state)
{
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(run("sleep 60 & sleep 60", 20 * COVE__MS), COVE_ETIMEDOUT);
    assert_int_equal(run("exec >&-; sleep 60", 20 * COVE__MS), COVE_ETIMEDOUT);
    is_left_by_all(fds);
}

/* Of the program, and of a child that it leaves. */
static void test_too_much(void **state)
{
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(run("yes", LONG_NS), COVE_EPROTOCOL);
    assert_non_null(strstr(err.message, "credentials of the test: it prints more than 65536 bytes"));
    assert_int_equal(run("yes & sleep 60", LONG_NS), COVE_EPROTOCOL);
    is_left_by_all(fds);
}

/* A program around us may say that its children are not waited for. */
static void test_children_are_ignored(void **state)
{
    void (*old)(int) = signal(SIGCHLD, SIG_IGN);

    int rc = run("echo out", LONG_NS);
    signal(SIGCHLD, old);
    assert_int_equal(rc, 0);
    assert_int_equal(status, -1);
    assert_string_equal(cove__buf_str(&out), "out\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_what_is_printed, clean),
        cmocka_unit_test_teardown(test_children_left_behind, clean),
        cmocka_unit_test_teardown(test_time_is_up, clean),
        cmocka_unit_test_teardown(test_too_much, clean),
        cmocka_unit_test_teardown(test_children_are_ignored, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
