/* Files of tokens: version 0 as Java's Writables, version 1 as Protocol Buffers. See hadoop_tokens.h. */
#include "wire/hadoop_tokens.h"

#include <stdbool.h>
#include <string.h>

#include <cove/error.h>

#include "wire/protobuf.h"

#define MAGIC "HDTS"

/* A WritableUtils VInt that is not negative. */
static bool take_number(struct cove__slice *rest, size_t *ret)
{
    size_t n, value = 0;
    int8_t first;

    if (rest->size == 0)
        return false;
    first = (int8_t)rest->data[0];
    n = first >= -112 ? 0 : (size_t)(-112 - first); /* how many bytes follow */
    if ((first < 0 && n == 0) || n > 4 || rest->size < 1 + n)
        return false;
    for (size_t i = 1; i <= n; i++)
        value = value << 8 | rest->data[i];
    *ret = n == 0 ? (size_t)first : value;
    *rest = cove__slice_sub(*rest, 1 + n, rest->size);
    return true;
}

static bool take_text(struct cove__slice *rest, struct cove__slice *ret)
{
    size_t size;

    if (!take_number(rest, &size) || size > rest->size)
        return false;
    *ret = cove__slice_sub(*rest, 0, size);
    *rest = cove__slice_sub(*rest, size, rest->size);
    return true;
}

static int read_writables(struct cove__slice rest, int (*found)(void *user, const struct cove__hadoop_token *token),
                          void *user)
{
    struct cove__hadoop_token token;
    struct cove__slice alias;
    size_t n;
    int rc = 0;

    if (!take_number(&rest, &n))
        return COVE_EPROTOCOL;
    for (; rc == 0 && n > 0; n--) {
        if (!take_text(&rest, &alias) || !take_text(&rest, &token.identifier) || !take_text(&rest, &token.password) ||
            !take_text(&rest, &token.kind) || !take_text(&rest, &token.service))
            return COVE_EPROTOCOL;
        rc = found(user, &token);
    }
    return rc;
}

static bool take_field(struct cove__slice message, unsigned number, struct cove__slice *ret)
{
    struct cove__pb_field field;
    bool found = false;

    while (cove__pb_next(&message, &field) == 1) {
        if (cove__pb_is(&field, number, COVE__PB_BYTES)) {
            *ret = field.bytes;
            found = true;
        }
    }
    return found;
}

int cove__hadoop_token_read(struct cove__slice message, struct cove__hadoop_token *ret)
{
    *ret = (struct cove__hadoop_token){ 0 };
    return take_field(message, 1, &ret->identifier) && take_field(message, 2, &ret->password) &&
                   take_field(message, 3, &ret->kind) && take_field(message, 4, &ret->service)
               ? 0
               : COVE_EPROTOCOL;
}

static int read_messages(struct cove__slice rest, int (*found)(void *user, const struct cove__hadoop_token *token),
                         void *user)
{
    struct cove__hadoop_token token;
    struct cove__pb_field field;
    struct cove__slice message;
    uint64_t size = 0;
    int rc = 0, more = 0;

    if (cove__pb_take_varint(&rest, &size) != 1 || size > rest.size)
        return COVE_EPROTOCOL;
    rest = cove__slice_sub(rest, 0, (size_t)size);
    while (rc == 0 && (more = cove__pb_next(&rest, &field)) == 1) {
        if (!cove__pb_is(&field, 1, COVE__PB_BYTES) || !take_field(field.bytes, 2, &message))
            continue;
        rc = cove__hadoop_token_read(message, &token);
        if (rc == 0)
            rc = found(user, &token);
    }
    return more < 0 ? COVE_EPROTOCOL : rc;
}

int cove__hadoop_tokens_read(struct cove__slice file, int (*found)(void *user, const struct cove__hadoop_token *token),
                             void *user)
{
    size_t n = strlen(MAGIC);

    if (file.size <= n || memcmp(file.data, MAGIC, n) != 0 || file.data[n] > 1)
        return COVE_EPROTOCOL;
    return file.data[n] == 0 ? read_writables(cove__slice_sub(file, n + 1, file.size), found, user)
                             : read_messages(cove__slice_sub(file, n + 1, file.size), found, user);
}
