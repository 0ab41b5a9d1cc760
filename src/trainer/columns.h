/* How many columns of a terminal a text takes. Not wcwidth: that knows only the locale's characters, and a library must
 * not set the locale. */
#ifndef COVE_TRAINER_COLUMNS_H
#define COVE_TRAINER_COLUMNS_H

#include <stddef.h>

/* Of UTF-8 without control characters. */
int cove__columns(const char *text);
/* Cuts `text` (in a buffer of `room` bytes) to at most `most` columns, the last of them "…" where something was cut;
 * returns its columns. */
int cove__columns_cut(char *text, size_t room, int most);

#endif
