/*
 * What the files of the extension `cove._cove` share. One file is one type (filesystem.c with the methods in fs_*.c and
 * many.c, reader.c, writer.c, appender.c, queue.c) or one idea below them: types.c, errors.c, call.c, lock.c, stream.c,
 * convert.c, info.c, pairs.c, ranges.c, log.c, sums.c. module.c is above them all. No files use each other in a circle.
 *
 * The rules of all of them: a call that may wait releases the GIL (COVEPY_WAIT), also one that ends something: a free
 * that aborts an upload, or joins a thread that fetches credentials; what a call needs meanwhile, paths and buffers, is
 * held by the frame that made it; no other code sees memory that the library fills before it is full.
 */
#ifndef COVEPY_H
#define COVEPY_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <cove/cove.h>

#include "buffer.h"

/* ---- errors.c ---- */

/* Makes cove's own exception classes and adds them to the module. */
int covepy_errors_init(PyObject *module);
/* An exception for what a call said; NULL with an exception set where none could be made. `rc` stands in where the call
 * filled in nothing. */
PyObject *covepy_exception(int64_t rc, const struct cove_error *err);
/* Sets it. Always NULL. */
PyObject *covepy_raise(int64_t rc, const struct cove_error *err);

/* ---- call.c ---- */

/* A path, or any other string for the library, as bytes that end in a NUL. */
struct covepy_path {
    const char *text;
    PyObject *held; /* the object whose memory `text` is: Py_XDECREF when done */
};

/* One call of the library: its bounds, its error, and what brings the GIL back. */
struct covepy_call {
    struct cove_call call;
    struct cove_error err;
    cove_cancel *own;      /* a token of this call alone; NULL: of a stream, or none */
    int patience;          /* how many Ctrl-C it takes to end it */
    bool guarded;          /* SIGINT comes to us just now */
    bool interrupted;      /* a Ctrl-C has ended it */
    PyThreadState *thread; /* while the GIL is released */
};

int covepy_call_setup(void);
/* A call on a filesystem. Never fails: without memory for its token it cannot be interrupted. */
void covepy_call_init(struct covepy_call *c, int64_t timeout_ms);
/* A call on a stream, whose token is the stream's own. */
void covepy_call_init_stream(struct covepy_call *c, cove_cancel *cancel, int patience);
void covepy_call_done(struct covepy_call *c);

void covepy_release(struct covepy_call *c);
void covepy_reacquire(struct covepy_call *c);
#define COVEPY_WAIT(c, ...)                                                                                            \
    do {                                                                                                               \
        covepy_release(c);                                                                                             \
        __VA_ARGS__;                                                                                                   \
        covepy_reacquire(c);                                                                                           \
    } while (0)

/* Whether the call went well; else its exception is set, or the one that a Ctrl-C raised. */
bool covepy_call_ok(struct covepy_call *c, int64_t rc);

/* A call of a Filesystem's method whose arguments are one path and a timeout. */
struct covepy_path_call {
    struct covepy_call c;
    cove_fs *fs;
    struct covepy_path path;
};

/* `name`: the path's, as a keyword. False: with an exception set, and there is nothing to end. */
bool covepy_path_call_init(struct covepy_path_call *p, PyObject *self, PyObject *args, PyObject *kwargs,
                           const char *name);
void covepy_path_call_done(struct covepy_path_call *p);

/* ---- lock.c ---- */

/* Held through each call on a stream: one thread at a time. */
struct covepy_lock {
    PyThread_type_lock lock;
    pid_t process; /* the process that last found it free */
};

int covepy_lock_init(struct covepy_lock *lock);
void covepy_lock_done(struct covepy_lock *lock);
/* Waits for it without the GIL. -1 with an exception set: a Ctrl-C came, or it was held by a thread that a fork has
 * left behind, forever. */
int covepy_lock_take(struct covepy_lock *lock, const char *what);
void covepy_lock_give(struct covepy_lock *lock);
/* Held by a thread of the parent process, so its data may be inconsistent. Only for a lock that no other thread uses.
 */
bool covepy_lock_orphaned(struct covepy_lock *lock);

/* ---- stream.c ---- */

