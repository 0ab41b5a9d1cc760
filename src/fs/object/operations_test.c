/*
 * What the engine sends, in which order, to a store that S3 is not: operations in steps, moves and removals of trees by
 * the store, batches with results by index; and what a table may leave out.
 */
#include "fs/object/append.h"
#include "fs/object/copy.h"
#include "fs/object/scripted_store.h"
#include "fs/object/virtual.h"

static void test_steps(void **state)
{
    static const struct exchange three[] = { { "POST /b/d x", TEXT("t1", "2") },
                                             { "POST /b/d?token=t1 x", TEXT("t2", "2") },
                                             { "POST /b/d?token=t2 x", EMPTY } },
                                 same[] = { { "POST /b/d x", TEXT("t1", "2") },
                                            { "POST /b/d?token=t1 x", TEXT("t1", "2") },
                                            { "POST /b/d?token=t1 x", TEXT("t1", "2") },
                                            { "POST /b/d?token=t1 x", EMPTY } },
                                 missing[] = { { "POST /b/d x", ERROR("404 Missing") } },
                                 busy[] = { { "POST /b/d x", ERROR("503 Busy") },
                                            { "POST /b/d x", ERROR("404 Missing") } },
                                 ended[] = { { "POST /b/d x", TEXT("t1", "2") },
                                             { "POST /b/d?token=t1 x", ERROR("404 Missing") },
                                             { "GET /b?list=d/", TEXT("", "0") } },
                                 broken[] = { { "POST /b/d x", TEXT("t1", "2") },
                                              { "POST /b/d?token=t1 x", ERROR("404 Missing") },
                                              { "GET /b?list=d/", TEXT("d/a", "3") } };

    EXPECT(three);
    assert_int_equal(cove__object_remove_tree(&store, "b/d", &ctx, &err), 0);
    all_was_sent();
    EXPECT(same); /* the token names the operation */
    assert_int_equal(cove__object_remove_tree(&store, "b/d", &ctx, &err), 0);
    all_was_sent();
    EXPECT(missing);
    assert_int_equal(cove__object_remove_tree(&store, "b/d", &ctx, &err), COVE_ENOTFOUND);
    all_was_sent();
    EXPECT(busy); /* the first attempt was refused, so it has removed nothing */
    assert_int_equal(cove__object_remove_tree(&store, "b/d", &ctx, &err), COVE_ENOTFOUND);
    all_was_sent();
    EXPECT(ended); /* something was there: the first step has removed it */
    assert_int_equal(cove__object_remove_tree(&store, "b/d", &ctx, &err), 0);
    all_was_sent();
    EXPECT(broken); /* the store has forgotten the operation, not the directory */
    fails(COVE_ESERVER, cove__object_remove_tree(&store, "b/d", &ctx, &err), "the directory still exists");
    EXPECT(missing);
    assert_int_equal(cove__virtual_make(&store, "b/d"), 0);
    assert_int_equal(cove__object_remove_tree(&store, "b/d", &ctx, &err), 0);
    all_was_sent();
}

static void test_endless_steps(void **state)
{
    static struct exchange script[COVE__OBJECT_REPEATS_MAX + 2];

    for (size_t i = 0; i < sizeof script / sizeof script[0]; i++)
        script[i] = (struct exchange){ i == 0 ? "POST /b/d x" : "POST /b/d?token=t1 x", TEXT("t1", "2") };
    EXPECT(script);
    fails(COVE_EPROTOCOL, cove__object_remove_tree(&store, "b/d", &ctx, &err), "does not advance");
}

/* How many steps are let through, of tokens from 0 to `cycle` - 1 in a circle, each of which has done `bytes` more. */
static unsigned steps_let_through(unsigned cycle, int64_t bytes, unsigned max)
{
    struct cove__object_progress progress = { 0 };
    char token[16];
    unsigned n = 0;

    do
        snprintf(token, sizeof token, "%u", n % cycle);
    while (n < max && cove__object_step_advances(&progress, token, bytes * n) && ++n);
    return n;
}

