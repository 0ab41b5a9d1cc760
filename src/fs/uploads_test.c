/* Uploads that were left behind: steps that are tried again, whose time it is, and temporary files behind links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "fs/fs_impl.h"

#define SHORT_MS 20

/* ---- a store of two pages, with an upload each ---- */

static struct {
    unsigned lists, looks, aborts;
    unsigned comes_back; /* so many aborts of u1 do not end it, which only the store's lists show */
    unsigned fails;      /* this list fails, from 1 on; 0: none */
    bool takes_all;      /* the first list lasts until its deadline */
    int refuses;         /* the code of each check, without the right to list */
    bool late;           /* the last slot was called after its deadline */
    bool gone[2];        /* u1, u2 */
    int64_t deadline_ns; /* of the first list */
    bool longer;         /* a later list had another one */
    char aborted[16][8]; /* ids */
} store;

static struct cove__fs_ops ops;
static cove_fs *fs;

static int list_uploads(void *self, const char *path, const struct cove__upload_page *last, const struct cove__ctx *ctx,
                        struct cove__upload_page *ret, struct cove_error *err)
{
    const char *name = last ? "u2" : "u1";

    (void)self, (void)path;
    store.late = cove__now_ns() >= ctx->deadline_ns;
    if (store.lists == 0)
        store.deadline_ns = ctx->deadline_ns;
    store.longer |= ctx->deadline_ns != store.deadline_ns;
    if (++store.lists == store.fails)
        return cove__fs_fail(err, ctx, COVE_ESERVER, "the store failed");
    while (store.takes_all && store.lists == 1 && cove__now_ns() < ctx->deadline_ns)
        nanosleep(&(struct timespec){ .tv_nsec = COVE__MS }, NULL);
    ret->n_listed = 1;
    ret->more = !last;
    cove__buf_add_str(&ret->next_key, "k");
    cove__buf_add_str(&ret->next_id, name);
    if (store.gone[last ? 1 : 0])
        return 0;
    return cove__upload_page_add(ret, cove__slice_str("uploads-test/k"), cove__slice_str(name), 1);
}

static int remove_upload(void *self, const char *path, const char *id, const struct cove__ctx *ctx,
                         struct cove_error *err)
{
    bool *gone = &store.gone[strcmp(id, "u2") == 0];

    (void)self, (void)path, (void)err;
    store.late = cove__now_ns() >= ctx->deadline_ns;
    assert_true(store.aborts < sizeof store.aborted / sizeof store.aborted[0]);
    snprintf(store.aborted[store.aborts++], sizeof store.aborted[0], "%s", id);
    if (*gone)
        return 1;
    if (strcmp(id, "u1") == 0 && store.comes_back > 0)
        store.comes_back--;
    else
        *gone = true;
    return 0;
}

static int is_listed(void *self, const char *path, const char *id, const struct cove__ctx *ctx, struct cove_error *err)
{
    (void)self, (void)path;
    store.looks++;
    return store.refuses ? cove__fs_fail(err, ctx, store.refuses, "refused") : !store.gone[strcmp(id, "u2") == 0];
}

static int begin(void **state)
{
    (void)state;
    memset(&store, 0, sizeof store);
    if (cove_fs_from_url("memory://uploads-test", NULL, &fs, NULL, NULL) < 0)
        return -1;
    ops = cove__memory_ops;
    ops.upload.list = list_uploads;
    ops.upload.remove = remove_upload;
    ops.upload.is_listed = is_listed;
    fs->ops = &ops;
    return 0;
}

static int end(void **state)
{
    (void)state;
    fs->ops = &cove__memory_ops;
    cove_fs_unref(fs);
    return 0;
}

static cove_uploads *open_uploads(const char *path, const struct cove_call *call)
{
    cove_uploads *uploads = NULL;

    assert_int_equal(cove_fs_abandoned_uploads(fs, path, 0, call, &uploads, NULL), 0);
    return uploads;
}

