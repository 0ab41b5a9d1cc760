/*
 * Leaves with work under way: requests to a server that accepts and never answers are queued, then the library is let
 * go in the way that the first argument names. Right is a quiet end with status 0.
 *
 *   leave LIBRARY unload|return|exit|thread|busy|cancel
 *
 * unload: dlclose, and the program continues for a moment; return: from main; exit, thread: exit(), there or in another
 * thread; busy: exit() while threads make calls; cancel: pthread_cancel of a thread that waits, after which others
 * must not wait forever. It uses the library as a plug-in would, by dlopen.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cove/queue.h>

#define JOBS 200

/* Never let go, and no leak either: what is global is in use to the end. */
static void *library;
static cove_options *options;
static cove_queue *queue;
static cove_fs *fs;

static void *symbol(const char *name)
{
    void *p = dlsym(library, name);

    if (!p) {
        fprintf(stderr, "leave: %s\n", dlerror());
        _exit(2);
    }
    return p;
}

/* A port that accepts connections (its backlog does) and sends nothing. */
static int silent_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 64) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        _exit(2);
    return ntohs(address.sin_port);
}

static int stat_within(int64_t timeout_ms)
{
    __typeof__(&cove_fs_stat) fs_stat = symbol("cove_fs_stat");
    struct cove_call call = COVE_CALL_INIT;
    cove_info *info = NULL;

    call.timeout_ms = timeout_ms;
    return fs_stat(fs, "b/k", &call, &info, NULL);
}

static void *waits(void *unused)
{
    (void)unused;
    stat_within(1000);
    pthread_testcancel();
    return NULL;
}

static void *calls(void *unused)
{
    while (stat_within(2) < 0)
        ;
    return unused;
}

/* Each call signs, with OpenSSL, which ends at exit too. */
static int busy(void)
{
    pthread_t thread;

    for (int i = 0; i < 8; i++)
        if (pthread_create(&thread, NULL, calls, NULL))
            return 2;
    usleep(200000);
    exit(0);
}

/* Alone, so that it drives the only loop that there is. */
static int cancel(void)
{
    pthread_t thread;
    void *how;

    if (pthread_create(&thread, NULL, waits, NULL))
        return 2;
    usleep(200000);
    pthread_cancel(thread);
    alarm(30); /* forever, it was */
    if (stat_within(300) != COVE_ETIMEDOUT)
        return 4;
    pthread_join(thread, &how);
    return how == PTHREAD_CANCELED ? 0 : 5;
}

/* By symbol only: the program is not linked with the library. */
static void begin(void)
{
    __typeof__(&cove_options_new) options_new = symbol("cove_options_new");
    __typeof__(&cove_options_set) options_set = symbol("cove_options_set");
    __typeof__(&cove_fs_from_url) from_url = symbol("cove_fs_from_url");
    char endpoint[64];

    options = options_new();
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", silent_port());
    if (options_set(options, "endpoint_url", endpoint, NULL) < 0 || options_set(options, "key", "K", NULL) < 0 ||
        options_set(options, "secret", "S", NULL) < 0 || from_url("s3://b", options, &fs, NULL, NULL) < 0)
        _exit(2);
}

/* Returns how many jobs wait. */
static size_t queue_jobs(void)
{
    __typeof__(&cove_queue_new) queue_new = symbol("cove_queue_new");
    __typeof__(&cove_queue_stat) queue_stat = symbol("cove_queue_stat");
    __typeof__(&cove_queue_copy) queue_copy = symbol("cove_queue_copy");
    __typeof__(&cove_queue_pending) pending = symbol("cove_queue_pending");

    if (queue_new(NULL, &queue, NULL) < 0)
        _exit(2);
    for (int i = 0; i < JOBS; i++) {
        queue_stat(queue, fs, "b/k", NULL, NULL, NULL);
        queue_copy(queue, fs, "b/k", "b/l", NULL, NULL, NULL);
    }
    return pending(queue);
}

static void *leave(void *unused)
{
    (void)unused;
    exit(0);
}

int main(int argc, char **argv)
{
    pthread_t thread;

    library = argc == 3 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library) {
        fprintf(stderr, "usage: leave LIBRARY unload|return|exit|thread|busy|cancel\n");
        return 2;
    }
    begin();
    if (!strcmp(argv[2], "cancel"))
        return cancel();
    if (!strcmp(argv[2], "busy"))
        return busy();
    if (queue_jobs() != (size_t)2 * JOBS)
        return 3;
    if (!strcmp(argv[2], "unload")) {
        dlclose(library);
        usleep(300000); /* the I/O threads continue, in code that must still be there */
    } else if (!strcmp(argv[2], "exit")) {
        exit(0);
    } else if (!strcmp(argv[2], "thread")) {
        if (pthread_create(&thread, NULL, leave, NULL))
            return 2;
        pthread_join(thread, NULL);
    }
    return 0;
}
