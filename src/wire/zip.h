/*
 * Zip archives as torch.save writes them: stored records, aligned by padding in an extra field, sizes and CRC behind
 * the data, zip64 ends.
 *
 * Reading is done in three steps, each over bytes that the caller fetched: the end records, the central directory, and
 * a record's local header. Every offset and length is checked against the archive before anything is taken for it.
 * Writing gives the bytes that stand between the records' data, so that the data itself goes out from where it lies.
 */
#ifndef COVE_WIRE_ZIP_H
#define COVE_WIRE_ZIP_H

#include <stddef.h>
#include <stdint.h>

#include <cove/error.h>

#include "base/buf.h"
#include "base/slice.h"

#define COVE__ZIP_LOCAL_SIZE  ((size_t)30)
#define COVE__ZIP_MAX_ENTRIES ((size_t)1 << 20)
#define COVE__ZIP_MAX_DIR     ((uint64_t)256 << 20)
#define COVE__ZIP_ALIGN       64u
/* The most that the end records take, with the longest comment: a tail of this size always holds them. */
#define COVE__ZIP_MAX_TAIL ((size_t)(22 + 65535 + 20 + 56))

/* Where the central directory lies. */
struct cove__zip_end {
    uint64_t offset, size, count;
};

/* Finds the end records in the last bytes of a file of `file_size` bytes. COVE_ECORRUPT; COVE_ELIMIT: too large a
 * directory. */
int cove__zip_parse_end(struct cove__slice tail, uint64_t file_size, struct cove__zip_end *ret, struct cove_error *err);

struct cove__zip_entry {
    struct cove__slice name; /* BORROWED from the central directory */
    uint64_t header_offset;
    uint64_t room; /* bytes from the local header to what follows: header, data and descriptor fit in it */
    uint64_t size; /* of the data */
    uint64_t packed_size;
    uint32_t crc;
    uint16_t flags, method;
};

struct cove__zip_dir {
    struct cove__zip_entry *entries; /* owned; in the order of offsets */
    uint32_t *by_name;               /* owned; indexes in the order of names */
    size_t n;
};

/* Parses `central`, which must outlive `ret`. Names are unique and records do not overlap. COVE_ECORRUPT, COVE_ENOMEM.
 */
int cove__zip_dir_parse(struct cove__slice central, const struct cove__zip_end *end, struct cove__zip_dir *ret,
                        struct cove_error *err);
void cove__zip_dir_done(struct cove__zip_dir *dir);
const struct cove__zip_entry *cove__zip_dir_find(const struct cove__zip_dir *dir, struct cove__slice name);

/* 0 if the record's data stands in the file as it is; COVE_ENOTSUP: compressed or encrypted. */
int cove__zip_check_stored(const struct cove__zip_entry *entry, struct cove_error *err);
/* Where the data of a record is if its writer aligned it as torch does; cove__zip_check_local checks whether it is so.
 */
uint64_t cove__zip_guess_data(const struct cove__zip_entry *entry, unsigned align);
/* Checks the local header (`head`: the file's bytes at header_offset, at least 30 and the name's length) against the
 * directory's word and gives the offset of the data, all of which lies within the record's room. COVE_ECORRUPT. */
int cove__zip_check_local(const struct cove__zip_entry *entry, struct cove__slice head, uint64_t *ret_data,
                          struct cove_error *err);

/* An archive being written. `offset` is where the next byte goes. */
struct cove__zip_writer {
    struct cove__buf central; /* owned */
    uint64_t offset, count;
    uint64_t header_offset, size; /* the record under way */
    char name[64];
};

void cove__zip_writer_init(struct cove__zip_writer *w);
void cove__zip_writer_done(struct cove__zip_writer *w);
/* Adds to `out` what stands before the data of a record of `size` bytes. The name is shorter than 64 bytes. */
int cove__zip_begin(struct cove__zip_writer *w, const char *name, uint64_t size, struct cove__buf *out);
/* Adds what stands behind the data. */
int cove__zip_finish_record(struct cove__zip_writer *w, uint32_t crc, struct cove__buf *out);
/* Adds the central directory and the end records. */
int cove__zip_finish(struct cove__zip_writer *w, struct cove__buf *out);

#endif