static void a_step_that_failed_is_tried_again(void **state)
{
    cove_uploads *uploads = open_uploads("uploads-test", NULL);
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_upload u;

    (void)state;
    store.fails = 2;
    assert_int_equal(cove_uploads_next(uploads, &u, &err), 1);
    assert_int_equal(cove_uploads_next(uploads, &u, &err), COVE_ESERVER);
    assert_int_equal(cove_uploads_next(uploads, &u, &err), 1);
    assert_string_equal(u.upload_id, "u2");
    assert_int_equal(cove_uploads_next(uploads, &u, &err), 0);
    assert_int_equal(store.lists, 3);
    cove_uploads_free(uploads);
}

/* The first page takes all of the time: with one timeout, nothing is left for an abort and the next page. */
static void one_timeout_for_pages_and_aborts(void **state)
{
    struct cove_call call = COVE_CALL_INIT;
    struct cove_upload u;

    (void)state;
    call.timeout_ms = SHORT_MS;
    store.takes_all = true;
    cove_uploads *uploads = open_uploads("uploads-test", &call);
    cove_uploads_use_one_timeout(uploads);
    assert_int_equal(cove_uploads_next(uploads, &u, NULL), 1);
    assert_int_equal(cove_uploads_abort(uploads, NULL), 0);
    assert_true(store.late);
    assert_int_equal(cove_uploads_next(uploads, &u, NULL), 1);
    assert_true(store.late);
    cove_uploads_free(uploads);
}

/* The first page is empty. */
static void one_timeout_for_the_pages_of_a_step(void **state)
{
    struct cove_call call = COVE_CALL_INIT;
    struct cove_upload u;

    (void)state;
    call.timeout_ms = SHORT_MS;
    store.takes_all = store.gone[0] = true;
    cove_uploads *uploads = open_uploads("uploads-test", &call);
    assert_int_equal(cove_uploads_next(uploads, &u, NULL), 1);
    assert_int_equal(store.lists, 2);
    assert_false(store.longer);
    cove_uploads_free(uploads);
}

static void the_upload_of_the_last_step_is_aborted(void **state)
{
    cove_uploads *uploads = open_uploads("uploads-test", NULL);
    struct cove_upload u;

    (void)state;
    assert_int_equal(cove_uploads_abort(uploads, NULL), COVE_ESTATE);
    store.fails = 2;
    assert_int_equal(cove_uploads_next(uploads, &u, NULL), 1);
    assert_int_equal(cove_uploads_abort(uploads, NULL), 0);
    assert_int_equal(cove_uploads_next(uploads, &u, NULL), COVE_ESERVER);
    assert_int_equal(cove_uploads_abort(uploads, NULL), COVE_ESTATE);
    assert_int_equal(cove_uploads_next(uploads, &u, NULL), 1);
    assert_int_equal(cove_uploads_abort(uploads, NULL), 0);
    assert_int_equal(cove_uploads_next(uploads, &u, NULL), 0);
    assert_int_equal(cove_uploads_abort(uploads, NULL), COVE_ESTATE);
    assert_string_equal(store.aborted[0], "u1");
    assert_string_equal(store.aborted[1], "u2");
    cove_uploads_free(uploads);
}

static void abort_all(struct cove_upload *u, cove_uploads *uploads)
{
    for (int i = 0; i < 2; i++) {
        assert_int_equal(cove_uploads_next(uploads, u, NULL), 1);
        assert_int_equal(cove_uploads_abort(uploads, NULL), 0);
    }
}

