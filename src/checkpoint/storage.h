/*
 * Where tensors come from: a source (the file, read by ranges), storages in it (runs of bytes that tensors view), and
 * blocks (their memory once loaded). Formats make storages; checkpoint.c decides which are loaded, storage.c loads
 * them, many at once.
 */
#ifndef COVE_CHECKPOINT_STORAGE_H
#define COVE_CHECKPOINT_STORAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cove/fs.h>

#include "base/slice.h"
#include "checkpoint/value.h"
#include "wire/zip.h"

/* How the file is read; `user` is the caller's. */
struct cove__source_ops {
    int (*read_ranges)(void *user, struct cove_range *ranges, size_t n, const struct cove_call *call,
                       struct cove_error *err);
    void (*close)(void *user);
};

/* The file. Its first and last bytes are held while the tree is being built: most files need no other read for that. */
struct cove__source {
    atomic_uint refs;
    const struct cove__source_ops *ops;
    void *user;
    char *name; /* owned: the URL, for messages */
    uint64_t size;
    uint8_t *head, *tail; /* owned; NULL: not held. `head` has the whole of a small file. The caller that opens the file
                           * gives it */
    size_t head_size, tail_size;
};

#define COVE__SOURCE_HEAD ((size_t)64 << 10)
#define COVE__SOURCE_TAIL ((size_t)128 << 10) /* more than the end records of a zip take */

/* Takes `user` over, on failure too. */
int cove__source_new(const struct cove__source_ops *ops, void *user, const char *name, uint64_t size,
                     struct cove__source **ret, struct cove_error *err);
struct cove__source *cove__source_ref(struct cove__source *source);
void cove__source_unref(struct cove__source *source);
/* Reads the tail, if the head is not the whole file. */
int cove__source_peek_tail(struct cove__source *source, const struct cove_call *call, struct cove_error *err);
void cove__source_forget(struct cove__source *source); /* frees head and tail */
/* Fills every range, or fails: COVE_ECORRUPT where the file has become shorter. Ranges are within the file's size. */
int cove__source_read(struct cove__source *source, struct cove_range *ranges, size_t n, const struct cove_call *call,
                      struct cove_error *err);

/* A run of bytes of the file that tensors view. */
struct cove__storage {
    atomic_uint refs;
    struct cove__source *source; /* one reference; NULL where nothing of it is left to load */
    uint64_t size;
    uint64_t offset; /* of its first byte in the file; a guess until `is_placed` */
    bool is_placed;
    bool has_crc;
    bool is_counted; /* its data follow 8 bytes with the number of elements, not a zip record's header: */
    uint64_t count;
    bool is_swapped; /* its byte order is not this machine's */
    /* The first tensor sets these for all tensors of the storage. A tensor that differs gets another storage over the
     * same bytes of the file, because its bytes in memory differ. */
    bool is_viewed;             /* a tensor views it */
    uint8_t math;               /* of cove__view_math: applied to the bytes after they are read */
    enum cove_dtype dtype;      /* of the elements that `math` changes; 0: none */
    size_t swap;                /* if is_swapped: the width of the numbers, in bytes */
    struct cove__storage *next; /* another storage over the same bytes, one reference; NULL after cove__storage_close */
    bool is_extra;              /* it is such another storage */
    struct cove__block *current;  /* what was loaded last, one reference */
    struct cove__zip_entry entry; /* until `is_placed`: the record, whose local header has the offset; if is_counted,
                                     only name and header_offset are set */
    char name[];                  /* the record's, which `entry` points to */
};

/* A storage that is a plain range (`entry` NULL), the data of a zip record, or counted. */
int cove__storage_new(struct cove__source *source, uint64_t offset, uint64_t size, const struct cove__zip_entry *entry,
                      struct cove__storage **ret, struct cove_error *err);
struct cove__storage *cove__storage_ref(struct cove__storage *storage);
void cove__storage_unref(struct cove__storage *storage); /* NULL accepted */
/* Makes `tensor`, which has no storage yet, a view of `storage` from byte `begin`. `math` (CONJ and NEG of
 * cove__view_math) is applied to its elements when they are loaded; only tensors of the same dtype and math share that
 * memory. COVE_ECORRUPT: it reaches beyond the storage; COVE_ENOTSUP: the dtype does not support `math`. */
int cove__storage_view(struct cove__storage *storage, struct cove__tensor *tensor, uint64_t begin, unsigned math,
                       struct cove_error *err);
/* No more tensors will view it: separates the storages over the same bytes, so that each lives as long as its tensors.
 */
void cove__storage_close(struct cove__storage *storage);

/* Memory that holds bytes `begin` to `begin + size` of a storage; aligned to 64 bytes. */
struct cove__block {
    atomic_uint refs;
    uint64_t begin, size;
    uint8_t *data;
};
/* One reference, the memory uninitialised; `before` more bytes can be written in front of its data. NULL: no memory. */
struct cove__block *cove__block_new(uint64_t begin, uint64_t size, size_t before);
void cove__block_unref(struct cove__block *block); /* NULL accepted */

/*
 * Loads what `tensors` (n remote ones, of one source) view, in parallel and into place; tensors of one storage share
 * its memory. The CRC of each record that is loaded whole is checked. COVE_ELIMIT: more than `max_bytes`; if that is 0,
 * more than the file's size plus what is read a second time. On failure nothing has changed.
 */
int cove__tensors_load(cove_value *const *tensors, size_t n, uint64_t max_bytes, const struct cove_call *call,
                       struct cove_error *err);

#endif