static void test_progress(void **state)
{
    static const unsigned many = 3 * COVE__OBJECT_STEPS_MAX;

    assert_int_equal(steps_let_through(1, 0, many), COVE__OBJECT_REPEATS_MAX + 1);
    for (unsigned cycle = 2; cycle < 20; cycle++)
        assert_in_range(steps_let_through(cycle, 0, many), COVE__OBJECT_REPEATS_MAX,
                        4 * cycle * COVE__OBJECT_REPEATS_MAX);
    assert_int_equal(steps_let_through(many, 0, many), COVE__OBJECT_STEPS_MAX);
    assert_int_equal(steps_let_through(1, 1, many), many);
    assert_int_equal(steps_let_through(many, 1, many), many);
}

static cove_cancel *to_fire;

/* The caller's token fires while the store works. */
static int response_that_fires(const struct cove__object_request *r, const void *arg, struct cove__buf *ret_token)
{
    cove_cancel_fire(to_fire);
    return step_response(r, arg, ret_token);
}

/* A long-running operation: while the token repeats it is not done. */
static void test_polls(void **state)
{
    static const struct cove__object_steps polled = { step_request, step_response, .polls_max = 3 },
                                           cancelled = { step_request, response_that_fires, .polls_max = 3 };
    static const struct exchange done[] = { { "POST /b/d x", TEXT("t1", "2") },
                                            { "POST /b/d?token=t1 x", TEXT("t1", "2") },
                                            { "POST /b/d?token=t1 x", EMPTY } },
                                 endless[] = { { "POST /b/d x", TEXT("t1", "2") },
                                               { "POST /b/d?token=t1 x", TEXT("t1", "2") },
                                               { "POST /b/d?token=t1 x", TEXT("t1", "2") },
                                               { "POST /b/d?token=t1 x", TEXT("t1", "2") } },
                                 once[] = { { "POST /b/d x", TEXT("t1", "2") } };
    struct cove__object_steps_end end;
    struct cove__object_name name = cove__object_split("b/d");
    struct cove__ctx stopped = ctx;

    EXPECT(done);
    assert_int_equal(cove__object_run_steps(&store, &polled, name, NULL, &ctx, &end, &err), 0);
    all_was_sent();
    EXPECT(endless);
    assert_int_equal(cove__object_run_steps(&store, &polled, name, NULL, &ctx, &end, &err), COVE_ESERVER);
    assert_non_null(strstr(err.message, "after 4 requests"));
    all_was_sent();
    EXPECT(once);
    stopped.cancel = to_fire = cove_cancel_new();
    assert_int_equal(cove__object_run_steps(&store, &cancelled, name, NULL, &stopped, &end, &err), COVE_ECANCELED);
    all_was_sent();
    cove_cancel_unref(to_fire);
}

