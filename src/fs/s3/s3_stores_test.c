/* The table of stores: who is found by name, host and response, and what options and responses make of a store's
 * capabilities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "fs/s3/s3_capabilities.h"
#include "fs/s3/s3_request.h"

static struct cove_error err = COVE_ERROR_INIT;

static const char *name_of(const struct s3_store *store)
{
    return store ? store->name : "none";
}

static void test_types(void **state)
{
    static const struct {
        const char *name, *type;
    } rows[] = { { "store", "choice" },       { "part_copy", "maybe" },          { "anon", "bool" },
                 { "retries", "integer" },    { "connect_timeout", "duration" }, { "secret", "secret" },
                 { "client_kwargs", "json" }, { "default_block_size", "size" },  { "profile", "string" } };
    struct cove_option_help help;
    size_t found = 0;

    for (size_t i = 0; cove_options_describe("s3", i, &help) == 0; i++) {
        for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
            if (strcmp(help.name, rows[k].name) == 0) {
                assert_string_equal(help.type, rows[k].type);
                found++;
            }
        }
    }
    assert_int_equal(found, sizeof rows / sizeof rows[0]);
}

static void test_table(void **state)
{
    const struct cove__option_row *row = cove__s3_option_rows;
    while (strcmp(row->name, "store") != 0)
        row++;
    char choices[512];
    snprintf(choices, sizeof choices, " %s ", row->choices);
    size_t n = 0;

    for (const struct s3_store *s = cove__s3_stores; s->name; s++, n++) {
        char word[64];
        snprintf(word, sizeof word, " %s ", s->name);
        assert_non_null(strstr(choices, word)); /* the option has it */
        assert_ptr_equal(cove__s3_store_named(s->name), s);
        assert_non_null(s->hosts);
        for (size_t i = 0; i < COVE__N_CAPABILITIES; i++)
            assert_in_range(s->can[i], COVE__CAN_MAYBE, COVE__CAN_NO);
        /* A store whose CopyPartResult has a checksum takes checksums. */
        assert_true(s->can[COVE__COPIED_PART_CHECKSUMS] != COVE__CAN_YES || s->can[COVE__CRC32C] == COVE__CAN_YES);
    }
    for (const char *p = row->choices; *p != '\0'; p++)
        n -= *p == ' ';
    assert_int_equal(n, 1 - 2); /* beside the table's: auto and other, with one space fewer than words */
    assert_ptr_equal(cove__s3_store_named("other"), &cove__s3_any_store);
    assert_null(cove__s3_store_named("nobody"));
    assert_null(cove__s3_store_named("aw"));
    for (size_t i = 0; i < COVE__N_CAPABILITIES; i++) {
        assert_int_equal(cove__s3_any_store.can[i], COVE__CAN_MAYBE);
        if (i != COVE__COMPOSE_CONDITIONS && i != COVE__RANGE_CHECKSUMS) /* S3 has neither */
            assert_int_equal(cove__s3_stores[0].can[i], COVE__CAN_YES);  /* Amazon's */
    }
}