/* However many were aborted, one more list: two pages and two. Where none was, or an abort is final, there is none. */
static void those_aborted_are_looked_for_at_the_end(void **state)
{
    static const struct {
        unsigned comes_back, lists, aborts;
    } rows[] = { { 0, 4, 2 }, { 1, 6, 3 }, { 4, 12, 6 } };
    struct cove_upload u;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memset(&store, 0, sizeof store);
        store.comes_back = rows[i].comes_back;
        cove_uploads *uploads = open_uploads("uploads-test", NULL);
        abort_all(&u, uploads);
        assert_int_equal(cove_uploads_next(uploads, &u, NULL), 0);
        assert_int_equal(cove_uploads_next(uploads, &u, NULL), 0);
        assert_int_equal(store.lists, rows[i].lists);
        assert_int_equal(store.aborts, rows[i].aborts);
        assert_int_equal(store.looks, 0);
        cove_uploads_free(uploads);
    }
    for (int aborts = 0; aborts < 2; aborts++) {
        memset(&store, 0, sizeof store);
        ops.upload.is_listed = aborts ? NULL : is_listed;
        cove_uploads *uploads = open_uploads("uploads-test", NULL);
        for (int step = 0; step < 2; step++) {
            assert_int_equal(cove_uploads_next(uploads, &u, NULL), 1);
            if (aborts)
                assert_int_equal(cove_uploads_abort(uploads, NULL), 0);
        }
        assert_int_equal(cove_uploads_next(uploads, &u, NULL), 0);
        assert_int_equal(store.lists, 2);
        cove_uploads_free(uploads);
    }
}

/* The last step reports it, and can be tried again: here until the upload is gone. */
static void an_upload_that_stays(void **state)
{
    cove_uploads *uploads = open_uploads("uploads-test", NULL);
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_upload u;

    (void)state;
    store.comes_back = 7;
    abort_all(&u, uploads);
    assert_int_equal(cove_uploads_next(uploads, &u, &err), COVE_ESERVER);
    assert_non_null(strstr(err.message, "uploads-test/k: the store keeps the upload u1 after 5 removals"));
    assert_null(strstr(err.message, "others"));
    assert_int_equal(store.aborts, 6);
    store.fails = store.lists + 1;
    assert_int_equal(cove_uploads_next(uploads, &u, &err), COVE_ESERVER);
    assert_non_null(strstr(err.message, "the store failed"));
    assert_int_equal(cove_uploads_next(uploads, &u, &err), 0);
    assert_int_equal(store.aborts, 9);
    cove_uploads_free(uploads);
}

/* By its path alone it is looked for after each abort. */
static void one_upload_is_looked_for_at_once(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;

    (void)state;
    store.comes_back = 2;
    assert_int_equal(cove_fs_abort_upload(fs, "uploads-test/k", "u1", NULL, &err), 0);
    assert_int_equal(store.aborts, 3);
    assert_int_equal(store.looks, 3);
    assert_int_equal(cove_fs_abort_upload(fs, "uploads-test/k", "u1", NULL, &err), 0); /* there is none */
    assert_int_equal(store.aborts, 4);
    assert_int_equal(store.looks, 3);
    memset(&store, 0, sizeof store);
    store.comes_back = 9;
    assert_int_equal(cove_fs_abort_upload(fs, "uploads-test/k", "u1", NULL, &err), COVE_ESERVER);
    assert_int_equal(store.aborts, 5);
    assert_int_equal(store.lists, 0);
}

/* A caller with the right to abort uploads may lack the right to list them: the response to the abort is enough. */
static void an_upload_that_may_not_be_looked_for(void **state)
{
    static const struct {
        int refuses, rc;
    } rows[] = { { COVE_EACCESS, 0 }, { COVE_ENOTSUP, 0 }, { COVE_ENETWORK, COVE_ENETWORK } };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove_error err = COVE_ERROR_INIT;

        memset(&store, 0, sizeof store);
        store.refuses = rows[i].refuses;
        assert_int_equal(cove_fs_abort_upload(fs, "uploads-test/k", "u1", NULL, &err), rows[i].rc);
        assert_int_equal(err.code, rows[i].rc);
        assert_int_equal(store.aborts, 1);
    }
}

/* ---- local files ---- */

#define TEMPORARY ".f.0badcafe.cove-tmp"
#define NOBODY    65534
#define BESIDE    20

static char root[64];

static const char *below_root(const char *path, char out[256])
{
    snprintf(out, 256, "%s/%s", root, path);
    return out;
}

static void put(const char *path)
{
    char text[256];
    int fd = open(below_root(path, text), O_WRONLY | O_CREAT | O_EXCL, 0600);

    assert_true(fd >= 0);
    close(fd);
}

static bool exists(const char *path)
{
    char text[256];

    return access(below_root(path, text), F_OK) == 0;
}