/* The differences between a Reader, a Writer and an Appender. */
struct covepy_kind {
    const char *name;
    const char *closed; /* what is said to who uses one that has ended */
    int patience;       /* how many Ctrl-C it takes to end a call on it */
};

/* What they have in common, and begin with. */
struct covepy_stream {
    PyObject_HEAD const struct covepy_kind *kind;
    void *stream;        /* the library's; NULL: it has ended */
    cove_cancel *cancel; /* ends whatever waits, for good */
    struct covepy_lock lock;
};

/* A new one, and its call that opens it; NULL with an exception set. */
struct covepy_stream *covepy_stream_new(PyTypeObject *type, const struct covepy_kind *kind, struct covepy_call *c,
                                        int64_t timeout_ms);
/* After that call: the object, or NULL with why there is none. */
PyObject *covepy_stream_opened(struct covepy_stream *self, struct covepy_call *c, int rc);
/* Around each call on it. The turn is given away before it is said how it went: what Python does about a failure needs
 * none. */
int covepy_stream_begin(struct covepy_stream *self, struct covepy_call *c);
/* The same for a closing call, which may be repeated: 0 if the stream is already closed, 1 if the call is to be made.
 */
int covepy_stream_begin_last(struct covepy_stream *self, struct covepy_call *c);
bool covepy_stream_end(struct covepy_stream *self, struct covepy_call *c, int64_t rc);
/* Ends it without an error: `release` gives the library's object (NULL: it has ended before) back. */
PyObject *covepy_stream_close(PyObject *object, void (*release)(void *stream));
void covepy_stream_dealloc(PyObject *object, void (*release)(void *stream));
/* The same in two steps, for one whose end may fail: what is left to end, NULL where a thread of the parent was at it,
 * and the rest. */
void *covepy_stream_left(PyObject *object);
void covepy_stream_free(PyObject *object);
PyObject *covepy_stream_cancel(PyObject *object, PyObject *unused);
PyObject *covepy_stream_closed(PyObject *object, void *closure);

/* ---- convert.c ---- */

/* Converters for PyArg_Parse…'s "O&". str or bytes; into struct covepy_path, whose start is { 0 }. */
int covepy_path(PyObject *value, void *ret_path);
/* The same; None leaves it as it is. For every text that a store may have made: an ETag need not be UTF-8. */
int covepy_path_or_none(PyObject *value, void *ret_path);
/* Seconds, or None for the filesystem's own; into int64_t milliseconds. */
int covepy_timeout(PyObject *value, void *ret_ms);
/* A path of the library's as str. */
PyObject *covepy_str(const char *text);
PyObject *covepy_str_or_none(const char *text);
/* A bytes object of `size` bytes that the library will fill, and what is left of it after `count` of them came. NULL:
 * with an exception set. */
PyObject *covepy_bytes_new(uint64_t size, char **ret_data);
PyObject *covepy_bytes_shorten(PyObject *bytes, int64_t count);
/* A copy; a large one is made without the GIL. */
PyObject *covepy_bytes_copy(const void *data, size_t size);
/* `value` as an item of a list that is its own; NULL takes the list away too. */
PyObject *covepy_list_add(PyObject *list, PyObject *value);

/* ---- info.c ---- */

/* (path, size, is_directory, mtime_ns, etag, version_id, storage_class, content_type, created_ns, metadata); listings
 * have none of the last three. */
PyObject *covepy_info(const cove_info *info);
PyObject *covepy_metadata(const cove_info *info); /* a dict */
PyObject *covepy_headers(const cove_info *info);  /* likewise, of cove_info_header */
/* Everything that `listing` gives, as a list of those; of versions, as a list of (info, is_latest, is_deleted). It is
 * freed. */
PyObject *covepy_infos(struct covepy_call *c, cove_listing *listing, bool versions);
/* The same of one that waits for nothing, as a queue gives it; not freed. */
PyObject *covepy_infos_at_hand(cove_listing *listing);

/* ---- ranges.c ---- */

/* [(offset, length), …] as the library takes them, with a bytes object for each. */
struct covepy_ranges {
    struct cove_range *ranges;
    PyObject **bytes;
    size_t n;
};

int covepy_ranges_parse(struct covepy_ranges *r, PyObject *value);
PyObject *covepy_ranges_list(struct covepy_ranges *r); /* the results, each as long as its range was read */
void covepy_ranges_done(struct covepy_ranges *r);

