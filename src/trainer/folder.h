/* ModelCheckpoint's dirpath in one spelling, and what exists under a name in it. */
#ifndef COVE_TRAINER_FOLDER_H
#define COVE_TRAINER_FOLDER_H

#include <stdbool.h>

#include <cove/trainer.h>

/*
 * `url` made absolute, without a slash at the end: a local path as by Python's os.path.realpath (links followed,
 * without file://), any other URL in its store's spelling. Owned by the caller (cove__free).
 */
int cove__folder_resolve(const cove_trainer *trainer, const char *url, char **ret_url, struct cove_error *err);
/* The same for a file: links in its folder are followed, but the file itself may be a link. */
int cove__file_resolve(const cove_trainer *trainer, const char *url, char **ret_url, struct cove_error *err);
/* Whether two folders from cove__folder_resolve are the same path of the same store. */
bool cove__folder_same(const cove_trainer *trainer, const char *a, const char *b);
/* The part of `url` after `folder` and a slash, BORROWED from `url`. NULL: `url` is not below it, or leaves it by "..".
 */
const char *cove__folder_below(const char *folder, const char *url);
/* Whether `a` and `b` may be the same file, links followed; true if that is not known. */
bool cove__file_may_be(const cove_trainer *trainer, const char *a, const char *b);
/* As cove__file_resolve, with the file's own links followed too. */
int cove__file_follow(const cove_trainer *trainer, const char *url, char **ret_url, struct cove_error *err);

/* Checks that a folder (cove__folder_resolve) can be listed and, on the local disk, written to. A folder that does not
 * exist is empty, but the bucket or the local folder above it must be right. COVE_ENOTFOUND: no such bucket;
 * COVE_EACCESS; COVE_ENOTDIR: a file. */
int cove__folder_look(const cove_trainer *trainer, const char *url, bool *ret_empty, struct cove_error *err);

/* What a path is, links not followed. Stores other than the local disk have only files. */
enum cove__entry { COVE__ENTRY_NONE, COVE__ENTRY_FILE, COVE__ENTRY_LINK, COVE__ENTRY_OTHER };
int cove__entry_at(const cove_trainer *trainer, const char *url, enum cove__entry *ret, struct cove_error *err);
/* Removes the symbolic link at `url`, not its target. *ret_target is the link's text (cove__free); NULL: there is no
 * link, and nothing was done. */
int cove__link_take(const cove_trainer *trainer, const char *url, char **ret_target, struct cove_error *err);
void cove__link_put_back(const cove_trainer *trainer, const char *url, const char *target);
/* Whether `url` is a local path relative to the working directory. */
bool cove__is_relative(const cove_trainer *trainer, const char *url);

#endif
