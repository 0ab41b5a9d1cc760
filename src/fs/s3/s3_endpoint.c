/* Addresses, as AWS's tools form them: regions and partitions, dual-stack, FIPS, acceleration, ARNs of access points,
 * directory buckets, other stores' endpoints. Pure; s3_endpoint.h has the callers. */
#include "fs/s3/s3_endpoint.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define LABEL_MAX 63 /* of an access point, an outpost, a label */

/* ---- partitions ---- */

struct partition {
    const char *prefix; /* of its regions' names */
    const char *name, *suffix;
    bool lacks_fips, lacks_acceleration;
};

static const struct partition partitions[] = {
    { "cn-", "aws-cn", "amazonaws.com.cn", true, true },
    { "us-gov-", "aws-us-gov", "amazonaws.com", false, false },
    { "us-iso-", "aws-iso", "c2s.ic.gov", false, false },
    { "us-isob-", "aws-iso-b", "sc2s.sgov.gov", false, false },
    { "eu-isoe-", "aws-iso-e", "cloud.adc-e.uk", false, false },
    { "us-isof-", "aws-iso-f", "csp.hci.ic.gov", false, false },
    { "eusc-", "aws-eusc", "amazonaws.eu", false, false },
    { "", "aws", "amazonaws.com", false, false }, /* any other, also one that is yet to come */
};

static const struct partition *partition_of(const char *region)
{
    const struct partition *p = partitions;
    while (strncmp(region, p->prefix, strlen(p->prefix)) != 0)
        p++;
    return p;
}

const char *cove__s3_partition(const char *region)
{
    return partition_of(region)->name;
}

/* ---- names ---- */

static bool is_word(struct cove__slice s, const char *more)
{
    for (size_t i = 0; i < s.size; i++) {
        char c = (char)s.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
              (c != '\0' && strchr(more, c))))
            return false;
    }
    return s.size > 0 && s.size <= LABEL_MAX;
}

bool cove__s3_host_bucket(struct cove__slice bucket, bool dots)
{
    if (bucket.size < 3 || bucket.size > LABEL_MAX)
        return false;
    for (size_t i = 0; i < bucket.size; i++) {
        uint8_t c = bucket.data[i];
        bool ends = i == 0 || i + 1 == bucket.size || bucket.data[i - 1] == '.' || bucket.data[i + 1] == '.';
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (!ends && c == '-'))
            continue;
        if (!dots || c != '.' || ends)
            return false;
    }
    return true;
}

const char *cove__s3_broken_rule(struct cove__slice bucket)
{
    bool is_address = true;
    if (cove__s3_is_arn(bucket))
        return NULL;
    if (bucket.size < 3 || bucket.size > LABEL_MAX)
        return "S3's bucket names have 3 to 63 characters";
    for (size_t i = 0; i < bucket.size; i++) {
        uint8_t c = bucket.data[i];
        bool is_digit = c >= '0' && c <= '9';
        is_address = is_address && (is_digit || c == '.');
        if ((c >= 'a' && c <= 'z') || is_digit)
            continue;
        if (c != '-' && c != '.')
            return "S3's bucket names have only lower-case letters, digits, '-' and '.'";
        if (i == 0 || i + 1 == bucket.size)
            return "S3's bucket names begin and end with a letter or a digit";
        if (c == '.' && bucket.data[i - 1] == '.')
            return "S3's bucket names have no two dots in a row";
    }
    return is_address && memchr(bucket.data, '.', bucket.size) ? "S3's bucket names are not like IP addresses" : NULL;
}

static bool ends_with(struct cove__slice s, const char *end)
{
    size_t n = strlen(end);
    return s.size > n && memcmp(s.data + s.size - n, end, n) == 0;
}

/* Digits and dots, or brackets: nothing can stand before it. */
static bool is_ip(const char *host)
{
    size_t n = strspn(host, "0123456789.");
    return host[0] == '[' || host[n] == '\0' || host[n] == ':';
}

/* ---- ARNs ---- */

struct arn {
    struct cove__slice partition, service, region, account;
    struct cove__slice outpost; /* empty: none */
    struct cove__slice name;
};

/* Up to the next of `stops`, which is passed over; the whole rest where there is none. */
static struct cove__slice take_field(struct cove__slice *rest, const char *stops)
{
    size_t n = 0;

    while (n < rest->size && (rest->data[n] == '\0' || !strchr(stops, rest->data[n])))
        n++;
    struct cove__slice field = cove__slice_sub(*rest, 0, n);
    *rest = cove__slice_sub(*rest, n < rest->size ? n + 1 : n, SIZE_MAX);
    return field;
}

