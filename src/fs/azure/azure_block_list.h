/* The committed blocks of a blob: their names and sizes, and which of them the next append puts together with the new
 * bytes. Pure. */
#ifndef COVE_FS_AZURE_BLOCK_LIST_H
#define COVE_FS_AZURE_BLOCK_LIST_H

#include "base/buf.h"
#include "fs/azure/azure.h"

struct azure_block {
    char name[AZURE_BLOCK_NAME_SIZE];
    int64_t size;
};

struct azure_block_list {
    struct azure_block *blocks; /* owned */
    size_t n, cap;
    int64_t total; /* bytes of all of them */
    size_t
        name_bytes; /* of each name, decoded, as the service wants it, also uncommitted ones; 0: there are no blocks */
    char id[33];    /* of this list's own writer: 32 hex digits */
    unsigned next;  /* number of its next block */
};

void cove__azure_block_list_init(struct azure_block_list *list);
void cove__azure_block_list_done(struct azure_block_list *list);
/* Reads the response to Get Block List into an empty list. COVE_EPROTOCOL, COVE_ELIMIT, COVE_ENOMEM. */
int cove__azure_block_list_read(struct azure_block_list *list, struct cove__slice body);
/* COVE_ENOMEM, COVE_ELIMIT: 50,000 are there. */
int cove__azure_block_list_add(struct azure_block_list *list, const char *name, int64_t size);
/* Removes the last `n` blocks. */
void cove__azure_block_list_drop(struct azure_block_list *list, size_t n);
/* A name of the length that the others have, and that none of them is. False: theirs are too short for that. */
bool cove__azure_block_list_new_name(struct azure_block_list *list, char ret[AZURE_BLOCK_NAME_SIZE]);

/*
 * How many of the last blocks the next one, of `size` new bytes, takes in, and their bytes. Blocks are small (below 64
 * KiB), medium (below 4 MiB) or large. The next block takes in those before it that are of a smaller kind; where 16 of
 * one kind would follow each other, or medium ones would have 4 MiB in all, it takes in those, of longer rows that
 * another program has left only the last ones. So the list ends with at most 15 medium and 15 small ones, and only
 * large ones make it longer. What is sent again is below 1 MiB in 15 appends for small blocks, once for the bytes of
 * medium ones, and below 8 MiB in one append.
 */
size_t cove__azure_block_list_merge(const struct azure_block_list *list, int64_t size, int64_t *ret_bytes);

/* The longest run, in bytes, that the server puts together. */
#define AZURE_RUN_MAX ((int64_t)100 << 20)

/* Blocks that follow each other. */
struct azure_block_run {
    size_t first, n;
    int64_t offset, bytes; /* where they are in the blob */
};
/*
 * The last run that the server should put together by a copy of its range: 64 blocks or more of up to 100 MiB in all,
 * as other programs leave them; where the blob has nearly 50,000 blocks, of any that fit. So 4.7 TiB fit into a blob.
 * False: there is none.
 */
bool cove__azure_block_list_run(const struct azure_block_list *list, struct azure_block_run *ret);
/* One block in the place of the run. */
void cove__azure_block_list_replace(struct azure_block_list *list, const struct azure_block_run *run, const char *name);

#endif
