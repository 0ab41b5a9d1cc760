/* Files that hold credentials: keys, tokens, settings of other tools. Read at each refresh, as they are replaced. */
#ifndef COVE_AUTH_CREDENTIALS_FILE_H
#define COVE_AUTH_CREDENTIALS_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include <cove/error.h>

#include "base/buf.h"

/* Whether a path is plainly the content of such a file, as where a variable was set to it: it is never quoted. */
bool cove__credentials_is_content(const char *path);
/* A whole file's text into `out`, which is empty, up to its maximum; without a byte order mark. COVE_ENOTFOUND: there
 * is no such file; COVE_EINVAL: the path is content, or the text is in UTF-16. */
int cove__credentials_file_read(const char *path, struct cove__buf *out, struct cove_error *err);
/* For the stamp of a source (provider.h): `stamp` combined with the file's identity, size and times. If `path` is NULL
 * or no file, `stamp` itself. */
uint64_t cove__credentials_file_stamp(uint64_t stamp, const char *path);
/* Files that a source's files or services name, known only once they were asked: for the stamp of the next time. */
struct cove__credentials_files {
    char *paths[4]; /* owned; NULL: free */
};
/* Where there is no memory or no room, the path is not remembered. `path` NULL: nothing is added. */
void cove__credentials_files_add(struct cove__credentials_files *files, const char *path);
uint64_t cove__credentials_files_stamp(const struct cove__credentials_files *files, uint64_t stamp);
void cove__credentials_files_done(struct cove__credentials_files *files); /* empties it */
/* Logs a warning where users besides the owner can read the file; once in a process for each path. */
void cove__credentials_file_warn(const char *path);

#endif
