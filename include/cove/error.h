/*
 * Errors: the codes that every call of libcove returns when it fails, and the details that it fills in.
 *
 * A call returns 0 (or a count, as int64_t) on success and a negative COVE_E… on failure; `rc < 0` is the one test.
 * The last argument of a call, `struct cove_error *err`, may be NULL. When it is given, it belongs to the caller, must
 * have been initialised with COVE_ERROR_INIT, and is written on failure only, by the calling thread, before the call
 * returns. It holds no memory of libcove's, so there is nothing to free.
 *
 * Any thread may make the calls of this header; none of them waits.
 */
#ifndef COVE_ERROR_H
#define COVE_ERROR_H

#include <stddef.h>
#include <stdint.h>

#include <cove/export.h>

#ifdef __cplusplus
extern "C" {
#endif

enum cove_code {
    COVE_OK = 0,
    COVE_EINVAL = -1,         /* an argument, a URL or an option is not well-formed */
    COVE_ENOMEM = -2,         /* memory is exhausted */
    COVE_ENOTFOUND = -3,      /* no such object, directory, bucket or key */
    COVE_EEXIST = -4,         /* it exists already, and the call asked for a new one */
    COVE_EACCESS = -5,        /* the store accepts the credentials, but they do not permit this operation */
    COVE_EAUTH = -6,          /* credentials are missing, wrong or expired */
    COVE_EISDIR = -7,         /* a directory stands where a file should */
    COVE_ENOTDIR = -8,        /* a file stands where a directory should */
    COVE_ENOTEMPTY = -9,      /* the directory has something in it */
    COVE_ENOSPC = -10,        /* the disk or the quota is full */
    COVE_ENOTSUP = -11,       /* this store, or this build, cannot do that */
    COVE_ENETWORK = -12,      /* the server could not be reached, or the connection broke */
    COVE_ETIMEDOUT = -13,     /* the deadline passed */
    COVE_ECANCELED = -14,     /* the cancel token was fired */
    COVE_ETHROTTLED = -15,    /* the store asked for fewer requests until the deadline */
    COVE_ESERVER = -16,       /* the store failed on its own side */
    COVE_EPRECONDITION = -17, /* the object changed meanwhile: If-Match or If-None-Match did not hold */
    COVE_ECORRUPT = -18,      /* bytes do not match their checksum, or a file breaks its format's rules */
    COVE_EPROTOCOL = -19,     /* the server's response is malformed */
    COVE_EIO = -20,           /* the operating system failed to read or write */
    COVE_ELIMIT = -21,        /* a stated limit was reached */
    COVE_EMISMATCH = -22,     /* well-formed, but of something else: a checkpoint of another model */
    COVE_EUNSAFE = -23,       /* a file asks for what cove refuses to do: a pickle with a foreign global */
    COVE_ESTATE = -24         /* called out of order: a write after finish */
};

#define COVE_ERROR_MESSAGE_MAX 1024
#define COVE_STORE_CODE_MAX    64

struct cove_error {
    size_t size;                          /* sizeof(struct cove_error), set by COVE_ERROR_INIT: lets the struct grow */
    int code;                             /* enum cove_code */
    int http_status;                      /* the response's status, or 0 where no response was the cause */
    int os_errno;                         /* the errno behind it, or 0 */
    int retryable;                        /* 1: the same call may succeed later; 0: it will not */
    char message[COVE_ERROR_MESSAGE_MAX]; /* UTF-8, names the operation and the URL, never a secret */
    char store_code[COVE_STORE_CODE_MAX]; /* the store's own code in the response that was the cause ("NoSuchKey",
                                             "AccessDenied"); "": the store gave none, or no response was the cause */
};

#define COVE_ERROR_INIT                                                                                                \
    {                                                                                                                  \
        sizeof(struct cove_error), 0, 0, 0, 0, { 0 },                                                                  \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }

/*
 * For functions that a program passes to libcove (hooks, loaders, loggers): sets `code` (a negative COVE_E…) and a
 * message formatted as by printf, and clears the other fields. A long message is truncated; control characters become
 * blanks. Returns `code`, so a function can end with `return cove_error_set(err, COVE_EIO, "%s: no labels", path);`.
 * `err` may be NULL.
 */
COVE_API int cove_error_set(struct cove_error *err, int code, const char *format, ...) COVE_PRINTF(3, 4);

/* The constant's name ("COVE_ENOTFOUND") and a short phrase for it ("not found"); static strings, never NULL. Of other
 * numbers: "COVE_E?" and "unknown error". */
COVE_API const char *cove_code_name(int code);
COVE_API const char *cove_code_phrase(int code);

/* The nearest errno of POSIX for `code`, positive; 0 for COVE_OK; EIO for a number that is no code. */
COVE_API int cove_code_errno(int code);

#ifdef __cplusplus
}
#endif
#endif
