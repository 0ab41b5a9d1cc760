/* A table that lacks what the engine needs is refused when its store is opened, by the name of the slot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/object/append.h"
#include "fs/object/copy.h"
#include "fs/object/object.h"

static enum cove__can can(const struct cove__object_store *store, enum cove__capability capability)
{
    return COVE__CAN_NO;
}

static int prepare(struct cove__object_request *r, struct cove_error *err)
{
    return 0;
}

static bool classify(struct cove__object_request *r, struct cove_error *err)
{
    return false;
}

static void list_request(struct cove__object_request *r, const struct cove__object_list_query *query)
{
}

static int list_response(const struct cove__object_request *r, struct cove__object_page_reader *page)
{
    return 0;
}

static bool extends(const struct cove__object_store *store, struct cove__object_name name)
{
    return true;
}

static const struct cove__object_ops needed = { .name = "needed",
                                                .headers = { .version = "etag",
                                                             .size = "content-length",
                                                             .metadata = "x-meta-",
                                                             .write_mark = "write",
                                                             .if_match = "If-Match",
                                                             .if_new = "If-None-Match: *" },
                                                .can = can,
                                                .prepare = prepare,
                                                .classify = classify,
                                                .list_page_max = 1,
                                                .list_request = list_request,
                                                .list_response = list_response,
                                                .put_max = 1 };

/* What the assertion writes to stderr when it ends the child process; "": the store was opened. */
static void open_store(const struct cove__object_ops *ops, char *ret_text, size_t size)
{
    int ends[2], status;
    size_t n = 0;
    ssize_t got;

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct cove__object_store store = { 0 };

        dup2(ends[1], STDERR_FILENO);
        cove__object_store_init(&store, ops);
        _exit(0);
    }
    close(ends[1]);
    while ((got = read(ends[0], ret_text + n, size - 1 - n)) > 0)
        n += (size_t)got;
    ret_text[n] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WIFSIGNALED(status), n > 0);
}

#define WITHOUT(member)                                                                                                \
    do {                                                                                                               \
        struct cove__object_ops ops = needed;                                                                          \
        memset(&ops.member, 0, sizeof ops.member);                                                                     \
        open_store(&ops, text, sizeof text);                                                                           \
        assert_non_null(strstr(text, #member));                                                                        \
    } while (0)

static void test_slots(void **state)
{
    char text[1024];

    open_store(&needed, text, sizeof text);
    assert_string_equal(text, "");
    WITHOUT(name);
    WITHOUT(headers.version);
    WITHOUT(headers.size);
    WITHOUT(headers.metadata);
    WITHOUT(headers.write_mark);
    WITHOUT(headers.if_match);
    WITHOUT(headers.if_new);
    WITHOUT(can);
    WITHOUT(prepare);
    WITHOUT(classify);
    WITHOUT(list_page_max);
    WITHOUT(list_request);
    WITHOUT(list_response);
    WITHOUT(put_max);
}

static void test_groups(void **state)
{
    static const struct cove__object_upload_ops upload = { 0 };
    static const struct cove__object_copy_ops copy = { 0 };
    static const struct cove__object_batch_ops batch = { 0 };
    static const struct cove__object_append_ops append = { .extends = extends };
    struct cove__object_ops ops = needed;
    char text[1024];

    ops.upload = &upload;
    open_store(&ops, text, sizeof text);
    assert_non_null(strstr(text, "upload->part_rules"));
    ops = needed;
    ops.copy = &copy;
    open_store(&ops, text, sizeof text);
    assert_non_null(strstr(text, "copy->request"));
    ops = needed;
    ops.batch = &batch;
    open_store(&ops, text, sizeof text);
    assert_non_null(strstr(text, "batch->max"));
    ops = needed;
    ops.append = &append;
    open_store(&ops, text, sizeof text);
    assert_non_null(strstr(text, "append->extend"));
}

int main(void)
{
#ifdef NDEBUG /* a release build asserts nothing */
    return 77;
#endif
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_slots), cmocka_unit_test(test_groups) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