/* The size of the ARN at the start of `text`; 0: there is none of a form that names objects. */
static size_t read_arn(struct cove__slice text, struct arn *ret)
{
    struct cove__slice rest = text, kind;
    struct arn a = { 0 };

    if (!cove__slice_is(take_field(&rest, ":/"), "arn"))
        return 0;
    a.partition = take_field(&rest, ":/");
    a.service = take_field(&rest, ":/");
    a.region = take_field(&rest, ":/");
    a.account = take_field(&rest, ":/");
    kind = take_field(&rest, ":/");
    if (cove__slice_is(kind, "outpost")) {
        a.outpost = take_field(&rest, ":/");
        kind = take_field(&rest, ":/");
        if (!is_word(a.outpost, ""))
            return 0;
    }
    if (!cove__slice_is(kind, "accesspoint") || rest.size == 0)
        return 0;
    const uint8_t *name = rest.data;
    a.name = take_field(&rest, "/");
    if (!is_word(a.partition, "") || !is_word(a.service, "") || !is_word(a.account, "") ||
        !is_word(a.name, a.region.size == 0 ? "." : "") || (a.region.size > 0 && !is_word(a.region, "")))
        return 0;
    if (cove__slice_is(a.service, "s3-outposts") != (a.outpost.size > 0))
        return 0;
    *ret = a;
    return (size_t)(name - text.data) + a.name.size;
}

size_t cove__s3_arn_length(const char *text)
{
    struct arn arn;
    return read_arn(cove__slice_str(text), &arn);
}

bool cove__s3_is_arn(struct cove__slice bucket)
{
    return bucket.size > 4 && memcmp(bucket.data, "arn:", 4) == 0;
}

/* ---- addresses ---- */

struct making {
    const struct s3_endpoint_rules *rules;
    const struct partition *partition;
    const char *region;
    struct s3_address *a;
    bool overflow;
};

static void set_host(struct making *m, const char *format, ...) COVE_PRINTF(2, 3);

static void set_host(struct making *m, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(m->a->host, sizeof m->a->host, format, args);
    va_end(args);
    m->overflow |= n < 0 || (size_t)n >= sizeof m->a->host;
}

/* In the path, unless it is in the host name. */
static void set_path(struct making *m, struct cove__slice bucket)
{
    const char *base = m->rules->host && m->rules->base ? m->rules->base : "";
    int n = snprintf(m->a->path, sizeof m->a->path, "%s/%.*s", base, (int)bucket.size, (const char *)bucket.data);

    m->overflow |= n < 0 || (size_t)n >= sizeof m->a->path;
    m->a->ends_in_bucket = bucket.size > 0;
}

static const char *fips(const struct making *m)
{
    return m->rules->fips ? "-fips" : "";
}

static const char *dual_stack(const struct making *m)
{
    return m->rules->dual_stack ? ".dualstack" : "";
}

#define SLICE(s) (int)(s).size, (const char *)(s).data
#define NOTHING  cove__slice("", 0)

/* What an ARN or an alias of an outpost cannot be combined with. */
static int refuse_variants(const struct making *m, const char *what, bool has_fips, bool has_dual_stack,
                           struct cove_error *err)
{
    const char *option = NULL;

    if (m->rules->accelerate)
        option = "use_accelerate_endpoint";
    else if (m->rules->fips && !has_fips)
        option = "use_fips_endpoint";
    else if (m->rules->dual_stack && !has_dual_stack)
        option = "use_dualstack_endpoint";
    return option ? cove__fail(err, COVE_EINVAL, "%s has no endpoint for the option %s", what, option) : 0;
}

static int check_arn(const struct making *m, const struct arn *arn, bool whole, struct cove_error *err)
{
    const struct s3_endpoint_rules *rules = m->rules;
    bool lambda = cove__slice_is(arn->service, "s3-object-lambda"), outpost = arn->outpost.size > 0;

    if (!lambda && !outpost && !cove__slice_is(arn->service, "s3"))
        return cove__fail(err, COVE_EINVAL, "the ARN is of the service %.*s, not of S3", SLICE(arn->service));
    if (arn->region.size == 0)
        return cove__fail(err, COVE_ENOTSUP,
                          "a multi-region access point needs SigV4a signatures, which cove does not support; "
                          "name an access point or a bucket of one region");
    if (!cove__slice_is(arn->partition, m->partition->name))
        return cove__fail(err, COVE_EINVAL, "the ARN's region %s is not of its partition %.*s", m->region,
                          SLICE(arn->partition));
    if (whole)
        return cove__fail(err, COVE_ENOTSUP, "the ARN is of an access point, which is neither made nor removed here");
    if (rules->style == S3_STYLE_PATH || (rules->host && is_ip(rules->host)))
        return cove__fail(err, COVE_EINVAL, "an access point needs its name in the host name, which %s does not allow",
                          rules->style == S3_STYLE_PATH ? "addressing_style=path" : "the endpoint's IP address");
    if (rules->region && partition_of(rules->region) != m->partition)
        return cove__fail(err, COVE_EINVAL, "the region %s is not in the ARN's partition %.*s", rules->region,
                          SLICE(arn->partition));
    if (rules->ignore_arn_region && rules->region && strcmp(rules->region, m->region) != 0)
        return cove__fail(err, COVE_EINVAL, "the ARN's region %s is not the region %s, and use_arn_region is false",
                          m->region, rules->region);
    return refuse_variants(m,
                           lambda    ? "S3 Object Lambda"
                           : outpost ? "S3 on Outposts"
                                     : "an access point",
                           !outpost, !outpost && !lambda, err);
}