static void test_hosts(void **state)
{
    static const struct {
        const char *host, *name, *region;
    } rows[] = {
        { "s3.eu-west-1.amazonaws.com", "aws", "eu-west-1" },
        { "s3.amazonaws.com", "aws", "" },
        { "S3.DualStack.eu-west-1.AmazonAWS.com:443", "aws", "eu-west-1" },
        { "s3.cn-north-1.amazonaws.com.cn", "aws", "cn-north-1" },
        { "bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com", "aws", "us-east-1" },
        { "play.min.io:9000", "minio", "" },
        { "0123abcd.r2.cloudflarestorage.com", "r2", "" },
        { "0123abcd.eu.r2.cloudflarestorage.com", "r2", "" },
        { "s3.eu-central-1.wasabisys.com", "wasabi", "eu-central-1" },
        { "s3.wasabisys.com", "wasabi", "" },
        { "s3.gra.io.cloud.ovh.net", "ovh", "gra" },
        { "s3.rbx.cloud.ovh.net", "ovh", "rbx" },
        { "s3.fr-par.scw.cloud", "scaleway", "fr-par" },
        { "s3.us-west-004.backblazeb2.com", "b2", "us-west-004" },
        { "nyc3.digitaloceanspaces.com", "digitalocean", "nyc3" },
        { "bucket.nyc3.digitaloceanspaces.com", "digitalocean", "nyc3" },
        { "storage.googleapis.com", "gcs", "" },
        { "ns.compat.objectstorage.us-phoenix-1.oraclecloud.com", "oracle", "us-phoenix-1" },
        { "s3.us-south.cloud-object-storage.appdomain.cloud", "ibm", "us-south" },
        { "s3.private.eu-de.cloud-object-storage.appdomain.cloud", "ibm", "eu-de" },
        { "oss-cn-hangzhou.aliyuncs.com", "oss", "oss-cn-hangzhou" },
        { "s3.oss-cn-hangzhou.aliyuncs.com", "oss", "oss-cn-hangzhou" },
        { "cos.ap-guangzhou.myqcloud.com", "cos", "ap-guangzhou" },
        { "us-east-1.linodeobjects.com", "ceph", "us-east-1" },
        { "fsn1.your-objectstorage.com", "ceph", "fsn1" },
        { "gateway.storjshare.io", "storj", "" },
        { "cwobject.com", "coreweave", "" },
        { "127.0.0.1:9000", "none", "" },
        { "[::1]:9000", "none", "" },
        { "wasabisys.com.example.org", "none", "" },
        { "notwasabisys.com", "none", "" },
        { "backblazeb2.com", "none", "" },
        { ".digitaloceanspaces.com", "none", "" },
        { "com", "none", "" },
        { "", "none", "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove__slice region;
        const struct s3_store *store = cove__s3_store_at(cove__slice_str(rows[i].host), &region);
        if (strcmp(name_of(store), rows[i].name) != 0 || !cove__slice_is(region, rows[i].region))
            fail_msg("%s is taken for %s in \"%.*s\"", rows[i].host, name_of(store), (int)region.size,
                     (const char *)region.data);
    }
}

static void test_servers(void **state)
{
    assert_string_equal(name_of(cove__s3_store_serving("MinIO")), "minio");
    assert_string_equal(name_of(cove__s3_store_serving("minio/RELEASE")), "minio");
    assert_string_equal(name_of(cove__s3_store_serving("Ceph Object Gateway (tentacle)")), "ceph");
    assert_string_equal(name_of(cove__s3_store_serving("WasabiS3/7.20 (head05)")), "wasabi");
    assert_string_equal(name_of(cove__s3_store_serving("AliyunOSS")), "oss");
    assert_null(cove__s3_store_serving("nginx"));
    assert_null(cove__s3_store_serving("AmazonS3")); /* which others send, too */
    assert_null(cove__s3_store_serving(""));
}

/* ---- of one filesystem ---- */

static struct cove__s3 *open_with(const char *const *pairs)
{
    cove_options *options = cove_options_new();
    void *self = NULL;

    for (; *pairs; pairs += 2)
        assert_int_equal(cove_options_set(options, pairs[0], pairs[1], &err), 0);
    assert_int_equal(cove_options_set(options, "anon", "true", &err), 0);
    if (cove__s3_ops.open(options, "s3://b", &self, &err) < 0)
        fail_msg("%s", err.message);
    cove_options_free(options);
    return self;
}
#define OPEN(...) open_with((const char *const[]){ __VA_ARGS__, NULL })

static void test_open(void **state)
{
    struct cove__s3 *s3 = OPEN("endpoint_url", "https://a.r2.cloudflarestorage.com");
    assert_string_equal(s3->region, "auto");
    assert_int_equal(cove__object_can(&s3->store, COVE__UNEQUAL_PARTS), COVE__CAN_NO);
    assert_int_equal(cove__object_condition_mode(&s3->store, COVE__PUT_CONDITIONS), COVE__CONDITION_SENT);
    assert_int_equal(cove__object_condition_mode(&s3->store, COVE__UPLOAD_CONDITIONS),
                     COVE__CONDITION_SENT_AND_CHECKED);
    assert_false(s3->rules.bucket_in_host);
    struct cove__part_rules rules;
    cove__s3_ops.upload.part_rules(s3, NULL, &rules);
    assert_true(rules.equal_parts);
    cove__s3_ops.close(s3);

    s3 = OPEN("endpoint_url", "https://s3.fr-par.scw.cloud");
    cove__s3_ops.upload.part_rules(s3, &(struct cove__put){ .expected_size = (int64_t)100 << 30 }, &rules);
    assert_int_equal(rules.max_parts, 1000);
    assert_int_equal(rules.default_part, 103 << 20); /* 100 GiB in at most 1,000 */
    cove__s3_ops.close(s3);
    s3 = OPEN("endpoint_url", "https://s3.fr-par.scw.cloud", "max_parts", "10000");
    cove__s3_ops.upload.part_rules(s3, NULL, &rules);
    assert_int_equal(rules.max_parts, 10000);
    cove__s3_ops.close(s3);

    s3 = OPEN("endpoint_url", "https://oss-cn-hangzhou.aliyuncs.com");
    assert_string_equal(s3->region, "oss-cn-hangzhou");
    assert_true(s3->rules.bucket_in_host);
    assert_int_equal(cove__object_condition_mode(&s3->store, COVE__PUT_CONDITIONS), COVE__CONDITION_UNSUPPORTED);
    struct cove__ctx ctx = { .op = "write", .url = "s3://b/k" };
    assert_int_equal(cove__object_no_conditions(&s3->store, &ctx, &err), COVE_ENOTSUP);
    assert_non_null(strstr(err.message, "write s3://b/k: the store (oss) has no conditional writes"));
    cove__s3_ops.close(s3);

    s3 = OPEN("endpoint_url", "https://s3.us-west-004.backblazeb2.com", "region", "us-west-001");
    assert_string_equal(s3->region, "us-west-001"); /* the user knows better */
    assert_int_equal(cove__object_checksum(&s3->store), COVE__CHECKSUM_MD5);
    cove__s3_ops.close(s3);

    s3 = OPEN("endpoint_url", "http://127.0.0.1:9", "store", "b2", "checksum", "crc32c", "conditional_writes", "yes",
              "fixed_upload_size", "True", "part_copy", "false", "batch_delete", "off", "conditional_copies", "true",
              "conditional_deletes", "false");
    assert_int_equal(cove__object_checksum(&s3->store), COVE__CHECKSUM_CRC32C);
    assert_int_equal(cove__object_condition_mode(&s3->store, COVE__PUT_CONDITIONS), COVE__CONDITION_SENT);
    assert_int_equal(cove__object_condition_mode(&s3->store, COVE__UPLOAD_CONDITIONS), COVE__CONDITION_SENT);
    assert_int_equal(cove__object_can(&s3->store, COVE__UNEQUAL_PARTS), COVE__CAN_NO);
    assert_int_equal(cove__object_can(&s3->store, COVE__PART_COPY), COVE__CAN_NO);
    assert_int_equal(cove__object_can(&s3->store, COVE__BATCH_DELETE), COVE__CAN_NO);
    assert_int_equal(cove__object_can(&s3->store, COVE__COPY_SOURCE_CONDITIONS), COVE__CAN_YES);
    assert_int_equal(cove__object_can(&s3->store, COVE__DELETE_CONDITIONS), COVE__CAN_NO);
    cove__s3_ops.close(s3);

    s3 = OPEN("conditional_writes", "false", "checksum", "none");
    assert_int_equal(cove__object_checksum(&s3->store), COVE__CHECKSUM_NONE);
    assert_int_equal(cove__object_condition_mode(&s3->store, COVE__PUT_CONDITIONS), COVE__CONDITION_CHECKED);
    assert_int_equal(cove__object_can(&s3->store, COVE__DELETE_CONDITIONS), COVE__CAN_NO);
    cove__s3_ops.close(s3);
}

/* A response's status, headers and body, as s3_request.c hands it on. */
static void response(struct cove__object_request *r, struct cove__s3 *s3, int status, const char *headers,
                     const char *body)
{
    struct cove__ctx ctx = { .op = "write", .url = "s3://b/k" };

    cove__object_request_init(r, &s3->store, "PUT", cove__object_split("b/k"), &ctx);
    r->http.status = status;
    r->http.op.rc = status < 300 ? 0 : COVE_EINVAL;
    cove__buf_init(&r->http.response_headers, 4096);
    cove__buf_init(&r->http.response, 4096);
    cove__buf_add_str(&r->http.response_headers, headers);
    cove__buf_add_str(&r->http.response, body);
}

static void test_learning(void **state)
{
    struct cove__s3 *s3 = OPEN("endpoint_url", "http://127.0.0.1:9");
    struct cove__object_request r;

    assert_int_equal(cove__object_condition_mode(&s3->store, COVE__PUT_CONDITIONS), COVE__CONDITION_SENT_AND_CHECKED);
    response(&r, s3, 502, "server: MinIO\n", ""); /* may be any proxy's */
    cove__s3_identify_store(&r);
    assert_int_equal(cove__object_condition_mode(&s3->store, COVE__PUT_CONDITIONS), COVE__CONDITION_SENT_AND_CHECKED);
    cove__object_request_done(&r);
    response(&r, s3, 404, "server: MinIO\n", "");
    cove__s3_identify_store(&r);
    assert_int_equal(cove__object_condition_mode(&s3->store, COVE__PUT_CONDITIONS), COVE__CONDITION_SENT);
    cove__object_learn_missing(&r, COVE__PART_COPY);
    assert_int_equal(cove__object_can(&s3->store, COVE__PART_COPY), COVE__CAN_NO);
    cove__object_request_done(&r);
    response(&r, s3, 200, "server: AliyunOSS\n", ""); /* what was met stays */
    cove__s3_identify_store(&r);
    assert_int_equal(cove__object_condition_mode(&s3->store, COVE__PUT_CONDITIONS), COVE__CONDITION_SENT);
    cove__object_request_done(&r);
    cove__s3_ops.close(s3);

    s3 = OPEN("endpoint_url", "http://127.0.0.1:9", "part_copy", "true");
    response(&r, s3, 501, "", "");
    cove__object_learn_missing(&r, COVE__PART_COPY);
    assert_int_equal(cove__object_can(&s3->store, COVE__PART_COPY),
                     COVE__CAN_YES); /* an option stands above what was learned */
    cove__object_request_done(&r);
    cove__s3_ops.close(s3);
}

#define ERROR(code, message, more) "<Error><Code>" code "</Code><Message>" message "</Message>" more "</Error>"
static const char unsupported[] = "Unsupported header 'x-amz-checksum-crc32c' received for this API call.";

static void test_refusals(void **state)
{
    static const char implied[] = "A header you provided implies functionality that is not implemented";
    char of_checksum[256];
    snprintf(of_checksum, sizeof of_checksum, ERROR("InvalidArgument", "%s", ""), unsupported);
    char any[256], of_match[256];
    snprintf(any, sizeof any, ERROR("NotImplemented", "%s", ""), implied);
    snprintf(of_match, sizeof of_match, ERROR("NotImplemented", "%s", "<Header>If-None-Match</Header>"), implied);
    const struct {
        int status;
        const char *body;
        bool checksum, condition, operation;
    } rows[] = {
        { 400, of_checksum, true, false, false },
        { 501, any, true, true, true }, /* it may be either: the checksum is given up first */
        { 501, of_match, false, true, true },
        { 501, "", true, true, true },
        { 405, ERROR("MethodNotAllowed", "no", ""), false, false, true },
        { 400, ERROR("InvalidArgument", "the part number is too large", ""), false, false, false },
        { 400, ERROR("InvalidRequest", "If-Match is not supported", ""), false, true, false },
        { 400, ERROR("BadDigest", "the checksum is wrong", ""), false, false, false },
        { 403, ERROR("AccessDenied", "no checksum for you", ""), false, false, false },
        { 412, ERROR("PreconditionFailed", "If-None-Match", ""), false, false, false },
        { 400, "<garbage", false, false, false },
        { 400, "", false, false, false },
    };
    struct cove__s3 *s3 = OPEN("endpoint_url", "http://127.0.0.1:9");
    struct cove__object_request r;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        response(&r, s3, rows[i].status, "", rows[i].body);
        cove__s3_classify(&r, &err);
        if (cove__s3_refuses_checksum(&r) != rows[i].checksum || cove__s3_refuses_condition(&r) != rows[i].condition ||
            cove__s3_refuses_operation(&r) != rows[i].operation)
            fail_msg("%d %s: %d %d %d", rows[i].status, rows[i].body, cove__s3_refuses_checksum(&r),
                     cove__s3_refuses_condition(&r), cove__s3_refuses_operation(&r));
        cove__object_request_done(&r);
    }
    cove__s3_ops.close(s3);
}

