/* Cleaning of errors and log lines, which may quote untrusted text: of a server, a file name, another library. */
#ifndef COVE_BASE_TEXT_H
#define COVE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes `text` one line of UTF-8 without secrets (secret.h), control characters and bidirectional controls. `room`: the
 * size of its buffer, to which it may have been truncated. It never grows. */
void cove__text_line(char *text, size_t room);
/* Whether `text` is valid UTF-8: shortest forms, no surrogates. */
bool cove__text_is_utf8(const char *text);
/* The length in bytes of the character at `text`, and the character. A byte that begins no valid one counts as one,
 * U+DC00 + byte, as in a Python str with surrogateescape. The terminating NUL is a character of length 1. */
size_t cove__text_character(const char *text, uint32_t *ret_character);
/* Only removes the incomplete character that truncation may have left at the end. */
void cove__text_trim(char *text, size_t room);

#endif
