/*
 * Opaque values: objects of a pickle's unknown names. No code runs for them, and only the name is kept. Part of
 * value.h.
 */
#include <string.h>

#include "base/mem.h"
#include "checkpoint/value.h"

#define NAME_MAX_BYTES ((size_t)200) /* of each part: names come from a file, and go into messages */

/* Bytes that are not safe to print become question marks. */
static size_t add_part(char *to, struct cove__slice part)
{
    size_t n = 0;
    for (; n < part.size && n < NAME_MAX_BYTES; n++)
        to[n] = part.data[n] > ' ' && part.data[n] < 0x7f ? (char)part.data[n] : '?';
    return n;
}

char *cove__opaque_name(struct cove__slice module, struct cove__slice name)
{
    char text[2 * NAME_MAX_BYTES + 2];
    size_t n = add_part(text, module);
    text[n++] = '.';
    n += add_part(text + n, name);
    return cove__strndup(text, n);
}

cove_value *cove__opaque_new(char *name, const char *why, int code)
{
    char *copy = why ? cove__strdup(why) : NULL;
    cove_value *value = name && (copy || !why) ? cove__value_new(COVE_VALUE_OPAQUE) : NULL;
    if (!value) {
        cove__free(name);
        cove__free(copy);
        return NULL;
    }
    value->u.opaque.name = name;
    value->u.opaque.why = copy;
    value->u.opaque.code = code;
    return value;
}

int cove__opaque_become(cove_value *dict, const char *name, const char *why, int code)
{
    cove_value *opaque = cove__opaque_new(cove__strdup(name), why, code);
    if (!opaque)
        return COVE_ENOMEM;
    cove__value_clear(dict);
    cove__free(dict->u.dict);
    dict->type = COVE_VALUE_OPAQUE;
    dict->u.opaque = opaque->u.opaque;
    opaque->type = COVE_VALUE_NONE;
    cove_value_unref(opaque);
    return 0;
}

cove_value *cove__opaque_again(const cove_value *opaque)
{
    return cove__opaque_new(cove__strdup(opaque->u.opaque.name), opaque->u.opaque.why, opaque->u.opaque.code);
}

const char *cove_value_opaque_name(const cove_value *value)
{
    return value && value->type == COVE_VALUE_OPAQUE ? value->u.opaque.name : NULL;
}
