/* The queue when memory fails: every job is refused or ends, and nothing is lost. The rest is in the contract suite. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <cove/queue.h>

#include "base/mem.h"
#include "queue/queue.h"

/* One of each kind, on `root`. Every submission that succeeded gives one result. */
static void round_of_jobs(const char *root)
{
    struct cove_result r = COVE_RESULT_INIT;
    cove_fs *fs = NULL;
    cove_queue *q = NULL;
    char *path = NULL, buffer[4];
    int submitted = 0, taken = 0, rc;

    if (cove_fs_from_url(root, NULL, &fs, &path, NULL) == 0 && cove_queue_new(NULL, &q, NULL) == 0) {
        submitted += cove_queue_write_file(q, fs, path, "text", 4, NULL, NULL, NULL) > 0;
        submitted += cove_queue_stat(q, fs, path, NULL, NULL, NULL) > 0;
        submitted += cove_queue_read_range(q, fs, path, 0, buffer, 4, NULL, NULL, NULL) > 0;
        submitted += cove_queue_read_file(q, fs, path, 0, NULL, NULL, NULL) > 0;
        submitted += cove_queue_copy(q, fs, path, path, NULL, NULL, NULL) > 0;
        submitted += cove_queue_list(q, fs, path, NULL, NULL, NULL) > 0;
        submitted += cove_queue_find(q, fs, path, NULL, NULL, NULL) > 0;
        submitted += cove_queue_mkdir(q, fs, path, NULL, NULL, NULL) > 0; /* a file stands there */
        submitted += cove_queue_remove(q, fs, path, NULL, NULL, NULL) > 0;
        while ((rc = cove_queue_next(q, -1, &r, NULL)) == 1) {
            assert_true((r.rc < 0) == (r.err.code == r.rc && r.rc != 0));
            cove_free(r.data);
            cove_info_free(r.info);
            cove_listing_free(r.listing);
            taken++;
        }
        assert_int_equal(rc, 0);
    }
    assert_int_equal(taken, submitted);
    cove_queue_free(q);
    cove_free(path);
    cove_fs_unref(fs);
}

static void without_memory(void **state)
{
    static const char *const roots[] = { "memory://queue-test/f", "file:///tmp/cove-queue-test-file" };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        cove__mem_fail(0, 0);
        round_of_jobs(roots[i]);
        unsigned long used = cove__mem_fail(0, 0);
        assert_in_range(used, 20, 2000);
        for (unsigned long n = 1; n <= used; n++) {
            cove__mem_fail(n, 0);
            round_of_jobs(roots[i]);
            cove__mem_fail(0, 0);
        }
    }
}

/* A result without memory for its message still has a message. */
static void words_without_memory(void **state)
{
    struct cove_result r = COVE_RESULT_INIT;
    cove_fs *fs = NULL;
    cove_queue *q = NULL;

    (void)state;
    assert_int_equal(cove_fs_from_url("memory://queue-test", NULL, &fs, NULL, NULL), 0);
    assert_int_equal(cove_queue_new(NULL, &q, NULL), 0);
    for (unsigned long n = 1; n < 40; n++) {
        cove__mem_fail(n, 1);
        int64_t job = cove_queue_stat(q, fs, "memory://queue-test/none", NULL, NULL, NULL);
        cove__mem_fail(0, 0);
        if (job < 0)
            continue;
        assert_int_equal(cove_queue_next(q, -1, &r, NULL), 1);
        assert_true(r.rc == COVE_ENOMEM || r.rc == COVE_ENOTFOUND);
        assert_int_equal(r.err.code, r.rc);
        assert_non_null(strstr(r.err.message, "memory://"));
    }
    cove_queue_free(q);
    cove_fs_unref(fs);
}

/* Of a program that was built when an error had no store_code: its result is shorter, and what lies behind it is not
 * touched. */
static void older_results(void **state)
{
    size_t size = offsetof(struct cove_result, err) + offsetof(struct cove_error, store_code);
    struct cove_result r = COVE_RESULT_INIT;
    cove_fs *fs = NULL;
    cove_queue *q = NULL;

    (void)state;
    assert_int_equal(cove_fs_from_url("memory://queue-test", NULL, &fs, NULL, NULL), 0);
    assert_int_equal(cove_queue_new(NULL, &q, NULL), 0);
    r.size = size;
    memset((char *)&r + size, 'x', sizeof r - size);
    assert_true(cove_queue_stat(q, fs, "memory://queue-test/none", NULL, NULL, NULL) > 0);
    assert_int_equal(cove_queue_next(q, -1, &r, NULL), 1);
    assert_int_equal(r.size, size);
    assert_int_equal(r.rc, COVE_ENOTFOUND);
    assert_int_equal(r.err.code, COVE_ENOTFOUND);
    assert_non_null(strstr(r.err.message, "memory://queue-test/none"));
    for (size_t i = size; i < sizeof r; i++)
        assert_int_equal(((char *)&r)[i], 'x');
    r.size = offsetof(struct cove_result, err);
    assert_int_equal(cove_queue_next(q, 0, &r, NULL), COVE_EINVAL);
    cove_queue_free(q);
    cove_fs_unref(fs);
}

/* A program that was compiled against an older header has a smaller struct: what it lacks has its default. */
static void older_options(void **state)
{
    struct cove_queue_options o = { offsetof(struct cove_queue_options, max_jobs), 2, 0 };
    struct cove_error err = COVE_ERROR_INIT;
    cove_queue *q = NULL;

    assert_int_equal(cove_queue_new(&o, &q, &err), 0);
    assert_int_equal(q->parallel, 2);
    assert_int_equal(q->max_jobs, 65536);
    cove_queue_free(q);
    o.size = 0;
    assert_int_equal(cove_queue_new(&o, &q, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "_INIT macro"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(without_memory), cmocka_unit_test(words_without_memory),
                                        cmocka_unit_test(older_results), cmocka_unit_test(older_options) };

    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
