/* Times as Azure's services and its command write them. See azure_chain.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/azure_chain.h"
#include "base/clock.h"

static int64_t of_seconds(const char *text)
{
    char *end;
    long long seconds = strtoll(text, &end, 10);
    bool fits = seconds > 0 && seconds < INT64_MAX / COVE__SEC;

    while (*end == '.' || (*end >= '0' && *end <= '9')) /* a fraction */
        end++;
    return *end == '\0' && fits ? seconds * COVE__SEC : -1;
}

/* "06/20/2019 02:57:58 +00:00", with AM or PM in between on Windows; always of UTC. */
static int64_t of_american(const char *text)
{
    struct tm t = { 0 };
    char half[3] = "", iso[32];
    int used = 0;

    if (sscanf(text, "%2d/%2d/%4d %2d:%2d:%2d%n", &t.tm_mon, &t.tm_mday, &t.tm_year, &t.tm_hour, &t.tm_min, &t.tm_sec,
               &used) != 6 ||
        used == 0)
        return -1;
    text += used;
    if (sscanf(text, " %2[AMP]%n", half, &used) == 1) {
        if (t.tm_hour < 1 || t.tm_hour > 12 || (strcmp(half, "AM") != 0 && strcmp(half, "PM") != 0))
            return -1;
        t.tm_hour = t.tm_hour % 12 + (half[0] == 'P' ? 12 : 0);
        text += used;
    }
    if (strcmp(text, " +00:00") != 0)
        return -1;
    snprintf(iso, sizeof iso, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year, t.tm_mon, t.tm_mday, t.tm_hour, t.tm_min,
             t.tm_sec);
    return cove__parse_iso8601(iso);
}

int64_t cove__azure_ends_ns(const char *text)
{
    if (strchr(text, '/'))
        return of_american(text);
    return strchr(text, ':') ? cove__parse_iso8601(text) : of_seconds(text);
}

int64_t cove__azure_local_ns(const char *text)
{
    struct tm t = { .tm_isdst = -1 };
    int used = 0;

    if (sscanf(text, "%4d-%2d-%2d%*1[ T]%2d:%2d:%2d%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min,
               &t.tm_sec, &used) != 6 ||
        (text[used] != '\0' && text[used] != '.'))
        return -1;
    t.tm_year -= 1900;
    t.tm_mon--;
    time_t seconds = mktime(&t);
    return seconds > 0 ? cove__sec_ns(seconds) : -1;
}
