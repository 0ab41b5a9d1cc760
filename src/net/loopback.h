/* Which hosts are this machine. What may be sent to it in clear text asks here, so that all such rules are one. */
#ifndef COVE_NET_LOOPBACK_H
#define COVE_NET_LOOPBACK_H

#include <stdbool.h>

/* Whether the host is this machine: a whole IPv4 address in 127.0.0.0/8, [::1], or localhost. `host` ends at ':', '/',
 * '?', '#' or a NUL. Pure: no name is looked up, so "127.0.0.1.example.com" is another machine. */
bool cove__is_loopback(const char *host);
/* Whether the URL is http:// to this machine. A proxy would be another machine, and read the secrets on the way. */
bool cove__is_plain_and_here(const char *url);

#endif
