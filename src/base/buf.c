/* A growing run of bytes with a limit: see buf.h. */
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include <cove/error.h>

#include "base/mem.h"

void cove__buf_init(struct cove__buf *b, size_t max)
{
    *b = COVE__BUF_INIT(max);
}

void cove__buf_init_secret(struct cove__buf *b, size_t max)
{
    *b = COVE__BUF_SECRET(max);
}

void cove__buf_wipe(struct cove__buf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->cap);
    cove__free(b->data);
    *b = (struct cove__buf){ .max = b->max, .secret = b->secret };
}

void cove__buf_done(struct cove__buf *b)
{
    if (b->secret) {
        cove__buf_wipe(b);
        return;
    }
    cove__free(b->data);
    *b = COVE__BUF_INIT(b->max);
}

void cove__buf_reset(struct cove__buf *b)
{
    b->size = 0;
    b->rc = 0;
    if (b->data)
        b->data[0] = '\0';
}

void cove__buf_drop(struct cove__buf *b, size_t n)
{
    if (n == 0)
        return;
    b->size -= n;
    memmove(b->data, b->data + n, b->size + 1);
}

/* realloc may leave a copy behind. */
static uint8_t *grow(struct cove__buf *b, size_t cap)
{
    if (!b->secret)
        return cove__realloc(b->data, cap);
    uint8_t *data = cove__malloc(cap);
    if (data && b->data) {
        memcpy(data, b->data, b->size);
        explicit_bzero(b->data, b->cap);
        cove__free(b->data);
    }
    return data;
}

int cove__buf_reserve(struct cove__buf *b, size_t extra)
{
    size_t want;
    size_t cap;
    uint8_t *data;

    if (b->rc)
        return b->rc;
    if (extra > b->max - b->size)
        return b->rc = COVE_ELIMIT;
    want = b->size + extra + 1; /* the NUL; `max` never comes near SIZE_MAX in practice, but check */
    if (want == 0)
        return b->rc = COVE_ELIMIT;
    if (want <= b->cap)
        return 0;
    cap = b->cap ? b->cap : 64;
    while (cap < want)
        cap = cap > SIZE_MAX / 2 ? want : cap * 2;
    if (b->max < SIZE_MAX && cap - 1 > b->max)
        cap = b->max + 1;
    data = grow(b, cap);
    if (!data)
        return b->rc = COVE_ENOMEM;
    b->data = data;
    b->cap = cap;
    b->data[b->size] = '\0';
    return 0;
}

int cove__buf_add(struct cove__buf *b, const void *data, size_t size)
{
    int rc = cove__buf_reserve(b, size);

    if (rc)
        return rc;
    if (size > 0)
        memcpy(b->data + b->size, data, size);
    b->size += size;
    b->data[b->size] = '\0';
    return 0;
}

int cove__buf_add_slice(struct cove__buf *b, struct cove__slice s)
{
    return cove__buf_add(b, s.data, s.size);
}

int cove__buf_add_str(struct cove__buf *b, const char *s)
{
    return cove__buf_add(b, s, strlen(s));
}

int cove__buf_add_char(struct cove__buf *b, char c)
{
    return cove__buf_add(b, &c, 1);
}

int cove__buf_vaddf(struct cove__buf *b, const char *format, va_list args)
{
    va_list again;
    int n;
    int rc;

    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    rc = n < 0 ? (b->rc = COVE_EINVAL) : cove__buf_reserve(b, (size_t)n);
    if (rc == 0) {
        vsnprintf((char *)b->data + b->size, (size_t)n + 1, format, again);
        b->size += (size_t)n;
    }
    va_end(again);
    return rc;
}

int cove__buf_addf(struct cove__buf *b, const char *format, ...)
{
    va_list args;
    int rc;

    va_start(args, format);
    rc = cove__buf_vaddf(b, format, args);
    va_end(args);
    return rc;
}

int cove__buf_rc(const struct cove__buf *b)
{
    return b->rc;
}

const char *cove__buf_str(const struct cove__buf *b)
{
    return b->data ? (const char *)b->data : "";
}

char *cove__buf_take(struct cove__buf *b)
{
    char *taken = NULL;

    if (b->rc == 0 && cove__buf_reserve(b, 0) == 0) {
        taken = (char *)b->data;
        b->data = NULL;
    }
    cove__buf_done(b);
    return taken;
}
