/* Filling a caller's cove_error, and the tables of codes. */
#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* A caller compiled against an older header has a shorter struct: what is behind its end is not written. */
#define MESSAGE_AT    offsetof(struct cove_error, message)
#define STORE_CODE_AT offsetof(struct cove_error, store_code)

static const struct {
    int code;
    int os_errno;
    const char *name, *phrase;
} codes[] = {
    { COVE_OK, 0, "COVE_OK", "success" },
    { COVE_EINVAL, EINVAL, "COVE_EINVAL", "invalid argument" },
    { COVE_ENOMEM, ENOMEM, "COVE_ENOMEM", "out of memory" },
    { COVE_ENOTFOUND, ENOENT, "COVE_ENOTFOUND", "not found" },
    { COVE_EEXIST, EEXIST, "COVE_EEXIST", "already exists" },
    { COVE_EACCESS, EACCES, "COVE_EACCESS", "access denied" },
    { COVE_EAUTH, EACCES, "COVE_EAUTH", "credentials missing, wrong or expired" },
    { COVE_EISDIR, EISDIR, "COVE_EISDIR", "is a directory" },
    { COVE_ENOTDIR, ENOTDIR, "COVE_ENOTDIR", "is not a directory" },
    { COVE_ENOTEMPTY, ENOTEMPTY, "COVE_ENOTEMPTY", "directory not empty" },
    { COVE_ENOSPC, ENOSPC, "COVE_ENOSPC", "no space left" },
    { COVE_ENOTSUP, ENOTSUP, "COVE_ENOTSUP", "not supported" },
    { COVE_ENETWORK, ECONNRESET, "COVE_ENETWORK", "network failure" },
    { COVE_ETIMEDOUT, ETIMEDOUT, "COVE_ETIMEDOUT", "deadline passed" },
    { COVE_ECANCELED, ECANCELED, "COVE_ECANCELED", "cancelled" },
    { COVE_ETHROTTLED, EBUSY, "COVE_ETHROTTLED", "throttled by the store" },
    { COVE_ESERVER, EIO, "COVE_ESERVER", "server failure" },
    { COVE_EPRECONDITION, ESTALE, "COVE_EPRECONDITION", "changed meanwhile" },
    { COVE_ECORRUPT, EILSEQ, "COVE_ECORRUPT", "corrupt data" },
    { COVE_EPROTOCOL, EPROTO, "COVE_EPROTOCOL", "unintelligible response" },
    { COVE_EIO, EIO, "COVE_EIO", "input/output failure" },
    { COVE_ELIMIT, EOVERFLOW, "COVE_ELIMIT", "over a stated limit" },
    { COVE_EMISMATCH, EINVAL, "COVE_EMISMATCH", "does not match" },
    { COVE_EUNSAFE, EPERM, "COVE_EUNSAFE", "refused as unsafe" },
    { COVE_ESTATE, EBADF, "COVE_ESTATE", "called out of order" },
};
#define N_CODES (sizeof codes / sizeof codes[0])

static size_t row_of(int code)
{
    for (size_t i = 0; i < N_CODES; i++) {
        if (codes[i].code == code)
            return i;
    }
    return N_CODES;
}

const char *cove_code_name(int code)
{
    size_t i = row_of(code);

    return i < N_CODES ? codes[i].name : "COVE_E?";
}

const char *cove_code_phrase(int code)
{
    size_t i = row_of(code);

    return i < N_CODES ? codes[i].phrase : "unknown error";
}

int cove_code_errno(int code)
{
    size_t i = row_of(code);

    return i < N_CODES ? codes[i].os_errno : EIO;
}

int cove__code_from_errno(int errnum)
{
    switch (errnum) {
    case EPERM:
    case EACCES:
    case EROFS:
        return COVE_EACCESS;
    case EDQUOT:
    case EFBIG:
        return COVE_ENOSPC;
    case ENAMETOOLONG:
    case ELOOP:
        return COVE_EINVAL;
    case EIO:
        return COVE_EIO;
    default:
        break;
    }
    for (size_t i = 1; i < N_CODES; i++) {
        if (codes[i].os_errno == errnum)
            return codes[i].code;
    }
    return COVE_EIO;
}

