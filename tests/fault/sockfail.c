/*
 * A shim for LD_PRELOAD: the Nth call that touches the network fails, as networks do.
 *
 *   SOCKFAIL_AT=N        which call fails, from 1; unset or 0: none
 *   SOCKFAIL_STICKY=1    and all after it, but for poll: a network may go away, waiting may not
 *   SOCKFAIL_RESOLVE=N   the first N lookups of a name fail; -1: none ends. "store.test" is this machine; unset: as
 * ever SOCKFAIL_COUNT=FILE  at exit, the number of calls that were made goes there
 *
 * Counted are socket, connect, send, sendto, sendmsg, recv, recvfrom and recvmsg on IPv4 and IPv6 sockets, getsockopt,
 * and poll.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static atomic_long calls;
static long fail_at, sticky;

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("SOCKFAIL_AT"), *stick = getenv("SOCKFAIL_STICKY");
    fail_at = at ? atol(at) : 0;
    sticky = stick ? atol(stick) : 0;
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("SOCKFAIL_COUNT");
    FILE *f = path ? fopen(path, "w") : NULL;
    if (f) {
        fprintf(f, "%ld\n", atomic_load(&calls));
        fclose(f);
    }
}

/* Counts a call; true where this one is to fail, with errno set to one of what its kind may give, by its number. */
static bool fails(int one, int other)
{
    long n = atomic_fetch_add(&calls, 1) + 1;
    if (fail_at == 0 || n < fail_at || (n > fail_at && !sticky))
        return false;
    errno = n % 2 ? one : other;
    return true;
}

static bool is_network(int fd)
{
    struct sockaddr_storage address = { 0 };
    socklen_t size = sizeof(address);
    int before = errno;
    int rc = getsockname(fd, (struct sockaddr *)&address, &size);
    errno = before;
    return rc == 0 && (address.ss_family == AF_INET || address.ss_family == AF_INET6);
}

/* The function that this one stands before: the C library's, or a sanitizer's. */
#define NEXT(name)                                                                                                     \
    static __typeof__(name) *next;                                                                                     \
    if (!next)                                                                                                         \
        *(void **)&next = dlsym(RTLD_NEXT, #name);

int socket(int domain, int type, int protocol)
{
    NEXT(socket)
    if ((domain == AF_INET || domain == AF_INET6) && fails(EMFILE, ENOBUFS))
        return -1;
    return next(domain, type, protocol);
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    NEXT(connect)
    if (is_network(fd) && fails(ECONNREFUSED, ENETUNREACH))
        return -1;
    return next(fd, address, size);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    NEXT(send)
    if (is_network(fd) && fails(ECONNRESET, EPIPE))
        return -1;
    return next(fd, data, size, flags);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *address, socklen_t address_size)
{
    NEXT(sendto)
    if (is_network(fd) && fails(ECONNRESET, EPIPE))
        return -1;
    return next(fd, data, size, flags, address, address_size);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    NEXT(sendmsg)
    if (is_network(fd) && fails(ECONNRESET, EPIPE))
        return -1;
    return next(fd, message, flags);
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
    NEXT(recv)
    if (is_network(fd) && fails(ECONNRESET, ETIMEDOUT))
        return -1;
    return next(fd, data, size, flags);
}

ssize_t recvfrom(int fd, void *data, size_t size, int flags, struct sockaddr *address, socklen_t *address_size)
{
    NEXT(recvfrom)
    if (is_network(fd) && fails(ECONNRESET, ETIMEDOUT))
        return -1;
    return next(fd, data, size, flags, address, address_size);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    NEXT(recvmsg)
    if (is_network(fd) && fails(ECONNRESET, ETIMEDOUT))
        return -1;
    return next(fd, message, flags);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
    NEXT(getsockopt)
    if (is_network(fd) && fails(ENOBUFS, ENOMEM))
        return -1;
    return next(fd, level, name, value, size);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
    static atomic_long lookups;
    NEXT(getaddrinfo)
    const char *fails = getenv("SOCKFAIL_RESOLVE");
    if (!fails || !name || strcmp(name, "store.test") != 0)
        return next(name, service, hints, ret);
    while (atol(fails) < 0)
        pause();
    if (atomic_fetch_add(&lookups, 1) < atol(fails))
        return EAI_AGAIN;
    return next("127.0.0.1", service, hints, ret);
}

int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    NEXT(poll)
    long here = atomic_fetch_add(&calls, 1) + 1;
    if (here == fail_at) {
        errno = here % 2 ? ENOMEM : EINTR;
        return -1;
    }
    return next(fds, n, timeout_ms);
}