static void test_moves(void **state)
{
    static const struct exchange object[] = { { "HEAD /b/k", OBJECT }, { "POST /b/to?from=k x", EMPTY } },
                                 lost[] = { { "HEAD /b/k", OBJECT },
                                            { "POST /b/to?from=k x", LOST },
                                            { "POST /b/to?from=k x", ERROR("404 Missing") },
                                            { "HEAD /b/to", OBJECT },
                                            { "HEAD /b/k", ERROR("404 Missing") } },
                                 in_steps[] = { { "HEAD /b/k", OBJECT },
                                                { "POST /b/to?from=k x", TEXT("t1", "2") },
                                                { "POST /b/to?from=k&token=t1 x", ERROR("404 Missing") },
                                                { "HEAD /b/to", OBJECT },
                                                { "HEAD /b/k", ERROR("404 Missing") } },
                                 copied_before[] = { { "HEAD /b/k", OBJECT },
                                                     { "POST /b/to?from=k x", LOST },
                                                     { "POST /b/to?from=k x", ERROR("404 Missing") },
                                                     { "HEAD /b/to", OBJECT },
                                                     { "HEAD /b/k", OBJECT } },
                                 changed[] = { { "HEAD /b/k", OBJECT },
                                               { "POST /b/to?from=k x", ERROR("412 Changed") } },
                                 directory[] = { { "HEAD /b/d", ERROR("404 Missing") },
                                                 { "POST /b/to?from=d x", EMPTY } },
                                 nothing[] = { { "HEAD /b/d", ERROR("404 Missing") },
                                               { "POST /b/to?from=d x", ERROR("404 Missing") } };

    EXPECT(object);
    assert_int_equal(cove__object_move(&store, "b/k", "b/to", &ctx, &err), 0);
    all_was_sent();
    EXPECT(lost);
    assert_int_equal(cove__object_move(&store, "b/k", "b/to", &ctx, &err), 0);
    all_was_sent();
    EXPECT(in_steps);
    assert_int_equal(cove__object_move(&store, "b/k", "b/to", &ctx, &err), 0);
    all_was_sent();
    EXPECT(copied_before); /* the target is what it would be, but the source is still there */
    fails(COVE_ENOTFOUND, cove__object_move(&store, "b/k", "b/to", &ctx, &err), "refused");
    EXPECT(changed);
    assert_int_equal(cove__object_move(&store, "b/k", "b/to", &ctx, &err), COVE_EPRECONDITION);
    all_was_sent();
    cove__object_remember_bucket(&store, cove__slice_str("b"));
    EXPECT(directory);
    assert_int_equal(cove__object_move(&store, "b/d", "b/to", &ctx, &err), 0);
    all_was_sent();
    EXPECT(nothing);
    assert_int_equal(cove__object_move(&store, "b/d", "b/to", &ctx, &err), COVE_ENOTFOUND);
    all_was_sent();
}

#define MISSING                                                                                                        \
    {                                                                                                                  \
        "HEAD /b/d", ERROR("404 Missing")                                                                              \
    }
#define SENT                                                                                                           \
    {                                                                                                                  \
        "POST /b/to?from=d x", LOST                                                                                    \
    }
#define AGAIN                                                                                                          \
    {                                                                                                                  \
        "POST /b/to?from=d x", ERROR("404 Missing")                                                                    \
    }
#define BEGUN                                                                                                          \
    {                                                                                                                  \
        "POST /b/to?from=d x", TEXT("t1", "2")                                                                         \
    }
#define BROKEN                                                                                                         \
    {                                                                                                                  \
        "POST /b/to?from=d&token=t1 x", ERROR("404 Missing")                                                           \
    }

/* "Not found" after an attempt that may have done it: the source and the target show what happened. */
static void test_directories_that_may_have_moved(void **state)
{
    static const struct exchange moved[] = { MISSING,
                                             SENT,
                                             AGAIN,
                                             { "GET /b?list=d/", TEXT("", "0") },
                                             { "GET /b?list=to/", TEXT("to/a", "4") } },
                                 never[] = { MISSING,
                                             SENT,
                                             AGAIN,
                                             { "GET /b?list=d/", TEXT("", "0") },
                                             { "GET /b?list=to/", TEXT("", "0") } },
                                 left[] = { MISSING, SENT, AGAIN, { "GET /b?list=d/", TEXT("d/a", "3") } },
                                 unseen[] = { MISSING, SENT, AGAIN, { "GET /b?list=d/", ERROR("403 No") } },
                                 in_steps[] = { MISSING,
                                                BEGUN,
                                                BROKEN,
                                                { "GET /b?list=d/", TEXT("", "0") },
                                                { "GET /b?list=to/", TEXT("to/a", "4") } },
                                 half[] = { MISSING, BEGUN, BROKEN, { "GET /b?list=d/", TEXT("d/a", "3") } };

    cove__object_remember_bucket(&store, cove__slice_str("b"));
    EXPECT(moved);
    assert_int_equal(cove__object_move(&store, "b/d", "b/to", &ctx, &err), 0);
    all_was_sent();
    EXPECT(never);
    fails(COVE_ENOTFOUND, cove__object_move(&store, "b/d", "b/to", &ctx, &err), "nothing below it");
    EXPECT(left);
    fails(COVE_ENOTFOUND, cove__object_move(&store, "b/d", "b/to", &ctx, &err), "refused");
    EXPECT(unseen);
    fails(COVE_EACCESS, cove__object_move(&store, "b/d", "b/to", &ctx, &err), "refused");
    EXPECT(in_steps);
    assert_int_equal(cove__object_move(&store, "b/d", "b/to", &ctx, &err), 0);
    all_was_sent();
    EXPECT(half);
    fails(COVE_ESERVER, cove__object_move(&store, "b/d", "b/to", &ctx, &err), "the directory still exists");
}

