/* The kind of a file that no format detects, by its first bytes. For messages: most often the file is not a checkpoint
 * at all. Part of format.h. */
#include <stdio.h>
#include <string.h>

#include "checkpoint/format.h"

#define SHOWN_TEXT  40
#define SHOWN_BYTES 8

static const struct {
    const char *beginning, *name;
} kinds[] = {
    { "version https://git-lfs", "a Git LFS pointer instead of the file itself" },
    { "\x1f\x8b", "a gzip file" },
    { "\x28\xb5\x2f\xfd", "a zstd file" },
    { "PK", "a zip archive without records" }, /* with records it is the torch format's */
    { "BZh", "a bzip2 file" },
    { "\xfd"
      "7zXZ",
      "an xz file" },
    { "\x89HDF\r\n", "an HDF5 file" },
    { "\x93NUMPY", "a numpy.save file" },
    { "\x80", "a pickle that torch.save did not write" },
};

/* Behind white space and a byte-order mark, in any case. */
static const struct {
    const char *beginning, *name;
} markup[] = {
    { "<!doctype html", "an HTML page" },
    { "<html", "an HTML page" },
    { "<?xml", "an XML document" },
};

static bool begins(struct cove__slice head, const char *beginning)
{
    size_t n = strlen(beginning);
    return head.size >= n && memcmp(head.data, beginning, n) == 0;
}

static bool begins_lower(struct cove__slice head, const char *beginning)
{
    size_t n = strlen(beginning), i = 0;
    while (i < n && i < head.size) {
        uint8_t c = head.data[i];
        if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != (uint8_t)beginning[i])
            return false;
        i++;
    }
    return i == n;
}

static struct cove__slice skip_space(struct cove__slice head)
{
    size_t i = begins(head, "\xef\xbb\xbf") ? 3 : 0;
    while (i < head.size && head.data[i] != '\0' && strchr(" \t\r\n", head.data[i]))
        i++;
    return cove__slice(head.data + i, head.size - i);
}

/* The bytes of the head's first line that may be shown; 0: it is no text. */
static size_t printable(struct cove__slice head)
{
    size_t i = 0;
    while (i < head.size && i < SHOWN_TEXT && head.data[i] >= ' ' && head.data[i] < 0x7f)
        i++;
    return i == head.size || i == SHOWN_TEXT || head.data[i] == '\n' || head.data[i] == '\r' ? i : 0;
}

void cove__file_kind(struct cove__slice head, char *text, size_t size)
{
    struct cove__slice visible = skip_space(head);
    size_t n = printable(visible);
    if (head.size == 0) {
        snprintf(text, size, "an empty file");
        return;
    }
    for (size_t i = 0; i < sizeof(markup) / sizeof(markup[0]); i++) {
        if (begins_lower(visible, markup[i].beginning)) {
            snprintf(text, size, "%s", markup[i].name);
            return;
        }
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (begins(head, kinds[i].beginning)) {
            snprintf(text, size, "%s", kinds[i].name);
            return;
        }
    }
    if (n > 0) {
        snprintf(text, size, "a text that begins with '%.*s'", (int)n, (const char *)visible.data);
        return;
    }
    size_t at = (size_t)snprintf(text, size, "a file that begins with the bytes");
    for (size_t i = 0; i < head.size && i < SHOWN_BYTES && at + 4 < size; i++)
        at += (size_t)snprintf(text + at, size - at, " %02x", head.data[i]);
}
