/* The completion queue: many jobs, results as they come, cancelling, deadlines, the descriptor. */
#include "contract.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

static cove_queue *queue_of(size_t parallel)
{
    struct cove_queue_options o = COVE_QUEUE_OPTIONS_INIT;
    cove_queue *q = NULL;

    o.parallel = parallel;
    OK(cove_queue_new(&o, &q, &err));
    return q;
}

/* The next result, which must come and be a success. */
static struct cove_result next(cove_queue *q)
{
    struct cove_result r = COVE_RESULT_INIT;

    assert_int_equal(OK(cove_queue_next(q, -1, &r, &err)), 1);
    if (r.rc < 0)
        fail_msg("job %lld: %s", (long long)r.job, r.err.message);
    return r;
}

/* A write returns the same info of the file as a stat. */
static void written(cove_info *info, int64_t size)
{
    cove_info *there = NULL;

    OK(cove_fs_stat(w.fs, cove_info_path(info), NULL, &there, &err));
    assert_int_equal(cove_info_size(info), size);
    assert_int_equal(cove_info_size(there), size);
    assert_int_equal(cove_info_type(info), COVE_INFO_FILE);
    assert_int_equal(!cove_info_etag(info), !cove_info_etag(there));
    if (cove_info_etag(info))
        assert_string_equal(cove_info_etag(info), cove_info_etag(there));
    cove_info_free(there);
    cove_info_free(info);
}

#define N    300
#define EACH 1500

static void many_files(void **state)
{
    cove_queue *q = queue_of(32);
    uint8_t *data = filled_new((size_t)N * EACH, 7), *back = calloc(N, EACH);
    bool seen[N] = { false };
    (void)state;

    assert_non_null(back);
    for (size_t i = 0; i < N; i++)
        OK(cove_queue_write_file(q, w.fs, at("q/f%03zu", i), data + i * EACH, EACH, NULL, (void *)i, &err));
    for (size_t i = 0; i < N; i++) {
        struct cove_result r = next(q);
        assert_int_equal(r.count, EACH);
        written(r.info, EACH);
        assert_false(seen[(size_t)r.user]);
        seen[(size_t)r.user] = true;
    }
    assert_int_equal(cove_queue_pending(q), 0);
    struct cove_result none = COVE_RESULT_INIT;
    assert_int_equal(OK(cove_queue_next(q, -1, &none, &err)), 0); /* nothing will come: it does not wait */

    for (size_t i = 0; i < N; i++) {
        OK(cove_queue_read_range(q, w.fs, at("q/f%03zu", i), 0, back + i * EACH, EACH, NULL, NULL, &err));
        OK(cove_queue_stat(q, w.fs, at("q/f%03zu", i), NULL, (void *)1, &err));
    }
    for (size_t i = 0; i < 2 * N; i++) {
        struct cove_result r = next(q);
        assert_int_equal(r.user ? cove_info_size(r.info) : r.count, EACH);
        cove_info_free(r.info);
    }
    assert_memory_equal(data, back, (size_t)N * EACH);
    free(data);
    free(back);
    cove_queue_free(q);
}

/* The files w0 and so on, of so many bytes: what is larger than allowed comes as a reader, whose time is its own. */
static void whole_or_opened(cove_queue *q, const size_t *sizes, size_t n)
{
    static const size_t most[] = { 1, 64 * KIB };
    struct cove_call call = COVE_CALL_INIT;

    call.timeout_ms = 600000;
    for (size_t m = 0; m < 2; m++) {
        for (size_t i = 0; i < n; i++)
            OK(cove_queue_read_or_open(q, w.fs, at("w%zu", i), most[m], 0, &call, (void *)i, &err));
        for (size_t i = 0; i < n; i++) {
            struct cove_result r = next(q);
            size_t size = sizes[(size_t)r.user];
            bool opened = size > most[m];
            uint8_t *to = opened ? malloc(size) : r.data;
            assert_non_null(to);
            assert_true(opened == !r.data && opened != !r.reader);
            if (opened)
                assert_int_equal(OK(cove_reader_read(r.reader, to, size, &err)), size);
            else
                assert_int_equal(r.count, size);
            assert_true(filled(to, size, (size_t)r.user, 0));
            cove_reader_close(r.reader);
            opened ? free(to) : cove_free(to);
        }
    }
}

