/* Pages of listings from entries as backends add them: checks, markers, order, tokens, virtual directories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fs/object/known.h"
#include "fs/object/object.h"
#include "fs/object/virtual.h"

/* A listing of the directory b/d under way. */
struct listing {
    struct cove__page page;
    struct cove__object_page_reader p;
};

static void begin(struct listing *l)
{
    *l = (struct listing){ 0 };
    cove__object_page_init(&l->p, &l->page);
    l->p.bucket = cove__slice_str("b");
    l->p.prefix = cove__slice_str("d/");
}

static void end(struct listing *l)
{
    cove__object_page_done(&l->p);
    cove__page_done(&l->page);
}

static int add(struct listing *l, const char *key, int64_t size)
{
    return cove__object_page_add(
        &l->p,
        &(struct cove__object_entry){ .key = cove__slice_str(key), .size = size, .mtime_ns = 7, .version = "\"v\"" });
}

static int add_prefix(struct listing *l, const char *key)
{
    return cove__object_page_add_prefix(&l->p, cove__slice_str(key));
}

/* The page's paths, a directory with a slash at its end, joined by a space; lives until the next call. */
static const char *shown(const struct cove__page *page)
{
    static char text[512];

    text[0] = '\0';
    for (size_t i = 0; i < page->n; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s%s", i > 0 ? " " : "", page->items[i].path,
                 page->items[i].type == COVE_INFO_DIRECTORY ? "/" : "");
    return text;
}

/* A store gives objects and prefixes in two lists. */
static void test_one_level(void **state)
{
    struct listing l;

    begin(&l);
    assert_int_equal(add(&l, "d/", 0), 0); /* the directory's own marker */
    assert_int_equal(add(&l, "d/a-b", 3), 0);
    assert_int_equal(add(&l, "d/a0", 1), 0);
    assert_int_equal(add(&l, "d/s/", 5), 0); /* with bytes it is no marker */
    assert_int_equal(add_prefix(&l, "d/a/"), 0);
    assert_int_equal(add_prefix(&l, "d//"), 0);
    assert_int_equal(cove__object_page_end(&l.p, NULL), 0);
    assert_string_equal(shown(&l.page), "b/d/// b/d/a-b b/d/a/ b/d/a0 b/d/s/");
    assert_null(l.page.token);
    assert_int_equal(l.page.items[1].size, 3);
    assert_int_equal(l.page.items[1].mtime_ns, 7);
    assert_string_equal(l.page.items[1].etag, "\"v\"");
    assert_int_equal(l.page.items[2].mtime_ns, -1);
    assert_null(l.page.items[2].etag);
    assert_int_equal(l.page.items[4].type, COVE_INFO_FILE);
    end(&l);

    begin(&l);
    assert_int_equal(add(&l, "d/", 0), 0);
    assert_int_equal(cove__object_page_end(&l.p, NULL), 0);
    assert_true(l.page.n == 0 && l.p.seen);
    end(&l);
}

static void test_all_levels(void **state)
{
    struct listing l;

    begin(&l);
    l.p.deep = true;
    assert_int_equal(add(&l, "d/e/", 0), 0);
    assert_int_equal(add(&l, "d/e/f", 1), 0);
    assert_int_equal(add(&l, "d/e-1", 1), 0);
    assert_int_equal(cove__object_page_end(&l.p, NULL), 0);
    assert_string_equal(shown(&l.page), "b/d/e-1 b/d/e/ b/d/e/f");
    end(&l);

    begin(&l); /* for a removal: markers are objects */
    l.p.deep = l.p.keys = true;
    assert_int_equal(add(&l, "d/e/", 0), 0);
    assert_int_equal(add(&l, "d/e//", 0), 0);
    assert_int_equal(cove__object_page_end(&l.p, NULL), 0);
    assert_string_equal(shown(&l.page), "b/d/e/ b/d/e//");
    assert_int_equal(l.page.items[0].type, COVE_INFO_FILE);
    end(&l);
}