static void test_batches(void **state)
{
    static const char *const paths[] = { "b/a", "b/c", "b/d", "b/e", "b/f" },
                             *const odd[] = { "b/a", "b/c", "b/!", "b/d", "b/e" },
                             *const versions[] = { "\"a\"", "\"c\"", "\"d\"", "\"e\"", "\"f\"" };
    static const struct exchange two[] = { { "POST /b?batch 0=a;1=c;2=d;3=e;.", TEXT("0 204\n1 404\n", "12") },
                                           { "DELETE /b/f", EMPTY } },
                                 passing[] = { { "POST /b?batch 0=a;1=c;2=d;.", TEXT("1 503\n2 204\n", "12") },
                                               { "POST /b?batch 1=c;.", TEXT("1 204\n", "6") } },
                                 refused[] = { { "POST /b?batch 0=a;1=c;2=d;.", TEXT("1 403\n", "6") } },
                                 old[] = { { "POST /b?batch 0=a;1=c;2=d;.", TEXT("1 412\n", "6") },
                                           { "DELETE /b/c", ERROR("412 Changed") },
                                           { "HEAD /b/c", OBJECT } },
                                 between[] = { { "POST /b?batch 0=a;1=c;.", TEXT("", "0") },
                                               { "DELETE /b/!", EMPTY },
                                               { "POST /b?batch 0=d;1=e;.", TEXT("", "0") } };

    EXPECT(two);
    assert_int_equal(cove__object_remove(&store, paths, NULL, 5, &ctx, &err), 0);
    all_was_sent();
    EXPECT(passing);
    assert_int_equal(cove__object_remove(&store, paths, NULL, 3, &ctx, &err), 0);
    all_was_sent();
    EXPECT(refused);
    assert_int_equal(cove__object_remove(&store, paths, NULL, 3, &ctx, &err), COVE_EACCESS);
    assert_string_equal(err.message, "test test://b: 1 could not be deleted, the first: c (Code: A hold is on it)");
    all_was_sent();
    EXPECT(old);
    assert_int_equal(cove__object_remove(&store, paths, versions, 3, &ctx, &err), COVE_EPRECONDITION);
    all_was_sent();
    EXPECT(between);
    assert_int_equal(cove__object_remove(&store, odd, NULL, 5, &ctx, &err), 0);
    all_was_sent();
}

/* Names that are refused, each for itself, keep no other batch from being sent. What ends all of them ends with the
 * number of those that were not tried. */
static void test_batches_after_refusals(void **state)
{
    static const char *const paths[] = { "b/a", "b/c", "b/d", "b/e", "b/f", "b/g" };
    static const struct exchange refused[] = { { "POST /b?batch 0=a;1=c;2=d;3=e;.", TEXT("1 403\n2 403\n", "12") },
                                               { "POST /b?batch 0=f;1=g;.", TEXT("1 403\n", "6") } },
                                 all[] = { { "POST /b?batch 0=a;1=c;2=d;3=e;.", TEXT("1 401\n", "6") } },
                                 foreign[] = { { "POST /b?batch 0=a;1=c;.", TEXT("0 301\n1 301\n", "12") },
                                               { "POST /b?batch 0=a;1=c;.", TEXT("0 301\n1 301\n", "12") },
                                               { "POST /b?batch 0=a;1=c;.", TEXT("0 301\n1 301\n", "12") } };

    EXPECT(refused);
    fails(COVE_EACCESS, cove__object_remove(&store, paths, NULL, 6, &ctx, &err),
          "3 could not be deleted, the first: c (Code: A hold is on it)");
    all_was_sent();
    EXPECT(all);
    fails(COVE_EAUTH, cove__object_remove(&store, paths, NULL, 6, &ctx, &err),
          "1 could not be deleted, the first: c (Code); 2 more were not tried");
    all_was_sent();
    EXPECT(foreign);
    fails(COVE_EPROTOCOL, cove__object_remove(&store, paths, NULL, 2, &ctx, &err),
          "2 could not be deleted, the first: a (HTTP 301)");
    all_was_sent();
}

