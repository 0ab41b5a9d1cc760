/* One spelling for a folder: where ModelCheckpoint saves, however it was written. */
#ifndef COVE_TRAINER_FOLDER_H
#define COVE_TRAINER_FOLDER_H

#include <stdbool.h>

#include <cove/trainer.h>

/*
 * `url` made absolute: a local path as Python's os.path.realpath gives it (links followed, without file://), the URL of
 * anything else as its store spells it; without a slash at the end. Owned by the caller (cove__free).
 */
int cove__folder_resolve(const cove_trainer *trainer, const char *url, char **ret_url, struct cove_error *err);
/* The same for a file: links in its folder are followed, the file itself may be one. */
int cove__file_resolve(const cove_trainer *trainer, const char *url, char **ret_url, struct cove_error *err);
/* Whether two folders that cove__folder_resolve gave are one: the same path of the same store. */
bool cove__folder_same(const cove_trainer *trainer, const char *a, const char *b);
/* What of `url` follows `folder` and a slash: a name in it. NULL: it is not below it, or leaves it by "..". BORROWED.
 */
const char *cove__folder_below(const char *folder, const char *url);
/* Whether `a` and `b` may be one file, links followed; true where that can't be found out. */
bool cove__file_may_be(const cove_trainer *trainer, const char *a, const char *b);
/* Whether `url` is a local path that begins at the working directory, so that it means another file elsewhere. */
bool cove__is_relative(const cove_trainer *trainer, const char *url);

#endif