/* Azure: an object that the store calls a directory, beside the prefix of its content. */
static void test_placeholders(void **state)
{
    for (int deep = 0; deep < 2; deep++) {
        struct listing l;

        begin(&l);
        l.p.deep = deep;
        struct cove__object_entry entry = { .key = cove__slice_str("d/e"), .version = "\"e\"", .directory = true };
        assert_int_equal(cove__object_page_add(&l.p, &entry), 0);
        assert_int_equal(add(&l, "d/e-1", 1), 0);
        assert_int_equal(deep ? add(&l, "d/e/f", 1) : add_prefix(&l, "d/e/"), 0);
        assert_int_equal(cove__object_page_end(&l.p, NULL), 0);
        assert_string_equal(shown(&l.page), deep ? "b/d/e-1 b/d/e/ b/d/e/f" : "b/d/e-1 b/d/e/");
        assert_string_equal(l.page.items[1].etag, "\"e\"");
        end(&l);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *key;
        int64_t size;
        const char *wrong;
    } rows[] = {
        { "", 1, "it has an entry without a name" },
        { "x/y", 1, "it has an entry that is not below the folder" },
        { "d", 1, "it has an entry that is not below the folder" },
        { "d/a", -1, "it has an object without a valid size" },
    };
    struct listing l;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(&l);
        assert_int_equal(add(&l, rows[i].key, rows[i].size), COVE_EPROTOCOL);
        assert_string_equal(l.p.wrong, rows[i].wrong);
        assert_int_equal(l.page.n, 0);
        end(&l);
    }
    begin(&l);
    assert_int_equal(add_prefix(&l, "x/"), COVE_EPROTOCOL);
    assert_int_equal(cove__object_page_add_bucket(&l.p, cove__slice_str("")), COVE_EPROTOCOL);
    end(&l);
}

static void test_tokens(void **state)
{
    struct listing l;

    begin(&l); /* Google Cloud Storage and Azure: a page may be empty, and others follow */
    assert_int_equal(cove__object_page_more(&l.p, cove__slice_str("t2")), 0);
    assert_int_equal(cove__object_page_end(&l.p, "t1"), 0);
    assert_string_equal(l.page.token, "t2");
    assert_true(l.page.n == 0 && !l.p.seen);
    end(&l);

    begin(&l);
    assert_int_equal(cove__object_page_more(&l.p, cove__slice_str("t1")), 0);
    assert_int_equal(cove__object_page_end(&l.p, "t1"), COVE_EPROTOCOL);
    assert_null(l.page.token);
    assert_non_null(l.p.wrong);
    end(&l);

    begin(&l);
    assert_int_equal(cove__object_page_more(&l.p, cove__slice_str("")), 0);
    assert_int_equal(cove__object_page_end(&l.p, NULL), COVE_EPROTOCOL);
    end(&l);
}

/* Adds the file b/d/KEY, ends the page with the token and joins it; the caller's token comes back, owned. */
static char *join(struct cove__object_store *store, bool unordered, const char *key, const char *token,
                  const char *next, const char *expected)
{
    struct cove__buf before = COVE__BUF_INIT(4096);
    struct listing l;

    begin(&l);
    const char *own = cove__virtual_page_token(token, &before);
    if (key[strlen(key) - 1] == '/')
        assert_int_equal(add_prefix(&l, key), 0);
    else
        assert_int_equal(add(&l, key, 1), 0);
    if (next)
        assert_int_equal(cove__object_page_more(&l.p, cove__slice_str(next)), 0);
    assert_int_equal(cove__object_page_end(&l.p, own), 0);
    assert_int_equal(cove__virtual_page_join(store, "b/d/", false, unordered, token ? cove__buf_str(&before) : NULL,
                                             cove__virtual_time(store), &l.page),
                     0);
    assert_string_equal(shown(&l.page), expected);
    char *ret = l.page.token ? cove__strdup(l.page.token) : NULL;
    cove__buf_done(&before);
    end(&l);
    return ret;
}

static void test_virtual_directories(void **state)
{
    static struct cove__object_known known;
    static struct cove__object_store store = { .known = &known };

    assert_int_equal(cove__virtual_make(&store, "b/d/c"), 0);
    assert_int_equal(cove__virtual_make(&store, "b/d/m/n"), 0);
    assert_int_equal(cove__virtual_make(&store, "b/d/z"), 0);

    char *token = join(&store, false, "d/k", NULL, "t1", "b/d/c/ b/d/k");
    assert_string_equal(token, "5:b/d/kt1");
    char *second = join(&store, false, "d/m/", token, "t2", "b/d/m/");
    assert_string_equal(second, "6:b/d/m/t2");
    assert_null(join(&store, false, "d/o", second, NULL, "b/d/o b/d/z/"));
    cove__free(token);
    cove__free(second);

    /* In no order: all on the first page, and none again. */
    token = join(&store, true, "d/k", NULL, "t1", "b/d/c/ b/d/k b/d/m/ b/d/z/");
    assert_null(join(&store, true, "d/m/", token, NULL, ""));
    cove__free(token);
    cove__virtual_forget_tree(&store, "b");
    cove__free(known.directories);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_level), cmocka_unit_test(test_all_levels), cmocka_unit_test(test_placeholders),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_tokens),     cmocka_unit_test(test_virtual_directories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