/* In a store whose responses have a result of each deletion: one without may have failed, and two of one are of none.
 */
static void test_batches_that_are_answered_in_part(void **state)
{
    static const char *const paths[] = { "b/a", "b/c" };
    static const char request[] = "POST /b?batch 0=a;1=c;.";
    static const struct exchange scripts[][2] = {
        { { request, TEXT("0 204\n", "6") }, { request, TEXT("0 204\n1 404\n", "12") } },
        { { request, TEXT("0 204\n0 204\n", "12") }, { request, TEXT("1 204\n0 204\n", "12") } },
        { { request, TEXT("0 204\n7 204\n", "12") }, { request, TEXT("0 204\n1 404\n", "12") } },
        { { request, TEXT("", "0") }, { request, TEXT("0 204\n1 404\n", "12") } },
    };
    const struct cove__object_batch_ops each = { .max = batch.max,
                                                 .request = batch.request,
                                                 .add = batch.add,
                                                 .end = batch.end,
                                                 .response = batch.response,
                                                 .answers_each = true };
    struct cove__object_ops answering = ops;

    answering.batch = &each;
    store.ops = &answering;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        EXPECT(scripts[i]);
        assert_int_equal(cove__object_remove(&store, paths, NULL, 2, &ctx, &err), 0);
        all_was_sent();
    }
    store.ops = &ops;
}

/* The names that a listing gives are no addresses of versions. */
static void test_names_like_versions(void **state)
{
    static const char *const paths[] = { "b/a=17" };
    static const struct exchange by_name[] = { { "DELETE /b/a=17", EMPTY } };
    struct cove__object_ops versioned = ops;

    versioned.version_mark = "=";
    store.ops = &versioned;
    store.version_aware = true;
    EXPECT(by_name);
    bool is_version = cove__object_locate(&store, paths[0]).version.size == 2;
    struct cove__object_failed failed = { 0 };
    int rc = cove__object_remove_exact(&store, paths, 1, &failed, &ctx, &err);
    static const struct exchange walk[] = { { "GET /b?list=d/", TEXT("d/a=17", "6") } };
    struct cove__page page = { 0 };
    all_was_sent();
    EXPECT(walk);
    int walked = cove__object_list(&store, "b/d", true, NULL, &ctx, &page, &err);
    cove__page_done(&page);
    store.version_aware = false;
    store.ops = &ops;
    assert_true(is_version);
    assert_int_equal(rc, 0);
    assert_int_equal(walked, COVE_EINVAL);
    assert_non_null(strstr(err.message, "b/d/a=17 ends like a version"));
    all_was_sent();
}

/* The store turns out to have neither: keys one by one, and that is remembered. */
static void test_unsupported(void **state)
{
    static const char *const paths[] = { "b/a", "b/a" };
    static const struct exchange no_batch[] = { { "POST /b?batch 0=a;1=a;.", ERROR("501 Unknown") },
                                                { "DELETE /b/a", EMPTY },
                                                { "DELETE /b/a", EMPTY } },
                                 after[] = { { "DELETE /b/a", EMPTY }, { "DELETE /b/a", EMPTY } };

    EXPECT(no_batch);
    assert_int_equal(cove__object_remove(&store, paths, NULL, 2, &ctx, &err), 0);
    all_was_sent();
    EXPECT(after);
    assert_int_equal(cove__object_remove(&store, paths, NULL, 2, &ctx, &err), 0);
    all_was_sent();
}