static int by_arn(struct making *m, struct cove__slice bucket, bool whole, struct cove_error *err)
{
    struct s3_address *a = m->a;
    struct arn arn;

    if (read_arn(bucket, &arn) != bucket.size)
        return cove__fail(err, COVE_EINVAL, "the ARN is not one of an access point");
    if (arn.region.size > 0) {
        snprintf(a->region, sizeof a->region, "%.*s", SLICE(arn.region));
        m->region = a->region;
        m->partition = partition_of(a->region);
    }
    int rc = check_arn(m, &arn, whole, err);
    if (rc < 0)
        return rc;
    a->fixed_region = true;
    bool outpost = arn.outpost.size > 0, lambda = cove__slice_is(arn.service, "s3-object-lambda");
    a->service = lambda ? "s3-object-lambda" : outpost ? "s3-outposts" : "s3";
    const char *dot = outpost ? "." : "";
    if (m->rules->host)
        set_host(m, "%.*s-%.*s%s%.*s.%s", SLICE(arn.name), SLICE(arn.account), dot, SLICE(arn.outpost), m->rules->host);
    else if (outpost)
        set_host(m, "%.*s-%.*s.%.*s.s3-outposts.%s.%s", SLICE(arn.name), SLICE(arn.account), SLICE(arn.outpost),
                 m->region, m->partition->suffix);
    else
        set_host(m, "%.*s-%.*s.%s%s%s.%s.%s", SLICE(arn.name), SLICE(arn.account),
                 lambda ? "s3-object-lambda" : "s3-accesspoint", fips(m), dual_stack(m), m->region,
                 m->partition->suffix);
    set_path(m, NOTHING);
    return 0;
}

struct cove__slice cove__s3_zone(struct cove__slice bucket)
{
    size_t end = ends_with(bucket, "--x-s3")    ? bucket.size - strlen("--x-s3")
                 : ends_with(bucket, "--xa-s3") ? bucket.size - strlen("--xa-s3")
                                                : 0;
    for (size_t at = end; at > 2; at--) {
        if (bucket.data[at - 1] == '-' && bucket.data[at - 2] == '-')
            return cove__slice_sub(bucket, at, end - at);
    }
    return NOTHING;
}

/* A directory bucket: in its zone, and made and removed at the region's control endpoint. With an endpoint of one's own
 * before that, unless an IP address allows no name there. */
static int by_zone(struct making *m, struct cove__slice bucket, bool whole, struct cove_error *err)
{
    struct cove__slice zone = cove__s3_zone(bucket);
    const char *host = m->rules->host;
    bool in_path = whole || (host && (is_ip(host) || m->rules->style == S3_STYLE_PATH));

    if (m->rules->accelerate)
        return cove__fail(err, COVE_EINVAL,
                          "a directory bucket has no endpoint for the option use_accelerate_endpoint");
    if (!cove__s3_host_bucket(bucket, false))
        return cove__fail(err, COVE_EINVAL, "not a directory bucket's name (small letters, digits and '-')");
    m->a->service = "s3express";
    m->a->directory = true;
    if (host)
        set_host(m, "%.*s%s%s", SLICE(in_path ? NOTHING : bucket), in_path ? "" : ".", host);
    else if (whole)
        set_host(m, "s3express-control%s%s.%s.%s", fips(m), dual_stack(m), m->region, m->partition->suffix);
    else
        set_host(m, "%.*s.s3express%s-%.*s%s.%s.%s", SLICE(bucket), fips(m), SLICE(zone), dual_stack(m), m->region,
                 m->partition->suffix);
    set_path(m, in_path ? bucket : NOTHING);
    return 0;
}

/* The alias of an Outposts access point: its last 50 bytes begin with the kind of hardware and the outpost's id. */
static int by_outpost_alias(struct making *m, struct cove__slice bucket, struct cove_error *err)
{
    if (bucket.size < 50 || bucket.data[bucket.size - 50] != 'o' || !cove__s3_host_bucket(bucket, false))
        return cove__fail(err, COVE_EINVAL, "not an alias of an Outposts access point that Amazon's endpoints serve");
    int rc = refuse_variants(m, "S3 on Outposts", false, false, err);
    if (rc < 0)
        return rc;
    struct cove__slice id = cove__slice_sub(bucket, bucket.size - 49, 17);
    m->a->service = "s3-outposts";
    set_host(m, "%.*s.op-%.*s.s3-outposts.%s.%s", SLICE(bucket), SLICE(id), m->region, m->partition->suffix);
    set_path(m, NOTHING);
    return 0;
}

