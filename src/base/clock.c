/* Time and chance. */
#include "base/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * COVE__SEC + t.tv_nsec;
}

int64_t cove__now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t cove__wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

void cove__sleep_ns(int64_t ns)
{
    struct timespec t = { .tv_sec = ns / COVE__SEC, .tv_nsec = ns % COVE__SEC };

    while (ns > 0 && nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

void cove__cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

bool cove__cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ns)
{
    struct timespec t = { .tv_sec = until_ns / COVE__SEC, .tv_nsec = until_ns % COVE__SEC };

    if (until_ns == INT64_MAX)
        return pthread_cond_wait(cond, lock) == 0;
    return pthread_cond_timedwait(cond, lock, &t) != ETIMEDOUT;
}

/* splitmix64 over a counter, the time and the process: well spread, never the same in parent and child. */
uint64_t cove__random(void)
{
    static atomic_uint_fast64_t counter;
    uint64_t x = atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed) * 0x9E3779B97F4A7C15u;

    x ^= (uint64_t)cove__now_ns() ^ ((uint64_t)getpid() << 40) ^ (uint64_t)cove__wall_ns();
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/* timegm without the C library's tables: days since 1970 in the proleptic Gregorian calendar. */
static int64_t seconds_of(int year, int month, int day, int hour, int minute, int second)
{
    int y = month <= 2 ? year - 1 : year;
    int era = y / 400;
    int of_era = y - era * 400;
    int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t days = (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;

    return days * 86400 + hour * 3600 + minute * 60 + second;
}

static int in_range(int year, int month, int day, int hour, int minute, int second)
{
    return year >= 1970 && year <= 2200 && month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour >= 0 &&
           hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 60;
}

/* `n` digits at *at, which moves behind them. -1: there are fewer. */
static int digits(const char **at, int n)
{
    int value = 0;

    for (; n > 0; n--, (*at)++) {
        if (**at < '0' || **at > '9')
            return -1;
        value = value * 10 + (**at - '0');
    }
    return value;
}

/* The number of `n` digits before which `marks` has the character. */
static int marked(const char **at, const char *marks, int n)
{
    if (**at == '\0' || !strchr(marks, **at))
        return -1;
    (*at)++;
    return digits(at, n);
}

/* "Z", or "+hh:mm", which ISO 8601 writes without the colon too. False: it is neither, or more follows. */
static bool read_zone(const char *at, int64_t *ret_seconds)
{
    int64_t sign = *at == '-' ? -1 : 1;

    *ret_seconds = 0;
    if ((*at == 'Z' || *at == 'z') && at[1] == '\0')
        return true;
    int hour = marked(&at, "+-", 2);
    int minute = *at == ':' ? marked(&at, ":", 2) : digits(&at, 2);
    *ret_seconds = sign * (hour * 3600 + minute * 60);
    return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && *at == '\0';
}

int64_t cove__parse_iso8601(const char *text)
{
    const char *p = text;
    int64_t nanos = 0, scale = COVE__SEC / 10, zone;

    int year = digits(&p, 4);
    int month = year < 0 ? -1 : marked(&p, "-", 2);
    int day = month < 0 ? -1 : marked(&p, "-", 2);
    int hour = day < 0 ? -1 : marked(&p, "Tt ", 2);
    int minute = hour < 0 ? -1 : marked(&p, ":", 2);
    int second = minute < 0 ? -1 : marked(&p, ":", 2);
    if (second < 0 || !in_range(year, month, day, hour, minute, second))
        return -1;
    if (*p == '.') {
        if (p[1] < '0' || p[1] > '9')
            return -1;
        for (p++; *p >= '0' && *p <= '9'; p++, scale /= 10)
            nanos += (*p - '0') * scale;
    }
    if (!read_zone(p, &zone))
        return -1;
    int64_t seconds = seconds_of(year, month, day, hour, minute, second) - zone;
    return seconds < 0 ? -1 : seconds * COVE__SEC + nanos;
}

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec"; /* in every locale */

int64_t cove__parse_http_date(const char *text)
{
    char name[4];
    const char *found;
    int year, month, day, hour, minute, second;

    if (sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &day, name, &year, &hour, &minute, &second) != 6 ||
        strlen(name) != 3)
        return -1;
    found = strstr(months, name);
    if (!found || (found - months) % 3 != 0)
        return -1;
    month = (int)(found - months) / 3 + 1;
    if (!in_range(year, month, day, hour, minute, second))
        return -1;
    return seconds_of(year, month, day, hour, minute, second) * COVE__SEC;
}

void cove__format_http_date(int64_t wall_ns, char out[COVE__HTTP_DATE_SIZE])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    time_t seconds = (time_t)(wall_ns / COVE__SEC);
    struct tm tm;
    char text[96];

    gmtime_r(&seconds, &tm);
    snprintf(text, sizeof text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday, tm.tm_mday,
             months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    snprintf(out, COVE__HTTP_DATE_SIZE, "%.*s", COVE__HTTP_DATE_SIZE - 1, text);
}

static void format_date(int64_t wall_ns, const char *format, char *out, size_t size)
{
    time_t seconds = (time_t)(wall_ns / COVE__SEC);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(out, size, format, &tm);
}

void cove__format_iso8601(int64_t wall_ns, char out[21])
{
    format_date(wall_ns, "%Y-%m-%dT%H:%M:%SZ", out, 21);
}

void cove__format_iso8601_basic(int64_t wall_ns, char out[17])
{
    format_date(wall_ns, "%Y%m%dT%H%M%SZ", out, 17);
}

#define CENTURY_S ((int64_t)100 * 366 * 24 * 3600)

int64_t cove__sec_ns(int64_t s)
{
    return (s < -CENTURY_S ? -CENTURY_S : s > CENTURY_S ? CENTURY_S : s) * COVE__SEC;
}

int64_t cove__ms_ns(int64_t ms)
{
    return (ms < -CENTURY_S * 1000 ? -CENTURY_S * 1000 : ms > CENTURY_S * 1000 ? CENTURY_S * 1000 : ms) * COVE__MS;
}
