/* Names of temporary objects, made and taken apart. Pure. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fs/object/temporaries.h"

#define ID_BEGINS "cove-"
#define BESIDE    ".cove-" /* how the last segment of a name beside the object begins */
#define ID_LENGTH (COVE__TEMPORARIES_ID_SIZE - 1)
#define LAST_MAX  16 /* ".part-4294967295" */
/* Bytes of a key that leave room for the rest. */
#define KEY_ROOM (COVE__OBJECT_KEY_MAX - strlen(COVE__TEMPORARIES) - 1 - ID_LENGTH - LAST_MAX)

void cove__temporaries_new_id(char ret[COVE__TEMPORARIES_ID_SIZE])
{
    snprintf(ret, COVE__TEMPORARIES_ID_SIZE, ID_BEGINS "%016llx%016llx", (unsigned long long)cove__random(),
             (unsigned long long)cove__random());
}

bool cove__temporaries_is_id(struct cove__slice text)
{
    size_t begins = strlen(ID_BEGINS);

    if (text.size != ID_LENGTH || memcmp(text.data, ID_BEGINS, begins) != 0)
        return false;
    for (size_t i = begins; i < text.size; i++) {
        if (!memchr("0123456789abcdef", text.data[i], 16))
            return false;
    }
    return true;
}

bool cove__temporaries_is_apart(struct cove__slice key)
{
    size_t begins = strlen(COVE__TEMPORARIES);

    return key.size >= begins && memcmp(key.data, COVE__TEMPORARIES, begins) == 0;
}

/* The bytes that one of a key takes in such a name. */
static size_t width(uint8_t c)
{
    return c == '/' || c == '~' ? 2 : 1;
}

/* Cut between two characters of UTF-8. */
struct cove__slice cove__temporaries_cut(struct cove__slice key)
{
    size_t n = 0, room = KEY_ROOM;

    for (; n < key.size && width(key.data[n]) <= room; n++)
        room -= width(key.data[n]);
    while (n < key.size && n > 0 && (key.data[n] & 0xC0) == 0x80)
        n--;
    return cove__slice_sub(key, 0, n);
}

int cove__temporaries_prefix(struct cove__buf *out, struct cove__object_name below)
{
    struct cove__slice key = cove__temporaries_cut(below.key);

    cove__buf_add_slice(out, below.bucket);
    cove__buf_add_str(out, "/" COVE__TEMPORARIES);
    for (size_t i = 0; i < key.size; i++) {
        if (width(key.data[i]) == 1)
            cove__buf_add_char(out, key.data[i]);
        else
            cove__buf_add_str(out, key.data[i] == '/' ? "~1" : "~0");
    }
    return cove__buf_rc(out);
}

/* Where the last segment of a key begins. */
static size_t last_segment(struct cove__slice key)
{
    const uint8_t *slash = key.data && key.size > 0 ? memrchr(key.data, '/', key.size) : NULL;

    return slash ? (size_t)(slash - key.data) + 1 : 0;
}

static int add_beside(struct cove__buf *out, struct cove__object_name of)
{
    size_t folder = last_segment(of.key), taken = folder + strlen(BESIDE) + 1 + ID_LENGTH + LAST_MAX;
    struct cove__slice name = cove__slice_sub(of.key, folder, SIZE_MAX);

    if (taken > COVE__OBJECT_KEY_MAX)
        return COVE_ELIMIT;
    cove__buf_add_slice(out, of.bucket);
    cove__buf_add_char(out, '/');
    cove__buf_add_slice(out, cove__slice_sub(of.key, 0, folder));
    cove__buf_add_str(out, BESIDE);
    for (size_t i = 0; i < name.size && i < (COVE__OBJECT_KEY_MAX - taken) / 2; i++)
        cove__buf_addf(out, "%02x", name.data[i]);
    return cove__buf_rc(out);
}

int cove__temporaries_path(struct cove__buf *out, struct cove__object_name of, bool beside, const char *id,
                           const char *last, size_t number)
{
    int rc = beside ? add_beside(out, of) : cove__temporaries_prefix(out, of);
    if (rc < 0)
        return rc;
    cove__buf_addf(out, ".%s.", id);
    return last ? cove__buf_addf(out, "%s-%05zu", last, number) : cove__buf_rc(out);
}

static int digit(uint8_t c)
{
    const char *digits = "0123456789abcdef", *at = c != '\0' ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* 0: it is not hexadecimal. */
static int take_beside(struct cove__slice folder, struct cove__slice name, struct cove__buf *ret_key)
{
    if (name.size % 2 != 0)
        return 0;
    for (size_t i = 0; i < name.size; i++) {
        if (digit(name.data[i]) < 0)
            return 0;
    }
    cove__buf_add_slice(ret_key, folder);
    for (size_t i = 0; i < name.size; i += 2)
        cove__buf_add_char(ret_key, (char)(digit(name.data[i]) * 16 + digit(name.data[i + 1])));
    return cove__buf_rc(ret_key) < 0 ? cove__buf_rc(ret_key) : 1;
}

static int take_key(struct cove__slice name, struct cove__buf *ret_key)
{
    for (size_t i = 0; i < name.size; i++) {
        bool escaped = name.data[i] == '~' && i + 1 < name.size;
        cove__buf_add_char(ret_key, escaped ? name.data[++i] == '1' ? '/' : '~' : name.data[i]);
    }
    return cove__buf_rc(ret_key);
}

int cove__temporaries_owner(struct cove__slice key, struct cove__buf *ret_key, struct cove__slice *ret_id)
{
    size_t folder = last_segment(key), begins = folder;
    bool beside = !cove__slice_is(cove__slice_sub(key, 0, folder), COVE__TEMPORARIES);

    if (beside) {
        begins += strlen(BESIDE);
        if (key.size < begins || memcmp(key.data + folder, BESIDE, strlen(BESIDE)) != 0)
            return 0;
    }
    struct cove__slice rest = cove__slice_sub(key, begins, SIZE_MAX);
    const uint8_t *last = rest.size > 0 ? memrchr(rest.data, '.', rest.size) : NULL;
    size_t id_end = last ? (size_t)(last - rest.data) : 0;
    if (id_end < ID_LENGTH + (beside ? 1 : 2) || /* the last segment of a key may be empty */
        rest.data[id_end - ID_LENGTH - 1] != '.')
        return 0;
    struct cove__slice id = cove__slice_sub(rest, id_end - ID_LENGTH, ID_LENGTH);
    if (!cove__temporaries_is_id(id))
        return 0;
    *ret_id = id;
    struct cove__slice name = cove__slice_sub(rest, 0, id_end - ID_LENGTH - 1);
    if (beside)
        return take_beside(cove__slice_sub(key, 0, folder), name, ret_key);
    int rc = take_key(name, ret_key);
    return rc < 0 ? rc : 1;
}
