/* One spelling of a folder: ModelCheckpoint's dirpath, resolved. */
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
/* Whether `url` is a local path relative to the working directory. */
bool cove__is_relative(const cove_trainer *trainer, const char *url);

#endif