/* Without memory for a header or a query nothing is sent: what is missing may be a condition or a prefix. */
static void test_requests_that_are_not_whole(void **state)
{
    static const struct exchange nothing[] = { { "", "" } };
    struct cove__object_request r;

    for (int i = 0; i < 2; i++) {
        EXPECT(nothing);
        cove__object_request_init(&r, &store, "GET", cove__object_split("b/k"), &ctx);
        (i == 0 ? &r.extra : &r.query)->rc = COVE_ENOMEM;
        assert_int_equal(cove__object_run(&r, &err), COVE_ENOMEM);
        assert_int_equal(server.at, 0);
        cove__object_request_done(&r);
    }
}

/* Where the time is signed, a refusal by a store with another clock is repeated once, by its clock. */
static void test_clocks(void **state)
{
#define OF_1994                                                                                                        \
    "HTTP/1.1 403 No\r\nContent-Length: 0\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n\r\n"
    static const struct exchange once[] = { { "DELETE /b/a", OF_1994 } },
                                 twice[] = { { "DELETE /b/a", OF_1994 }, { "DELETE /b/a", EMPTY } };
    static const char *const path = "b/a";
    struct cove__object_ops signing = ops;

    EXPECT(once);
    fails(COVE_EACCESS, cove__object_remove(&store, &path, NULL, 1, &ctx, &err), "refused");
    signing.signs_time = true;
    store.ops = &signing;
    EXPECT(twice);
    assert_int_equal(cove__object_remove(&store, &path, NULL, 1, &ctx, &err), 0);
    all_was_sent();
    store.ops = &ops;
    store.clock_skew_ns = 0;
}

/* ---- what a table leaves out ---- */

static void copy_request(struct cove__object_request *r, const struct cove__object_source *from, const char *replaced,
                         bool new_properties)
{
    cove__buf_add_str(&r->query, "copy");
}

static int copy_response(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *e)
{
    return 0;
}

/* No group of operations crashes where the store has none of its kind. */
static void test_without_groups(void **state)
{
    static const struct exchange between[] = { { "HEAD /b/k", OBJECT } };
    struct cove__upload_page uploads = COVE__UPLOAD_PAGE_INIT;
    struct cove__page page = { 0 };
    struct cove__upload *upload;
    void *tail;

    EXPECT(between);
    fails(COVE_ENOTSUP, cove__object_move(&store, "b/k", "b2/to", &ctx, &err), "cannot copy objects");
    expect(NULL, 0);
    fails(COVE_ENOTSUP, cove__object_copy(&store, "b/k", NULL, "b/to", &ctx, &err), "cannot copy objects");
    fails(COVE_ENOTSUP, cove__object_set_metadata(&store, "b/k", NULL, 0, &ctx, &err), "cannot copy objects");
    fails(COVE_ENOTSUP, cove__object_append_open(&store, "b/k", false, NULL, &ctx, &tail, &err), "has no appends");
    fails(COVE_ENOTSUP, cove__object_upload_begin(&store, "b/k", NULL, &ctx, &upload, &err), "has no uploads");
    fails(COVE_ENOTSUP, cove__object_list_uploads(&store, "b", NULL, &ctx, &uploads, &err), "no list of unfinished");
    fails(COVE_ENOTSUP, cove__object_remove_upload(&store, "b/k", "u1", &ctx, &err), "has no uploads");
    fails(COVE_ENOTSUP, cove__object_list(&store, "", false, NULL, &ctx, &page, &err), "no list of its buckets");
}

/* Copies without uploads, and without a threshold: by one request, as large as that takes. */
static void test_copies_alone(void **state)
{
    static const struct exchange by_one[] = { { "HEAD /b/k", OBJECT }, { "PUT /b/k?copy", EMPTY } },
                                 too_large[] = { { "HEAD /b/k", OBJECT } };
    struct cove__object_copy_ops copy = { .max_size = 3, .request = copy_request, .response = copy_response };
    struct cove__object_ops copies = ops;

    copies.copy = &copy;
    store.ops = &copies;
    EXPECT(by_one);
    assert_int_equal(cove__object_set_metadata(&store, "b/k", NULL, 0, &ctx, &err), 0);
    all_was_sent();
    copy.max_size = 2;
    EXPECT(too_large);
    fails(COVE_ELIMIT, cove__object_set_metadata(&store, "b/k", NULL, 0, &ctx, &err), "no object of more than 2 bytes");
    store.ops = &ops;
}