/* Sizes on both sides of what one request carries: empty, one probe, more than it, many parts. */
static void whole_files(void **state)
{
    const size_t sizes[] = { 0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 20 * MIB };
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    cove_queue *q = queue_of(4);
    void *data[COUNT];
    (void)state;

    for (size_t i = 0; i < COUNT; i++) {
        data[i] = filled_new(sizes[i], i);
        OK(cove_queue_write_file(q, w.fs, at("w%zu", i), data[i], sizes[i], NULL, NULL, &err));
    }
    for (size_t i = 0; i < COUNT; i++) {
        struct cove_result r = next(q);
        written(r.info, r.count);
    }
    for (size_t i = 0; i < COUNT; i++)
        OK(cove_queue_read_file(q, w.fs, at("w%zu", i), 0, NULL, (void *)i, &err));
    for (size_t i = 0; i < COUNT; i++) {
        struct cove_result r = next(q);
        assert_int_equal(r.count, sizes[(size_t)r.user]);
        assert_true(filled(r.data, (size_t)r.count, (size_t)r.user, 0));
        assert_int_equal(((char *)r.data)[r.count], '\0');
        cove_free(r.data);
    }
    whole_or_opened(q, sizes, COUNT);
    /* The tail, a long range, a copy, a removal. */
    uint8_t *back = malloc(20 * MIB);
    assert_non_null(back);
    OK(cove_queue_read_range(q, w.fs, at("w5"), -100, back, 200, NULL, NULL, &err));
    assert_int_equal(next(q).count, 100);
    assert_true(filled(back, 100, 5, 20 * MIB - 100));
    OK(cove_queue_read_range(q, w.fs, at("w5"), 10, back, 20 * MIB, NULL, NULL, &err));
    assert_int_equal(next(q).count, 20 * MIB - 10);
    assert_true(filled(back, 20 * MIB - 10, 5, 10));
    struct cove_range ranges[] = { { 3, 10, back, 0 },
                                   { 9 * MIB, 5 * MIB, back + 10, 0 },
                                   { 20 * MIB - 7, 100, back + 10 + 5 * MIB, 0 },
                                   { 21 * MIB, 100, back, 0 } };
    OK(cove_queue_read_ranges(q, w.fs, at("w5"), ranges, 4, NULL, NULL, &err));
    assert_int_equal(next(q).count, 10 + 5 * MIB + 7);
    for (size_t i = 0; i < 3; i++)
        assert_true(filled(ranges[i].buffer, (size_t)ranges[i].done, 5, (size_t)ranges[i].offset));
    assert_int_equal(ranges[2].done, 7);
    assert_int_equal(ranges[3].done, 0);
    if (w.can->copies) {
        OK(cove_queue_copy(q, w.fs, at("w2"), at("copy"), NULL, NULL, &err));
        next(q);
        has_filled(at("copy"), 64 * KIB - 1, 2);
    }
    OK(cove_queue_remove(q, w.fs, at("w2"), NULL, NULL, &err));
    next(q);
    gone(at("w2"));
    for (size_t i = 0; i < COUNT; i++)
        free(data[i]);
    free(back);
    cove_queue_free(q);
}

