/* Settings of a Hadoop cluster: files as sites write them, variables, final values, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fs/hdfs/hdfs_site.h"

static char folder[] = "/tmp/cove-site-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!text) {
        unlink(path);
        return;
    }
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* The value of `name`, of the files and `extra`; "" where it is not set, the message where it fails. */
static const char *value_of(const char *name, const char *extra)
{
    static char text[1024];
    struct cove__hdfs_site site = { 0 };
    struct cove_error err = COVE_ERROR_INIT;
    char *value = NULL;
    int rc = cove__hdfs_site_read(&site, folder, extra, &err);

    if (rc == 0)
        rc = cove__hdfs_site_get(&site, name, &value, &err);
    snprintf(text, sizeof text, "%s", rc < 0 ? err.message : value ? value : "");
    cove__free(value);
    cove__hdfs_site_done(&site);
    return text;
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int empty(void **state)
{
    static const char *const names[] = { "core-site.xml", "hdfs-site.xml", "more.xml", "piece.txt" };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        put(names[i], NULL);
    return 0;
}

#define P(name, value)     "<property><name>" name "</name><value>" value "</value></property>"
#define FINAL(name, value) "<property><name>" name "</name><value>" value "</value><final>true</final></property>"
#define CONF(text)         "<configuration>" text "</configuration>"

static void test_order(void **state)
{
    (void)state;
    put("core-site.xml", CONF(P("a", "core") FINAL("b", "core") P("fs.default.name", "hdfs://old")));
    put("hdfs-site.xml", "<?xml version=\"1.0\"?>\n<?xml-stylesheet type=\"text/xsl\" href=\"configuration.xsl\"?>\n"
                         "<!-- note -->" CONF(P("a", "\n hdfs\n ") P("b", "hdfs") P("", "x") ""));
    assert_non_null(strstr(value_of("a", NULL), "hdfs-site.xml:5: a property without a name"));
    put("hdfs-site.xml",
        CONF(P("a", "\n hdfs\n ") P("b", "hdfs") "<property><name>none</name></property>"
                                                 "<property name=\"short\" value=\"form\" final=\"true\"/>"));
    assert_string_equal(value_of("a", NULL), "hdfs");
    assert_string_equal(value_of("b", NULL), "core");
    assert_string_equal(value_of("none", NULL), "");
    assert_string_equal(value_of("short", NULL), "form");
    assert_string_equal(value_of("fs.defaultFS", NULL), "hdfs://old");
    assert_string_equal(value_of("b", "{\"b\": \"mine\", \"n\": 3, \"t\": true}"), "mine");
    assert_string_equal(value_of("n", "{\"n\": 3}"), "3");
    assert_non_null(strstr(value_of("n", "{\"n\": 3"), "extra_conf is no JSON object"));
}

static void test_variables(void **state)
{
    (void)state;
    setenv("COVE_SITE_TEST", "here", 1);
    setenv("COVE_SITE_EMPTY", "", 1);
    unsetenv("COVE_SITE_NONE");
    put("core-site.xml",
        CONF(P("host", "nn.${domain}") P("domain", "${env.COVE_SITE_TEST}.example") P("x", "$${y} ${y} $ ${") P(
            "d", "${env.COVE_SITE_NONE:-a}${env.COVE_SITE_EMPTY:-b}${env.COVE_SITE_EMPTY-c}${env.COVE_SITE_NONE-d}")
                 P("u", "${env.COVE_SITE_NONE}") P("r1", "${r2}") P("r2", "-${r1}") P("wide", "${domain}${domain}")));
    assert_string_equal(value_of("host", NULL), "nn.here.example");
    assert_string_equal(value_of("x", NULL), "$${y} ${y} $ ${");
    assert_string_equal(value_of("d", NULL), "abd");
    assert_string_equal(value_of("u", NULL), "${env.COVE_SITE_NONE}");
    assert_non_null(strstr(value_of("r1", NULL), "core-site.xml:1: r1: its variables refer to each other in a circle"));
    assert_string_equal(value_of("wide", NULL), "here.examplehere.example");
}

static void test_includes(void **state)
{
    (void)state;
    put("core-site.xml", "<!DOCTYPE configuration [<!ENTITY host \"nn1.example\"><!ENTITY piece SYSTEM \"piece.txt\">]>"
                         "<configuration xmlns:xi=\"http://www.w3.org/2001/XInclude\">" P("a", "&host;:9000 &amp; co")
                             P("b", "x&piece;z") "<xi:include href=\"more.xml\"/>" P("e", "own") "</configuration>");
    put("piece.txt", "y");
    put("more.xml", CONF(P("c", "more") P("e", "more")));
    assert_string_equal(value_of("a", NULL), "nn1.example:9000 & co");
    assert_string_equal(value_of("b", NULL), "xyz");
    assert_string_equal(value_of("c", NULL), "more");
    assert_string_equal(value_of("e", NULL), "own");
    put("more.xml", NULL);
    assert_non_null(strstr(value_of("a", NULL), "core-site.xml:1: the included file is not there"));
    put("core-site.xml", CONF("<xi:include href=\"more.xml\" xmlns:xi=\"i\"><xi:fallback>" P(
                             "f", "instead") "</xi:fallback></xi:include>"));
    assert_string_equal(value_of("f", NULL), "instead");
    put("more.xml", CONF(P("g", "there")));
    assert_string_equal(value_of("f", NULL), "");
    assert_string_equal(value_of("g", NULL), "there");
}

static void test_refused(void **state)
{
    (void)state;
    put("core-site.xml", "<configuration>\n<property>");
    assert_non_null(strstr(value_of("a", NULL), "core-site.xml:2: not well-formed XML"));
    put("core-site.xml", "<html/>");
    assert_non_null(strstr(value_of("a", NULL), "not <configuration> but html"));
    put("core-site.xml", CONF("<include href=\"../core-site.xml\"/>"));
    assert_non_null(strstr(value_of("a", NULL), "only a file of the same folder"));
    put("core-site.xml", CONF("<include href=\"/etc/passwd\"/>"));
    assert_non_null(strstr(value_of("a", NULL), "only a file of the same folder"));
    put("core-site.xml", "<!DOCTYPE c [<!ENTITY p SYSTEM \"/etc/passwd\">]>" CONF(P("a", "&p;")));
    assert_non_null(strstr(value_of("a", NULL), "only a file of the same folder"));
    put("core-site.xml", CONF("<include href=\"core-site.xml\"/>"));
    assert_non_null(strstr(value_of("a", NULL), "too many files include each other"));
    put("core-site.xml", NULL);
    assert_non_null(strstr(value_of("a", NULL), "has no core-site.xml and no hdfs-site.xml"));
}

/* Entities that repeat each other: refused by our limit or by expat's. */
static void test_entities_that_grow(void **state)
{
    char text[4096] = "<!DOCTYPE c [<!ENTITY e0 \"0123456789abcdef0123456789abcdef\">";

    (void)state;
    for (int i = 1; i < 12; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "<!ENTITY e%d \"&e%d;&e%d;&e%d;&e%d;&e%d;&e%d;\">", i,
                 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    strcat(text, "]>" CONF(P("a", "&e11;")));
    put("core-site.xml", text);
    assert_non_null(strstr(value_of("a", NULL), "core-site.xml:1: "));
}

static void test_types(void **state)
{
    struct cove__hdfs_site site = { 0 };
    struct cove_error err = COVE_ERROR_INIT;
    int64_t n = 7;
    bool yes = false;

    (void)state;
    put("hdfs-site.xml", CONF(P("size", "128M") P("time", "20s") P("bare", "500") P("bool", "TRUE") P("bad", "soon")
                                  P("huge", "9999999999999g") P("empty", "")));
    assert_int_equal(cove__hdfs_site_read(&site, folder, NULL, &err), 0);
    assert_int_equal(cove__hdfs_site_size(&site, "none", &n, &err), 0);
    assert_int_equal(cove__hdfs_site_number(&site, "empty", 1, 9, &n, &err), 0);
    assert_int_equal(n, 7);
    assert_int_equal(cove__hdfs_site_size(&site, "size", &n, &err), 0);
    assert_int_equal(n, 128 << 20);
    assert_int_equal(cove__hdfs_site_duration(&site, "time", &n, &err), 0);
    assert_int_equal(n, 20000);
    assert_int_equal(cove__hdfs_site_duration(&site, "bare", &n, &err), 0);
    assert_int_equal(n, 500);
    assert_int_equal(cove__hdfs_site_bool(&site, "bool", &yes, &err), 0);
    assert_true(yes);
    assert_int_equal(cove__hdfs_site_duration(&site, "bad", &n, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "hdfs-site.xml:1: bad: \"soon\" is not a duration"));
    assert_int_equal(cove__hdfs_site_size(&site, "huge", &n, &err), COVE_EINVAL);
    assert_int_equal(cove__hdfs_site_number(&site, "bare", 0, 100, &n, &err), COVE_EINVAL);
    assert_int_equal(n, 500);
    cove__hdfs_site_done(&site);
}

/* Each allocation fails in turn: an error, and nothing is left behind. */
static void test_no_memory(void **state)
{
    (void)state;
    put("core-site.xml", CONF(P("a", "${b}") P("b", "1") "<include href=\"more.xml\"/>"));
    put("more.xml", CONF(P("c", "more")));
    for (unsigned long n = 1; n < 200; n++) {
        struct cove__hdfs_site site = { 0 };
        struct cove_error err = COVE_ERROR_INIT;
        char *value = NULL;

        cove__mem_fail(n, 0);
        int rc = cove__hdfs_site_read(&site, folder, "{\"d\": \"x\"}", &err);

        if (rc == 0)
            rc = cove__hdfs_site_get(&site, "a", &value, &err);
        bool over = cove__mem_fail(0, 0) < n;

        assert_true(rc == 0 ? strcmp(value, "1") == 0 : err.message[0] != '\0');
        cove__free(value);
        cove__hdfs_site_done(&site);
        if (over)
            break;
        assert_int_equal(rc, COVE_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, empty, empty),
        cmocka_unit_test_setup_teardown(test_variables, empty, empty),
        cmocka_unit_test_setup_teardown(test_includes, empty, empty),
        cmocka_unit_test_setup_teardown(test_refused, empty, empty),
        cmocka_unit_test_setup_teardown(test_entities_that_grow, empty, empty),
        cmocka_unit_test_setup_teardown(test_types, empty, empty),
        cmocka_unit_test_setup_teardown(test_no_memory, empty, empty),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
