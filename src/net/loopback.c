/* See loopback.h. */
#include "net/loopback.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

bool cove__is_loopback(const char *host)
{
    static const char *const names[] = { "localhost", "[::1]" };
    char text[INET_ADDRSTRLEN];
    struct in_addr address;
    size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");

    if (host[0] == '[' && (n > strlen(host) || !strchr(":/?#", host[n])))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (n == strlen(names[i]) && strncasecmp(host, names[i], n) == 0)
            return true;
    }
    if (n >= sizeof text)
        return false;
    memcpy(text, host, n);
    text[n] = '\0';
    return inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

bool cove__is_plain_and_here(const char *url)
{
    static const char plain[] = "http://";

    return strncasecmp(url, plain, strlen(plain)) == 0 && cove__is_loopback(url + strlen(plain));
}
