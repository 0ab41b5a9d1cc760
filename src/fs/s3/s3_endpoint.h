/*
 * Where a request goes: from the settings, a bucket's text and a region to a host, a path and what the signature names.
 * Pure. Called by s3.c's open (what contradicts itself) and by s3_request.c before each attempt.
 */
#ifndef COVE_FS_S3_ENDPOINT_H
#define COVE_FS_S3_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include <cove/error.h>

#include "base/slice.h"

enum s3_style { S3_STYLE_AUTO, S3_STYLE_PATH, S3_STYLE_VIRTUAL };

/* The settings. Strings are BORROWED. */
struct s3_endpoint_rules {
    const char *host;   /* the authority of an endpoint_url, without the port that its scheme implies; NULL: Amazon's */
    const char *base;   /* its path, before the bucket: "" or "/..."; may be NULL where there is no host */
    const char *region; /* that the user gave; NULL: none, so an ARN's own is right whatever it is */
    enum s3_style style;
    bool tls;
    bool bucket_in_host; /* this store takes no other style */
    bool dual_stack, fips, accelerate;
    bool ignore_arn_region; /* an ARN must be of `region` */
    bool directories;       /* the store is Amazon's, so "name--ZONE--x-s3" is a directory bucket at a `host`, too */
};

struct s3_address {
    const char *scheme;  /* "https" or "http" */
    char host[512];      /* with its port, as the Host header has it */
    char path[768];      /* encoded, as it is signed; the key follows. Ends with "/" */
    bool ends_in_bucket; /* without a key the path's last "/" goes */
    char region[64];     /* to sign for */
    const char *service; /* to sign for */
    bool fixed_region;   /* the name has it: no redirect can change it */
    bool directory;      /* a directory bucket, whose requests are signed by a session */
};

/* `region` is where the bucket is believed to be. `whole`: the bucket itself is made or removed. COVE_EINVAL,
 * COVE_ENOTSUP: a message for s3_fail, without operation and URL. */
int cove__s3_endpoint(const struct s3_endpoint_rules *rules, struct cove__slice bucket, bool whole, const char *region,
                      struct s3_address *ret, struct cove_error *err);
/* COVE_EINVAL: no request could have this address. */
int cove__s3_endpoint_check(const struct s3_endpoint_rules *rules, struct cove_error *err);

/* The bytes at the start of `text` ("arn:…/key") that are the ARN; 0: it is none of an access point. With
 * *ret_slashes, they have '/' where ':' may stand as well. */
size_t cove__s3_arn_length(const char *text);
bool cove__s3_is_arn(struct cove__slice bucket);
/* "usw2-az1" of "name--usw2-az1--x-s3", the name of a directory bucket or of an access point to one; else empty. */
struct cove__slice cove__s3_zone(struct cove__slice bucket);
/* The name of the region's partition of Amazon, where bucket names are unique. */
const char *cove__s3_partition(const char *region);
/* The rule of S3 that a bucket's name breaks, a sentence; NULL: none. For messages only: Amazon has older buckets that
 * break a rule, and other stores have rules of their own. */
const char *cove__s3_broken_rule(struct cove__slice bucket);
/* Can stand in a host name; with `dots`, as several labels. */
bool cove__s3_host_bucket(struct cove__slice bucket, bool dots);

#endif
