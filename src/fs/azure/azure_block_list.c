/* The committed blocks of a blob: see azure_block_list.h. */
#include "fs/azure/azure_block_list.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/azure/azure_blocks.h"
#include "wire/digest.h"
#include "wire/xml.h"

#define SMALL_MAX  ((int64_t)64 << 10)
#define MEDIUM_MAX ((int64_t)4 << 20)
#define IN_A_ROW   16
#define RUN_MIN    64

void cove__azure_block_list_init(struct azure_block_list *list)
{
    *list = (struct azure_block_list){ 0 };
    snprintf(list->id, sizeof list->id, "%016llx%016llx", (unsigned long long)cove__random(),
             (unsigned long long)cove__random());
}

void cove__azure_block_list_done(struct azure_block_list *list)
{
    cove__free(list->blocks);
    *list = (struct azure_block_list){ 0 };
}

/* Of a name in base64. */
static size_t bytes_of(struct cove__slice name)
{
    while (name.size > 0 && name.data[name.size - 1] == '=')
        name.size--;
    return name.size * 3 / 4;
}

int cove__azure_block_list_add(struct azure_block_list *list, const char *name, int64_t size)
{
    if (cove__grow(&list->blocks, &list->cap, list->n + 1, sizeof *list->blocks, AZURE_BLOCKS_MAX) < 0)
        return list->n >= AZURE_BLOCKS_MAX ? COVE_ELIMIT : COVE_ENOMEM;
    struct azure_block *block = &list->blocks[list->n++];
    snprintf(block->name, sizeof block->name, "%s", name);
    list->name_bytes = bytes_of(cove__slice_str(block->name));
    block->size = size;
    list->total += size;
    return 0;
}

void cove__azure_block_list_drop(struct azure_block_list *list, size_t n)
{
    for (; n > 0; n--)
        list->total -= list->blocks[--list->n].size;
}

/* ---- read ---- */

struct reader {
    struct azure_block_list *list;
    char name[AZURE_BLOCK_NAME_SIZE];
    int64_t size;
};

static int on_start(void *user, const char *path)
{
    struct reader *in = user;

    if (strcmp(path, "BlockList/CommittedBlocks/Block") == 0) {
        in->name[0] = '\0';
        in->size = -1;
    }
    return 0;
}

static int on_end(void *user, const char *path, struct cove__slice text)
{
    struct reader *in = user;

    if (strcmp(path, "BlockList/UncommittedBlocks/Block/Name") == 0)
        in->list->name_bytes = bytes_of(text);
    else if (strcmp(path, "BlockList/CommittedBlocks/Block/Name") == 0)
        cove__object_text(text, in->name, sizeof in->name);
    else if (strcmp(path, "BlockList/CommittedBlocks/Block/Size") == 0)
        in->size = cove__object_number(text);
    else if (strcmp(path, "BlockList/CommittedBlocks/Block") == 0)
        return in->name[0] == '\0' || in->size < 0 ? COVE_EPROTOCOL
                                                   : cove__azure_block_list_add(in->list, in->name, in->size);
    return 0;
}

int cove__azure_block_list_read(struct azure_block_list *list, struct cove__slice body)
{
    static const struct cove__xml_handler handler = { on_start, on_end, "BlockList" };
    struct reader in = { .list = list };

    return cove__xml_read(body, &handler, &in);
}

/* ---- the next block ---- */

static bool has(const struct azure_block_list *list, const char *name)
{
    for (size_t i = list->n; i > 0; i--) {
        if (strcmp(list->blocks[i - 1].name, name) == 0)
            return true;
    }
    return false;
}

bool cove__azure_block_list_new_name(struct azure_block_list *list, char ret[AZURE_BLOCK_NAME_SIZE])
{
    size_t bytes = list->name_bytes > 0 ? list->name_bytes : AZURE_OWN_NAME_BYTES;
    char text[2 * AZURE_BLOCK_NAME_SIZE];

    if (bytes == AZURE_OWN_NAME_BYTES) {
        cove__azure_block_id(list->id, list->next++, ret);
        return true;
    }
    if (bytes < AZURE_NAME_BYTES_MIN || bytes > AZURE_NAME_BYTES_MAX)
        return false;
    do { /* by chance, as another writer does not know our number */
        snprintf(text, sizeof text, "%016llx%016llx%016llx%016llx", (unsigned long long)cove__random(),
                 (unsigned long long)cove__random(), (unsigned long long)cove__random(),
                 (unsigned long long)cove__random());
        cove__base64(text, bytes, ret);
    } while (has(list, ret));
    return true;
}

enum kind { SMALL, MEDIUM, LARGE };

static enum kind kind_of(int64_t size)
{
    return size < SMALL_MAX ? SMALL : size < MEDIUM_MAX ? MEDIUM : LARGE;
}

size_t cove__azure_block_list_merge(const struct azure_block_list *list, int64_t size, int64_t *ret_bytes)
{
    size_t n = 0; /* taken in */
    int64_t bytes = 0;

    for (;;) {
        enum kind kind = kind_of(size + bytes);
        size_t run = 0;
        int64_t run_bytes = 0;

        while (n < list->n && bytes < MEDIUM_MAX && kind_of(list->blocks[list->n - n - 1].size) < kind)
            bytes += list->blocks[list->n - ++n].size;
        if (kind_of(size + bytes) != kind)
            continue;
        while (kind < LARGE && n + run < list->n && bytes + run_bytes < MEDIUM_MAX &&
               kind_of(list->blocks[list->n - n - run - 1].size) == kind)
            run_bytes += list->blocks[list->n - n - ++run].size;
        if (run == 0 || (run + 1 < IN_A_ROW && (kind == SMALL || size + bytes + run_bytes < MEDIUM_MAX)))
            break;
        n += run;
        bytes += run_bytes;
    }
    *ret_bytes = bytes;
    return n;
}

bool cove__azure_block_list_run(const struct azure_block_list *list, struct azure_block_run *ret)
{
    size_t min = list->n >= AZURE_BLOCKS_KEPT ? 2 : RUN_MIN, end = list->n;
    int64_t end_offset = list->total;

    while (end >= min) {
        struct azure_block_run run = { .first = end, .offset = end_offset };
        while (run.first > 0 && run.bytes + list->blocks[run.first - 1].size <= AZURE_RUN_MAX) {
            run.bytes += list->blocks[--run.first].size;
            run.n++;
        }
        run.offset -= run.bytes;
        if (run.n >= min && run.bytes > 0) {
            *ret = run;
            return true;
        }
        if (run.n == 0) { /* a larger block alone */
            run.first--;
            run.offset -= list->blocks[run.first].size;
        }
        end = run.first;
        end_offset = run.offset;
    }
    return false;
}

void cove__azure_block_list_replace(struct azure_block_list *list, const struct azure_block_run *run, const char *name)
{
    struct azure_block *first = &list->blocks[run->first];

    snprintf(first->name, sizeof first->name, "%s", name);
    first->size = run->bytes;
    memmove(first + 1, first + run->n, (list->n - run->first - run->n) * sizeof *first);
    list->n -= run->n - 1;
}
