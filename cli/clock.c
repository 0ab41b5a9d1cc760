/* The command's clock, and the timeout of what it does by several calls: to find out what a path is, and to list what
 * is below it, are one operation. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t cli_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The timeout that the library would use. */
int64_t cli_timeout_ms(const struct cli *c)
{
    const char *text = getenv("COVE_TIMEOUT");
    int64_t ms = 0;

    if (c->call.timeout_ms != 0)
        return c->call.timeout_ms;
    for (size_t i = 0; i < c->n_pairs; i++)
        if (strcmp(c->pairs[i].name, "timeout") == 0)
            text = c->pairs[i].value;
    return text && cli_parse_duration(text, &ms) ? ms : 0;
}

struct cli_operation cli_operation_begin(const struct cli *c)
{
    int64_t timeout_ms = cli_timeout_ms(c);

    return (struct cli_operation){ .call = c->call, .until_ms = timeout_ms > 0 ? cli_now_ms() + timeout_ms : 0 };
}

const struct cove_call *cli_operation_call(struct cli_operation *o)
{
    int64_t left_ms = o->until_ms - cli_now_ms();

    if (o->until_ms > 0)
        o->call.timeout_ms = left_ms > 0 ? left_ms : 1; /* 0 would be none */
    return &o->call;
}