/* ---- pairs.c ---- */

/* {name: value} as the library takes it; a value may be None. */
struct covepy_pairs {
    struct cove_pair *pairs;
    size_t n;
    PyObject **held; /* what the strings belong to */
    size_t n_held;
};

int covepy_pairs_parse(struct covepy_pairs *p, PyObject *dict); /* None: no pairs */
void covepy_pairs_done(struct covepy_pairs *p);
int covepy_dict_set(PyObject *dict, const char *name, const char *value);

/* ---- log.c ---- */

int covepy_log_setup(void);
PyObject *covepy_set_log(PyObject *module, PyObject *args);
/* Hands over what the library has said since, to Python's loggers. */
void covepy_log_deliver(void);

/* ---- sums.c ---- */

PyObject *covepy_block_sums(PyObject *module, PyObject *args);

/* ---- types.c ---- */

#define COVEPY_KEYWORDS(fn) (PyCFunction)(void (*)(void)) fn, METH_VARARGS | METH_KEYWORDS
#define COVEPY_DOC(text)    (char *)(text) /* what a slot holds is not const, whatever it is */

/* Makes the type of `spec` and adds it to the module. */
PyTypeObject *covepy_add_type(PyObject *module, PyType_Spec *spec);
/* The end of every dealloc: a type that was made at run time is held by its instances. */
void covepy_free_object(PyObject *self);

struct covepy_fs {
    PyObject_HEAD cove_fs *fs;
    cove_options *options; /* as given: for what a URL means to this filesystem */
};

extern PyTypeObject *covepy_fs_type; /* filesystem.c sets it */
/* Converter: a Filesystem, borrowed, as struct covepy_fs *. */
int covepy_fs(PyObject *value, void *ret_fs);

/* ---- the types ---- */

int covepy_fs_init(PyObject *module);
int covepy_reader_init(PyObject *module);
int covepy_writer_init(PyObject *module);
int covepy_appender_init(PyObject *module);
int covepy_queue_init(PyObject *module);

/* ---- queue.c ---- */

/* The value of a queue's result, an exception where it failed; and the end of what the library handed over with it. */
PyObject *covepy_result(const struct cove_result *result);
void covepy_result_done(struct cove_result *result);

/* ---- fs_*.c and many.c: methods of Filesystem ---- */

PyObject *covepy_fs_exists(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_is_file(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_is_directory(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_has_directories(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_remove(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_remove_tree(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_mkdir(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_stat(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_list(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_find(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_walk(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_glob(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_versions(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_find_versions(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_copy(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_move(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_abandoned_uploads(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_read_file(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_read_range(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_read_into(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_read_ranges(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_write_file(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_append(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_metadata(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_set_metadata(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_tags(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_set_tags(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_sign(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_read_many(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_write_many(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_stat_many(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_copy_many(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *covepy_fs_remove_files(PyObject *self, PyObject *args, PyObject *kwargs);

/* What cove_fs_stat returns for a path, as `value` makes it. */
PyObject *covepy_fs_told(PyObject *self, PyObject *args, PyObject *kwargs, PyObject *(*value)(const cove_info *info));
/* All that `reader` of `path` has, straight into the bytes object that comes out, however large it is. COVE_ELIMIT
 * beyond `max_bytes` (0: any number). Closes the reader. */
PyObject *covepy_read_large(struct covepy_call *c, cove_fs *fs, const char *path, cove_reader *reader,
                            uint64_t max_bytes);

/* ---- writer.c ---- */

/* What a write may be told, of Writer and of write_file alike. */
struct covepy_write {
    const char *condition; /* the argument's memory */
    struct covepy_path etag, content_type;
    PyObject *metadata;
    struct covepy_pairs pairs;
};

/* Into the library's options, which are good until covepy_write_done, to be called in any case. */
int covepy_write_options(struct covepy_write *w, int64_t expected_size, struct cove_writer_options *o);
void covepy_write_done(struct covepy_write *w);
/* Finishes and frees, both without the GIL. The new file's ETag and version ID are the caller's, to be freed; NULL: not
 * known. */
int covepy_writer_end(cove_writer *writer, char **ret_etag, char **ret_version_id, struct cove_error *err);

#endif
