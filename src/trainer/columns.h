/* The width of a text in terminal columns. wcwidth is not used: it knows only the locale's characters, and a library
 * must not set the locale. */
#ifndef COVE_TRAINER_COLUMNS_H
#define COVE_TRAINER_COLUMNS_H

#include <stddef.h>

/* `text` is UTF-8 without control characters. */
int cove__columns(const char *text);
/* Truncates `text` (in a buffer of `room` bytes) to at most `most` columns; a truncated text ends in "…". Returns its
 * columns. */
int cove__columns_cut(char *text, size_t room, int most);

#endif
