/* What every error and log line passes, whoever wrote what is in it: a server, a file's name, another library. */
#ifndef COVE_BASE_TEXT_H
#define COVE_BASE_TEXT_H

#include <stddef.h>

/* Makes one line of UTF-8 of the text, which was cut to fit into `room` bytes: without secrets (secret.h), control
 * characters and marks of direction. It never grows. */
void cove__text_line(char *text, size_t room);
/* Only takes away what the cut left of a character. */
void cove__text_trim(char *text, size_t room);

#endif
