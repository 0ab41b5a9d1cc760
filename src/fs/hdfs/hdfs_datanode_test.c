/* DataNodes that failed: which are tried last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fs/hdfs/hdfs.h"

static void test_suspects(void **state)
{
    static struct cove__hdfs fs;
    const struct cove__hdfs_node a = { .uuid = cove__slice_str("a") }, ab = { .uuid = cove__slice_str("ab") };

    (void)state;
    assert_false(cove__hdfs_datanode_is_suspect(&fs, &a));
    cove__hdfs_datanode_suspect(&fs, &a, false);
    assert_false(cove__hdfs_datanode_is_suspect(&fs, &a));
    cove__hdfs_datanode_suspect(&fs, &a, true);
    cove__hdfs_datanode_suspect(&fs, &a, true);
    assert_true(cove__hdfs_datanode_is_suspect(&fs, &a));
    assert_false(cove__hdfs_datanode_is_suspect(&fs, &ab));
    cove__hdfs_datanode_suspect(&fs, &ab, true);
    cove__hdfs_datanode_suspect(&fs, &a, false); /* it works again */
    assert_false(cove__hdfs_datanode_is_suspect(&fs, &a));
    assert_true(cove__hdfs_datanode_is_suspect(&fs, &ab));
}

/* The latest are remembered. */
static void test_many(void **state)
{
    static struct cove__hdfs fs;
    char name[16];

    (void)state;
    for (int i = 0; i <= COVE__HDFS_SUSPECTS; i++) {
        snprintf(name, sizeof name, "node %d", i);
        cove__hdfs_datanode_suspect(&fs, &(struct cove__hdfs_node){ .uuid = cove__slice_str(name) }, true);
    }
    for (int i = 0; i <= COVE__HDFS_SUSPECTS; i++) {
        snprintf(name, sizeof name, "node %d", i);
        assert_int_equal(
            cove__hdfs_datanode_is_suspect(&fs, &(struct cove__hdfs_node){ .uuid = cove__slice_str(name) }), i > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_suspects), cmocka_unit_test(test_many) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