/* A failure is a result of its job, with the message of the plain call; the others continue. */
static void failures(void **state)
{
    cove_queue *q = queue_of(2);
    uint8_t byte;
    (void)state;

    put(at("there"), "text");
    OK(cove_queue_stat(q, w.fs, at("missing"), NULL, (void *)1, &err));
    OK(cove_queue_read_file(q, w.fs, at("missing"), 0, NULL, (void *)2, &err));
    OK(cove_queue_read_range(q, w.fs, at("missing"), 0, &byte, 1, NULL, (void *)3, &err));
    OK(cove_queue_read_file(q, w.fs, at("there"), 3, NULL, (void *)4, &err));
    OK(cove_queue_read_file(q, w.fs, at("there"), 4, NULL, (void *)5, &err));
    struct cove_range bad = { 0, 1, NULL, 0 };
    OK(cove_queue_read_ranges(q, w.fs, at("there"), &bad, 1, NULL, (void *)6, &err));
    for (int i = 0; i < 6; i++) {
        struct cove_result r = COVE_RESULT_INIT;
        assert_int_equal(OK(cove_queue_next(q, -1, &r, &err)), 1);
        size_t which = (size_t)r.user;
        static const int codes[] = { 0, COVE_ENOTFOUND, COVE_ENOTFOUND, COVE_ENOTFOUND, COVE_ELIMIT, 0, COVE_EINVAL };
        assert_int_equal(r.rc, codes[which]);
        if (r.rc < 0) {
            assert_int_equal(r.err.code, r.rc);
            assert_non_null(strstr(r.err.message, w.can->scheme));
            assert_null(r.data);
            assert_null(r.info);
        } else {
            assert_string_equal(r.data, "text");
            cove_free(r.data);
        }
    }
    FAILS(COVE_EINVAL, cove_queue_read_range(q, w.fs, at("there"), 0, NULL, 1, NULL, NULL, &err));
    FAILS(COVE_EINVAL, cove_queue_read_ranges(q, w.fs, at("there"), NULL, 1, NULL, NULL, &err));
    FAILS(COVE_EINVAL, cove_queue_copy(q, w.fs, at("there"), NULL, NULL, NULL, &err));
    FAILS(COVE_EINVAL, cove_queue_stat(q, w.fs, NULL, NULL, NULL, &err));
    FAILS(COVE_ENOTFOUND, cove_queue_cancel(q, 12345, &err));
    assert_int_equal(cove_queue_pending(q), 0);
    cove_queue_free(q);
}

/* The limit holds, and taking makes room. */
static void limit(void **state)
{
    struct cove_queue_options o = COVE_QUEUE_OPTIONS_INIT;
    cove_queue *q = NULL;
    (void)state;

    put(at("f"), "x");
    o.max_jobs = 3;
    OK(cove_queue_new(&o, &q, &err));
    for (int i = 0; i < 3; i++)
        OK(cove_queue_stat(q, w.fs, at("f"), NULL, NULL, &err));
    FAILS(COVE_ELIMIT, cove_queue_stat(q, w.fs, at("f"), NULL, NULL, &err));
    cove_info_free(next(q).info);
    OK(cove_queue_stat(q, w.fs, at("f"), NULL, NULL, &err));
    cove_queue_free(q); /* with three results that were not taken */
    o.parallel = 0;
    FAILS(COVE_EINVAL, cove_queue_new(&o, &q, &err));
}

/* Every job ends once: as cancelled, or as done where it was faster. */
static void cancelling(void **state)
{
    cove_queue *q = queue_of(1);
    cove_cancel *token = cove_cancel_new();
    struct cove_call call = COVE_CALL_INIT;
    int64_t jobs[40];
    size_t cancelled = 0;
    (void)state;

    put(at("f"), "x");
    call.cancel = token;
    for (size_t i = 0; i < 40; i++)
        jobs[i] = OK(cove_queue_read_file(q, w.fs, at("f"), 0, i < 20 ? &call : NULL, (void *)i, &err));
    cove_cancel_fire(token);
    FAILS(COVE_ECANCELED, cove_queue_stat(q, w.fs, at("f"), &call, NULL, &err));
    cove_queue_cancel(q, jobs[30], NULL);
    for (size_t i = 0; i < 40; i++) {
        struct cove_result r = COVE_RESULT_INIT;
        assert_int_equal(OK(cove_queue_next(q, -1, &r, &err)), 1);
        assert_true(r.rc == 0 || (r.rc == COVE_ECANCELED && ((size_t)r.user < 20 || (size_t)r.user == 30)));
        cancelled += r.rc == COVE_ECANCELED;
        cove_free(r.data);
    }
    assert_in_range(cancelled, 0, 21); /* how many had begun depends on the store and the machine */
    for (size_t i = 0; i < 40; i++)
        OK(cove_queue_read_file(q, w.fs, at("f"), 0, NULL, NULL, &err));
    cove_queue_cancel_all(q);
    assert_int_equal(cove_queue_pending(q), 40);
    cove_cancel_unref(token);
    cove_queue_free(q);
}

