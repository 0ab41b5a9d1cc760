/* Time and chance. */
#ifndef COVE_BASE_CLOCK_H
#define COVE_BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define COVE__MS  ((int64_t)1000000)
#define COVE__SEC ((int64_t)1000000000)

/* A caller's seconds or milliseconds as nanoseconds; more than a century is a century, so that sums with a clock hold.
 */
int64_t cove__sec_ns(int64_t s);
int64_t cove__ms_ns(int64_t ms);

int64_t cove__now_ns(void);  /* monotonic: for deadlines */
int64_t cove__wall_ns(void); /* since 1970-01-01 UTC */
void cove__sleep_ns(int64_t ns);
void cove__cond_init(pthread_cond_t *cond); /* on CLOCK_MONOTONIC */
/* Waits on such a condition, at most until `until_ns`; INT64_MAX: without limit. False: timed out. */
bool cove__cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ns);
uint64_t cove__random(void); /* not for secrets: jitter, temporary names; differs after fork */

/* Dates on the wire, ASCII, UTC. Parsers give nanoseconds since 1970, or -1 where the text is not such a date. */
/* RFC 3339: 2026-11-23T21:13:00.123Z, in small letters or with a blank too, and in any zone (+01:00, +0100), which must
 * be there. */
int64_t cove__parse_iso8601(const char *text);
int64_t cove__parse_http_date(const char *text); /* Mon, 23 Nov 2026 21:13:00 GMT */
#define COVE__HTTP_DATE_SIZE 30
void cove__format_http_date(int64_t wall_ns, char out[COVE__HTTP_DATE_SIZE]);
void cove__format_iso8601(int64_t wall_ns, char out[21]);       /* 2026-11-23T21:13:00Z */
void cove__format_iso8601_basic(int64_t wall_ns, char out[17]); /* 20261123T211300Z */

#endif