/* root/shared is listed; root/victim has the upload of another user, with the same name. */
static int begin_with_files(void **state)
{
    char text[256];

    (void)state;
    snprintf(root, sizeof root, "/tmp/cove-uploads-test-XXXXXX");
    if (!mkdtemp(root) || cove_fs_from_url(root, NULL, &fs, NULL, NULL) < 0)
        return -1;
    for (size_t i = 0; i < 4; i++)
        mkdir(below_root((const char *[]){ "shared", "shared/d", "shared/d/e", "victim" }[i], text), 0700);
    mkdir(below_root("victim/e", text), 0700);
    put("shared/d/e/" TEMPORARY);
    put("victim/e/" TEMPORARY);
    return 0;
}

static int end_with_files(void **state)
{
    (void)state;
    int rc = cove_fs_remove_tree(fs, root, NULL, NULL);
    cove_fs_unref(fs);
    return rc;
}

/* As a user without permission. */
static int begin_with_files_of_nobody(void **state)
{
    if (getuid() == 0 && seteuid(NOBODY) < 0)
        return -1;
    return begin_with_files(state);
}

static int end_with_files_of_nobody(void **state)
{
    int rc = end_with_files(state);

    return seteuid(getuid()) < 0 ? -1 : rc;
}

static void a_temporary_file_is_removed(void **state)
{
    struct cove_upload u;
    char text[256];
    cove_uploads *uploads = open_uploads(below_root("shared", text), NULL);

    (void)state;
    assert_int_equal(cove_uploads_next(uploads, &u, NULL), 1);
    assert_string_equal(u.upload_id, "d/e/" TEMPORARY);
    assert_int_equal(cove_uploads_abort(uploads, NULL), 0);
    assert_int_equal(cove_uploads_abort(uploads, NULL), 0); /* it is gone */
    assert_false(exists("shared/d/e/" TEMPORARY));
    assert_int_equal(cove_uploads_next(uploads, &u, NULL), 0);
    cove_uploads_free(uploads);
    assert_int_equal(cove_fs_abort_upload(fs, below_root("victim/e/" TEMPORARY, text), TEMPORARY, NULL, NULL), 0);
    assert_false(exists("victim/e/" TEMPORARY));
}

/* What can be read is listed first, whatever order the folders have, then the one that cannot is an error. */
static void a_folder_that_cannot_be_read(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    char text[256], name[64], locked[256];
    struct cove_upload u;

    (void)state;
    for (int i = 0; i < BESIDE; i++) {
        snprintf(name, sizeof name, "shared/%d", i);
        assert_int_equal(mkdir(below_root(name, text), 0700), 0);
        snprintf(name, sizeof name, "shared/%d/" TEMPORARY, i);
        put(name);
    }
    assert_int_equal(chmod(below_root("shared/d", locked), 0), 0);
    cove_uploads *uploads = open_uploads(below_root("shared", text), NULL);
    for (int i = 0; i < BESIDE; i++) {
        assert_int_equal(cove_uploads_next(uploads, &u, &err), 1);
        assert_int_equal(cove_uploads_abort(uploads, &err), 0);
    }
    for (int i = 0; i < 2; i++) { /* and so is the same step again */
        assert_int_equal(cove_uploads_next(uploads, &u, &err), COVE_EACCESS);
        assert_non_null(strstr(err.message, locked));
    }
    assert_int_equal(chmod(locked, 0700), 0);
    assert_int_equal(cove_uploads_next(uploads, &u, &err), 1);
    assert_int_equal(cove_uploads_next(uploads, &u, &err), 0);
    cove_uploads_free(uploads);
}