static int accelerated(struct making *m, struct cove__slice bucket, struct cove_error *err)
{
    if (m->partition->lacks_acceleration)
        return cove__fail(err, COVE_EINVAL, "the partition %s has no use_accelerate_endpoint", m->partition->name);
    if (!cove__s3_host_bucket(bucket, false))
        return cove__fail(err, COVE_EINVAL,
                          "use_accelerate_endpoint needs a bucket whose name can stand in a host name, without dots");
    set_host(m, "%.*s.s3-accelerate%s.%s", SLICE(bucket), dual_stack(m), m->partition->suffix);
    set_path(m, NOTHING);
    return 0;
}

/* One certificate is for one label, so over TLS a name with dots goes into the path, unless the user insists and the
 * certificate is not Amazon's. */
static bool goes_in_host(const struct s3_endpoint_rules *rules, struct cove__slice bucket)
{
    bool insists = rules->style == S3_STYLE_VIRTUAL;

    if (rules->style == S3_STYLE_PATH)
        return false;
    if (!rules->host)
        return cove__s3_host_bucket(bucket, !rules->tls);
    return (insists || rules->bucket_in_host) && !is_ip(rules->host) &&
           cove__s3_host_bucket(bucket, !rules->tls || insists);
}

static int plain(struct making *m, struct cove__slice bucket)
{
    bool in_host = goes_in_host(m->rules, bucket);
    struct cove__slice label = in_host ? bucket : NOTHING;
    const char *dot = in_host ? "." : "";

    if (m->rules->host)
        set_host(m, "%.*s%s%s", SLICE(label), dot, m->rules->host);
    else
        set_host(m, "%.*s%ss3%s%s.%s.%s", SLICE(label), dot, fips(m), dual_stack(m), m->region, m->partition->suffix);
    set_path(m, in_host ? NOTHING : bucket);
    return 0;
}

int cove__s3_endpoint(const struct s3_endpoint_rules *rules, struct cove__slice bucket, bool whole, const char *region,
                      struct s3_address *ret, struct cove_error *err)
{
    struct s3_address a = { .scheme = rules->tls ? "https" : "http", .service = "s3" };
    struct making m = { .rules = rules, .a = &a };
    bool amazon = !rules->host;
    int rc;

    if (strcmp(region, "aws-global") == 0)
        region = "us-east-1";
    m.overflow = strlen(region) >= sizeof a.region;
    snprintf(a.region, sizeof a.region, "%s", region);
    m.region = a.region;
    m.partition = partition_of(a.region);
    if (cove__s3_is_arn(bucket))
        rc = by_arn(&m, bucket, whole, err);
    else if ((amazon || rules->directories) && cove__s3_zone(bucket).size > 0)
        rc = by_zone(&m, bucket, whole, err);
    else if (amazon && ends_with(bucket, "--op-s3"))
        rc = by_outpost_alias(&m, bucket, err);
    else if (rules->accelerate && bucket.size > 0 && !whole) /* which makes, removes and lists no buckets */
        rc = accelerated(&m, bucket, err);
    else
        rc = plain(&m, bucket);
    if (rc == 0 && rules->fips && m.partition->lacks_fips)
        rc = cove__fail(err, COVE_EINVAL, "the partition %s has no endpoints for the option use_fips_endpoint",
                        m.partition->name);
    if (rc == 0 && m.overflow)
        rc = cove__fail(err, COVE_EINVAL, "the endpoint's address is too long");
    if (rc == 0)
        *ret = a;
    return rc;
}

int cove__s3_endpoint_check(const struct s3_endpoint_rules *rules, struct cove_error *err)
{
    const char *variant = rules->accelerate   ? "use_accelerate_endpoint"
                          : rules->fips       ? "use_fips_endpoint"
                          : rules->dual_stack ? "use_dualstack_endpoint"
                                              : NULL;

    if (rules->host && variant)
        return cove__fail(err, COVE_EINVAL,
                          "%s selects an endpoint of Amazon and cannot be combined with an endpoint_url (%s)", variant,
                          rules->host);
    if (rules->accelerate && rules->fips)
        return cove__fail(err, COVE_EINVAL, "use_accelerate_endpoint and use_fips_endpoint exclude each other");
    if (rules->accelerate && rules->style == S3_STYLE_PATH)
        return cove__fail(err, COVE_EINVAL, "use_accelerate_endpoint and addressing_style=path exclude each other");
    return 0;
}