static size_t message_room(const struct cove_error *err)
{
    size_t size = err->size < STORE_CODE_AT ? err->size : STORE_CODE_AT;

    return size > MESSAGE_AT ? size - MESSAGE_AT : 0;
}

static bool has_store_code(const struct cove_error *err)
{
    return err->size >= STORE_CODE_AT + sizeof err->store_code;
}

void cove__error_clear(struct cove_error *err)
{
    if (!err)
        return;
    err->code = err->http_status = err->os_errno = err->retryable = 0;
    if (message_room(err) > 0)
        err->message[0] = '\0';
    if (has_store_code(err))
        err->store_code[0] = '\0';
}

void cove__error_store_code(struct cove_error *err, const char *store_code)
{
    if (!err || !has_store_code(err))
        return;
    snprintf(err->store_code, sizeof err->store_code, "%s", store_code);
    cove__text_line(err->store_code, sizeof err->store_code); /* a server's text, as the message may be */
}

static int fill(struct cove_error *err, int code, int errnum, const char *format, va_list args)
{
    size_t room = err ? message_room(err) : 0;
    size_t used;

    if (!err)
        return code;
    cove__error_clear(err);
    err->code = code;
    err->os_errno = errnum;
    if (room == 0)
        return code;
    vsnprintf(err->message, room, format, args);
    used = strlen(err->message);
    if (errnum && used + 3 < room) {
        char text[128];

        snprintf(err->message + used, room - used, ": %s", strerror_r(errnum, text, sizeof text));
    }
    cove__text_line(err->message, room);
    return code;
}

int cove__fail(struct cove_error *err, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fill(err, code, 0, format, args);
    va_end(args);
    return code;
}

int cove_error_set(struct cove_error *err, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fill(err, code, 0, format, args);
    va_end(args);
    return code;
}

int cove__fail_errno(struct cove_error *err, int errnum, const char *format, ...)
{
    va_list args;
    int code = cove__code_from_errno(errnum);

    va_start(args, format);
    fill(err, code, errnum, format, args);
    va_end(args);
    return code;
}

int cove__fail_nomem(struct cove_error *err, const char *what)
{
    return cove__fail(err, COVE_ENOMEM, "out of memory for %s", what);
}

int cove__error_prefix(struct cove_error *err, int code, const char *format, ...)
{
    char rest[COVE_ERROR_MESSAGE_MAX];
    size_t room = err ? message_room(err) : 0;
    va_list args;
    size_t used;

    if (!err)
        return code;
    if (room == 0)
        return err->code;
    snprintf(rest, sizeof rest, "%s", err->message);
    va_start(args, format);
    vsnprintf(err->message, room, format, args);
    va_end(args);
    used = strlen(err->message);
    snprintf(err->message + used, room - used, ": %s", rest);
    cove__text_line(err->message, room);
    return err->code;
}

void cove__error_add(struct cove_error *err, const char *format, ...)
{
    size_t room = err ? message_room(err) : 0;
    va_list args;
    size_t used;

    if (room == 0)
        return;
    used = strlen(err->message);
    va_start(args, format);
    vsnprintf(err->message + used, room - used, format, args);
    va_end(args);
    cove__text_line(err->message, room);
}

int cove__error_copy(struct cove_error *to, const struct cove_error *from)
{
    if (!to || to == from)
        return from->code;
    cove__error_clear(to);
    to->code = from->code;
    to->http_status = from->http_status;
    to->os_errno = from->os_errno;
    to->retryable = from->retryable;
    if (has_store_code(from))
        cove__error_store_code(to, from->store_code);
    if (message_room(to) > 0) {
        snprintf(to->message, message_room(to), "%s", from->message);
        cove__text_trim(to->message, message_room(to));
    }
    return from->code;
}
