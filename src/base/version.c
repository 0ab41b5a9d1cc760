/* The version, from meson.build. */
#include <cove/cove.h>

#include "config.h"

const char *cove_version(void)
{
    return COVE__VERSION;
}