/* A user who may write to a folder that is listed can put a link in its place before the abort. */
static void a_folder_is_swapped_for_a_link(void **state)
{
    char text[256], other[256];
    struct cove_upload u;

    (void)state;
    for (int deep = 0; deep < 2; deep++) {
        cove_uploads *uploads = open_uploads(below_root("shared", text), NULL);
        const char *folder = deep ? "shared/d/e" : "shared/d";

        assert_int_equal(cove_uploads_next(uploads, &u, NULL), 1);
        assert_int_equal(rename(below_root(folder, text), below_root("away", other)), 0);
        assert_int_equal(symlink(deep ? "../../victim/e" : "../victim", below_root(folder, text)), 0);
        assert_true(cove_uploads_abort(uploads, NULL) < 0);
        assert_true(exists("victim/e/" TEMPORARY));
        assert_int_equal(unlink(below_root(folder, text)), 0);
        assert_int_equal(rename(below_root("away", other), below_root(folder, text)), 0);
        cove_uploads_free(uploads);
    }
}

static void ids_that_lead_elsewhere(void **state)
{
    const char *const ids[] = { "../victim/e/" TEMPORARY, "./e/" TEMPORARY, "x" TEMPORARY, "e/x" };
    char text[256], path[600];

    (void)state;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", below_root("shared/d", text), ids[i]);
        assert_int_equal(cove_fs_abort_upload(fs, path, ids[i], NULL, NULL), COVE_EINVAL);
    }
    assert_true(exists("victim/e/" TEMPORARY));
    assert_true(exists("shared/d/e/" TEMPORARY));
}

/* ---- a page of a store that ignores the prefix ---- */

static bool has_no_x(const char *path, const void *user)
{
    (*(size_t *)user)++;
    return path[0] != 'x';
}

static int64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return cove__sec_ns(t.tv_sec) + t.tv_nsec;
}

static int64_t fill(struct cove__upload_page *page, size_t n)
{
    int64_t began_ns = cpu_ns();

    for (size_t i = 0; i < n; i++) {
        char id[24];

        snprintf(id, sizeof id, "%zu", i);
        assert_int_equal(
            cove__upload_page_add(page, cove__slice_str(i % 1000 == 7 ? "key" : "x"), cove__slice_str(id), 0), 0);
    }
    return cpu_ns() - began_ns;
}

/* To move all later entries for each one that goes took a thousand times as long as to add them. */
static void many_entries_are_dropped(void **state)
{
    const size_t n = 100000;
    struct cove__upload_page page = COVE__UPLOAD_PAGE_INIT;
    size_t asked = 0;
    int64_t added_ns = fill(&page, n), began_ns = cpu_ns();

    (void)state;
    cove__upload_page_filter(&page, has_no_x, &asked);
    assert_true(cpu_ns() - began_ns < 20 * added_ns);
    assert_int_equal(asked, n);
    assert_int_equal(page.n, n / 1000);
    for (size_t i = 0; i < page.n; i++) {
        assert_string_equal(page.items[i].path, "key");
        assert_int_equal(strtol(page.items[i].id, NULL, 10), i * 1000 + 7);
    }
    cove__upload_page_done(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_step_that_failed_is_tried_again, begin, end),
        cmocka_unit_test_setup_teardown(one_timeout_for_pages_and_aborts, begin, end),
        cmocka_unit_test_setup_teardown(one_timeout_for_the_pages_of_a_step, begin, end),
        cmocka_unit_test_setup_teardown(the_upload_of_the_last_step_is_aborted, begin, end),
        cmocka_unit_test_setup_teardown(those_aborted_are_looked_for_at_the_end, begin, end),
        cmocka_unit_test_setup_teardown(an_upload_that_stays, begin, end),
        cmocka_unit_test_setup_teardown(one_upload_is_looked_for_at_once, begin, end),
        cmocka_unit_test_setup_teardown(an_upload_that_may_not_be_looked_for, begin, end),
        cmocka_unit_test_setup_teardown(a_temporary_file_is_removed, begin_with_files, end_with_files),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_read, begin_with_files_of_nobody,
                                        end_with_files_of_nobody),
        cmocka_unit_test_setup_teardown(a_folder_is_swapped_for_a_link, begin_with_files, end_with_files),
        cmocka_unit_test_setup_teardown(ids_that_lead_elsewhere, begin_with_files, end_with_files),
        cmocka_unit_test(many_entries_are_dropped),
    };

    return cmocka_run_group_tests_name("uploads", tests, NULL, NULL);
}