/* A deadline that has passed ends a job also where its turn never came. */
static void deadlines(void **state)
{
    cove_queue *q = queue_of(1);
    struct cove_call call = COVE_CALL_INIT;
    size_t late = 0;
    (void)state;

    put(at("f"), "x");
    call.timeout_ms = 1;
    for (size_t i = 0; i < 50; i++)
        OK(cove_queue_stat(q, w.fs, at("f"), &call, NULL, &err));
    for (size_t i = 0; i < 50; i++) {
        struct cove_result r = COVE_RESULT_INIT;
        assert_int_equal(OK(cove_queue_next(q, -1, &r, &err)), 1);
        assert_true(r.rc == 0 || r.rc == COVE_ETIMEDOUT);
        late += r.rc < 0;
        cove_info_free(r.info);
    }
    if (w.can->slow)
        assert_true(late > 0);
    cove_queue_free(q);
}

/* Driven by the descriptor alone, as an event loop does. */
static void descriptor(void **state)
{
    cove_queue *q = queue_of(8);
    struct pollfd fd = { .fd = cove_queue_fd(q), .events = POLLIN };
    size_t done = 0;
    (void)state;

    put(at("f"), "x");
    assert_int_equal(poll(&fd, 1, 0), 0);
    for (size_t i = 0; i < 60; i++)
        OK(cove_queue_stat(q, w.fs, at("f"), NULL, NULL, &err));
    while (done < 60) {
        struct cove_result r = COVE_RESULT_INIT;
        assert_int_equal(poll(&fd, 1, 30000), 1);
        while (OK(cove_queue_next(q, 0, &r, &err)) == 1) {
            assert_int_equal(r.rc, 0);
            cove_info_free(r.info);
            done++;
        }
    }
    assert_int_equal(poll(&fd, 1, 0), 0);
    cove_queue_free(q);
}

/* Four threads submit and take at once; each result comes to one of them. */
static cove_queue *common;
static const char *folder;

static const char *submit_and_take(size_t number)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/c%zu", folder, number);
    for (size_t i = 0; i < 25; i++)
        if (cove_queue_write_file(common, w.fs, path, "abc", 3, NULL, NULL, NULL) < 0)
            return "a submission failed";
    for (size_t i = 0; i < 25; i++) {
        struct cove_result r = COVE_RESULT_INIT;
        if (cove_queue_next(common, -1, &r, NULL) != 1 || r.rc < 0 || r.count != 3)
            return "a result is missing or wrong";
        cove_info_free(r.info);
    }
    return NULL;
}

static void shared_by_threads(void **state)
{
    (void)state;
    folder = at("d");
    common = queue_of(16);
    in_threads(4, submit_and_take);
    assert_int_equal(cove_queue_pending(common), 0);
    cove_queue_free(common);
}

/* Takes the results that are there, and counts them. */
static size_t ended_jobs(cove_queue *queue)
{
    struct cove_result r = COVE_RESULT_INIT;
    size_t n = 0;

    for (; cove_queue_next(queue, 0, &r, NULL) == 1; n++)
        cove_info_free(r.info);
    return n;
}

/* One with a few jobs is not held up by one with many. */
static void fair(void **state)
{
    cove_queue *many = queue_of(16), *few = queue_of(16);
    (void)state;

    put(at("f"), "x");
    for (size_t i = 0; i < 2000; i++)
        OK(cove_queue_stat(many, w.fs, at("f"), NULL, NULL, &err));
    /* Where jobs end about as fast as they are submitted, none waits, and the order shows nothing. */
    size_t waiting = 2000 - ended_jobs(many);
    for (size_t i = 0; i < 10; i++)
        OK(cove_queue_stat(few, w.fs, at("f"), NULL, NULL, &err));
    for (size_t i = 0; i < 10; i++)
        cove_info_free(next(few).info);
    if (waiting > 1000)
        assert_true(ended_jobs(many) < waiting);
    cove_queue_free(many);
    cove_queue_free(few);
}