static void conditional_copy(struct cove__object_request *r, const struct cove__object_source *from,
                             const char *replaced, bool new_properties)
{
    cove__buf_addf(&r->query, "copy%s", from->version ? from->version : "");
}

static int copy_of_its_size(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *e)
{
    ret->size = (int64_t)r->http.response.size;
    ret->has_size = true;
    return 0;
}

static bool is_too_large(const struct cove__object_request *r)
{
    return r->http.status == 413;
}

/* A plain copy that asks for its source first makes a copy of what it has seen, and compares the two. */
static void test_copies_of_what_was_seen(void **state)
{
    static const struct exchange same[] = { { "PUT /b/to?copy", ERROR("413 Large") },
                                            { "HEAD /b/k", OBJECT },
                                            { "PUT /b/to?copy\"e\"", TEXT("abc", "3") } },
                                 other[] = { { "PUT /b/to?copy", ERROR("413 Large") },
                                             { "HEAD /b/k", OBJECT },
                                             { "PUT /b/to?copy\"e\"", TEXT("ab", "2") } },
                                 changed[] = { { "PUT /b/to?copy", ERROR("413 Large") },
                                               { "HEAD /b/k", OBJECT },
                                               { "PUT /b/to?copy\"e\"", ERROR("412 Changed") },
                                               { "PUT /b/to?copy", TEXT("ab", "2") } };
    struct cove__object_copy_ops copy = {
        .max_size = 3, .request = conditional_copy, .response = copy_of_its_size, .too_large = is_too_large
    };
    struct cove__object_ops copies = ops;

    copies.copy = &copy;
    store.ops = &copies;
    EXPECT(same);
    assert_int_equal(cove__object_copy(&store, "b/k", NULL, "b/to", &ctx, &err), 0);
    all_was_sent();
    EXPECT(other);
    fails(COVE_ECORRUPT, cove__object_copy(&store, "b/k", NULL, "b/to", &ctx, &err), "made 2 bytes of the 3");
    EXPECT(changed);
    assert_int_equal(cove__object_copy(&store, "b/k", NULL, "b/to", &ctx, &err), 0);
    all_was_sent();
    store.ops = &ops;
}

/* 0: any good status is the store's, and no more is asked. */
static void test_deleted_status(void **state)
{
    static const char *const path = "b/a";
    static const struct exchange any[] = { { "DELETE /b/a", TEXT("", "0") } },
                                 other[] = { { "DELETE /b/a", TEXT("", "0") }, { "HEAD /b/a", ERROR("404 Missing") } };
    struct cove__object_ops undemanding = ops;

    undemanding.deleted_status = 0;
    store.ops = &undemanding;
    EXPECT(any);
    assert_int_equal(cove__object_remove(&store, &path, NULL, 1, &ctx, &err), 0);
    all_was_sent();
    store.ops = &ops;
    EXPECT(other);
    assert_int_equal(cove__object_remove(&store, &path, NULL, 1, &ctx, &err), 0);
    all_was_sent();
}

static void abort_request(struct cove__object_request *r, const char *id)
{
    cove__buf_addf(&r->query, "id=%s", id);
}

static void list_uploads(struct cove__object_request *r, struct cove__slice below, const struct cove__upload_page *last)
{
    cove__buf_add_str(&r->query, "uploads");
}

