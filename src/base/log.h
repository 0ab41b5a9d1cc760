/* One line to the user's log callback; costs one load when the level is off. Never a secret. */
#ifndef COVE_BASE_LOG_H
#define COVE_BASE_LOG_H

#include <cove/log.h>

void cove__log(enum cove_log_level level, const char *subject, const char *format, ...) COVE_PRINTF(3, 4);

#endif