static void of_the_parent(void **state)
{
    cove_queue *q = queue_of(4);
    (void)state;

    put(at("f"), "x");
    for (size_t i = 0; i < 20; i++)
        OK(cove_queue_read_file(q, w.fs, at("f"), 0, NULL, NULL, &err));
    pid_t pid = fork();
    if (pid == 0) {
        struct cove_result r = COVE_RESULT_INIT;
        cove_queue *own = NULL;
        bool good = cove_queue_next(q, 0, &r, NULL) == COVE_ESTATE && cove_queue_fd(q) == -1 &&
                    cove_queue_stat(q, w.fs, at("f"), NULL, NULL, NULL) == COVE_ESTATE;
        cove_queue_free(q);
        good = good && cove_queue_new(NULL, &own, NULL) == 0 &&
               cove_queue_read_file(own, w.fs, at("f"), 0, NULL, NULL, NULL) > 0 &&
               cove_queue_next(own, -1, &r, NULL) == 1 && r.rc == 0 && r.count == 1;
        cove_free(r.data);
        cove_queue_free(own);
        _exit(good ? 0 : 1);
    }
    for (size_t i = 0; i < 20; i++)
        cove_free(next(q).data);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    cove_queue_free(q);
}

/* Whole listings as results: the entries of the plain calls, from memory. */
static void listings(void **state)
{
    cove_queue *q = queue_of(4);
    (void)state;

    put(at("l/a"), "1");
    put(at("l/d/b"), "22");
    put(at("l/d/e/c"), "333");
    OK(cove_queue_mkdir(q, w.fs, at("l/made"), NULL, NULL, &err));
    next(q);
    OK(cove_queue_list(q, w.fs, at("l"), NULL, NULL, &err));
    struct cove_result r = next(q);
    assert_int_equal(r.count, 3);
    assert_string_equal(names(r.listing), listed(at("l")));
    OK(cove_queue_find(q, w.fs, at("l"), NULL, NULL, &err));
    r = next(q);
    assert_int_equal(r.count, 3);
    assert_string_equal(names(r.listing), "l/a l/d/b l/d/e/c");
    OK(cove_queue_list(q, w.fs, at("l/a"), NULL, NULL, &err)); /* a file lists itself */
    r = next(q);
    assert_string_equal(names(r.listing), "l/a");
    OK(cove_queue_list(q, w.fs, at("l/made"), NULL, NULL, &err));
    r = next(q);
    assert_int_equal(r.count, 0);
    assert_string_equal(names(r.listing), "");

    OK(cove_queue_list(q, w.fs, at("nothing"), NULL, NULL, &err));
    OK(cove_queue_find(q, w.fs, at("nothing"), NULL, (void *)1, &err));
    OK(cove_queue_list(q, w.fs, at("l"), NULL, (void *)2, &err));
    for (size_t i = 0; i < 2; i++) {
        r = (struct cove_result)COVE_RESULT_INIT;
        assert_int_equal(OK(cove_queue_next(q, -1, &r, &err)), 1);
        assert_int_equal(r.rc, r.user ? 0 : COVE_ENOTFOUND);
        assert_true(!r.user == !r.listing);
        cove_listing_free(r.listing);
    }
    cove_queue_free(q); /* with one that was not taken */
}

const struct CMUnitTest queueing_tests[] = {
    cmocka_unit_test(many_files),    cmocka_unit_test(whole_files),       cmocka_unit_test(failures),
    cmocka_unit_test(limit),         cmocka_unit_test(cancelling),        cmocka_unit_test(deadlines),
    cmocka_unit_test(descriptor),    cmocka_unit_test(shared_by_threads), cmocka_unit_test(fair),
    cmocka_unit_test(of_the_parent), cmocka_unit_test(listings),          { 0 },
};