static void test_giving_up_checksums(void **state)
{
    char body[256];
    struct cove__object_request r;

    snprintf(body, sizeof body, ERROR("InvalidArgument", "%s", ""), unsupported);
    struct cove__s3 *s3 = OPEN("endpoint_url", "http://127.0.0.1:9");
    response(&r, s3, 400, "", body);
    assert_false(cove__s3_give_up_checksums(&r)); /* none was sent */
    cove__object_body(&r, cove__slice_str("abc"), cove__object_checksum(&s3->store));
    struct cove__buf headers = COVE__BUF_INIT(1024);
    cove__s3_add_checksums(&r, &headers);
    assert_string_equal(cove__buf_str(&headers), "x-amz-checksum-crc32c: Nks/tw==\n");
    assert_true(cove__s3_give_up_checksums(&r));
    assert_false(cove__s3_give_up_checksums(&r)); /* once */
    cove__buf_reset(&headers);
    cove__s3_add_checksums(&r, &headers);
    assert_string_equal(cove__buf_str(&headers), "Content-MD5: kAFQmDzST7DWlj99KOF/cg==\n"); /* never nothing */
    cove__object_request_done(&r);
    cove__s3_ops.close(s3);

    s3 = OPEN("endpoint_url", "http://127.0.0.1:9", "checksum", "crc32c"); /* the user wants it so */
    response(&r, s3, 400, "", body);
    cove__object_body(&r, cove__slice_str("abc"), cove__object_checksum(&s3->store));
    assert_false(cove__s3_give_up_checksums(&r));
    cove__object_request_done(&r);
    cove__s3_ops.close(s3);
    cove__buf_done(&headers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),    cmocka_unit_test(test_table),
        cmocka_unit_test(test_hosts),    cmocka_unit_test(test_servers),
        cmocka_unit_test(test_open),     cmocka_unit_test(test_learning),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_giving_up_checksums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