/* An abort is one request. A caller with the right to abort may lack the right to list. */
static void test_aborts(void **state)
{
    static const struct cove__object_upload_ops upload = { .abort_request = abort_request,
                                                           .list_request = list_uploads },
                                                unlisted = { .abort_request = abort_request };
    static const struct exchange abort[] = { { "DELETE /b/k?id=u1", EMPTY } },
                                 list[] = { { "GET /b?uploads", ERROR("403 No") } };
    struct cove__object_ops uploads = ops;

    uploads.upload = &upload;
    store.ops = &uploads;
    EXPECT(abort);
    assert_int_equal(cove__object_remove_upload(&store, "b/k", "u1", &ctx, &err), 0);
    all_was_sent();
    EXPECT(list);
    fails(COVE_EACCESS, cove__object_upload_is_listed(&store, "b/k", "u1", &ctx, &err), "refused");
    uploads.upload = &unlisted;
    expect(NULL, 0);
    fails(COVE_ENOTSUP, cove__object_upload_is_listed(&store, "b/k", "u1", &ctx, &err), "no list of unfinished");
    store.ops = &ops;
}

/* Over a limit is not out of memory. */
static void test_limits(void **state)
{
    static char path[3 << 20];
    const char *const paths[] = { path, path, path };
    struct cove__page page = { 0 };

    memset(path, 'k', sizeof path - 1);
    memcpy(path, "b/", 2);
    store.capabilities.learned[COVE__BATCH_DELETE] = COVE__CAN_YES;
    expect(NULL, 0);
    fails(COVE_ELIMIT, cove__object_remove(&store, paths, NULL, 3, &ctx, &err), "3 deletions cannot be kept in memory");
    fails(COVE_ELIMIT, cove__object_list(&store, path, false, NULL, &ctx, &page, &err),
          "prefix cannot be kept in memory");
}

/* ---- reads ---- */

#define SHORT "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: \"e\"\r\nConnection: close\r\n\r\nab"
#define WHOLE "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: \"e\"\r\nConnection: close\r\n\r\nabc"

static int read_known(int64_t size, uint8_t *dst, int64_t *ret_count)
{
    struct cove__read_io io = { .path = "b/k", .length = 8, .dst = dst, .if_match = "\"e\"", .if_size = size };
    struct cove__inbox inbox;

    io.op.ctx = ctx;
    cove__op_will_wait(&io.op, &inbox);
    cove__op_start(&io.op);
    cove__object_read(&store, &io);
    int rc = cove__op_wait(&io.op, &err);
    *ret_count = io.op.count;
    cove__free(io.ret_etag);
    return rc;
}

/* A response that was cut on the way, with a Content-Length to suit, is another attempt, and an error in the end. */
static void a_version_keeps_its_size(void **state)
{
    const struct exchange cut[] = { { "GET /b/k", SHORT }, { "GET /b/k", SHORT }, { "GET /b/k", SHORT } };
    const struct exchange then_whole[] = { { "GET /b/k", SHORT }, { "GET /b/k", WHOLE } };
    const struct exchange not_known[] = { { "GET /b/k", SHORT } };
    uint8_t data[8];
    int64_t n;

    EXPECT(cut);
    fails(COVE_ECORRUPT, read_known(3, data, &n), "2 bytes, but this version has 3");
    all_was_sent();
    EXPECT(then_whole);
    assert_int_equal(read_known(3, data, &n), 0);
    assert_int_equal(n, 3);
    assert_memory_equal(data, "abc", 3);
    all_was_sent();
    EXPECT(not_known);
    assert_int_equal(read_known(0, data, &n), 0);
    assert_int_equal(n, 2);
    all_was_sent();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_endless_steps),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_polls),
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_directories_that_may_have_moved),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_batches_after_refusals),
        cmocka_unit_test(test_batches_that_are_answered_in_part),
        cmocka_unit_test(test_names_like_versions),
        cmocka_unit_test(test_unsupported),
        cmocka_unit_test(test_requests_that_are_not_whole),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_without_groups),
        cmocka_unit_test(test_copies_alone),
        cmocka_unit_test(test_copies_of_what_was_seen),
        cmocka_unit_test(test_deleted_status),
        cmocka_unit_test(test_aborts),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(a_version_keeps_its_size),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
