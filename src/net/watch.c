/*
 * The epoll set of one I/O thread. libcurl's callbacks name the events of each socket that it waits for; loop.c waits
 * for them. All functions but cove__watch_wake run on the loop's thread.
 */
#include "net/watch.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define EVENTS_MAX 64
#define WAKE_KEY   UINT64_MAX

struct socket_watch {
    uint32_t serial; /* of its opening: an event of an earlier socket with the same number is known by it */
    uint32_t asked;  /* what the set holds */
    uint32_t wanted; /* what libcurl wants; 0: the connection is idle, and the set is left as it is */
    bool ours;       /* opened here, so that its closing comes by here too */
    bool in_set;
};

struct cove__watch {
    CURLM *multi;
    int epoll_fd, wake_fd;
    int64_t timer_ns;
    struct socket_watch *sockets; /* by descriptor */
    size_t n_sockets;
    uint32_t serials;
    struct epoll_event events[EVENTS_MAX]; /* of the last wait */
    int n_events, next_event;
};

static uint64_t key_of(const struct cove__watch *w, int fd)
{
    return (uint64_t)w->sockets[fd].serial << 32 | (uint32_t)fd;
}

static bool set_add(struct cove__watch *w, int fd, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.u64 = key_of(w, fd) };
    if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0)
        return false;
    w->sockets[fd].in_set = true;
    w->sockets[fd].asked = events;
    return true;
}

/* Always by hand, before the descriptor is closed: a forked child that still has it would keep it in the set. */
static void set_remove(struct cove__watch *w, int fd)
{
    if (!w->sockets[fd].in_set)
        return;
    epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    w->sockets[fd].in_set = false;
    w->sockets[fd].asked = 0;
}

static void set_events(struct cove__watch *w, int fd, uint32_t events)
{
    struct socket_watch *s = &w->sockets[fd];
    if (!s->in_set) {
        set_add(w, fd, events); /* else the stall timeout ends its request */
    } else if (s->asked != events) {
        struct epoll_event e = { .events = events, .data.u64 = key_of(w, fd) };
        epoll_ctl(w->epoll_fd, EPOLL_CTL_MOD, fd, &e);
        s->asked = events;
    }
}

/* A fresh entry for a descriptor; false: no memory. */
static bool enter(struct cove__watch *w, int fd)
{
    size_t need = (size_t)fd + 1;
    if (need > w->n_sockets) {
        size_t n = w->n_sockets * 2 > need ? w->n_sockets * 2 : need;
        struct socket_watch *more = cove__realloc(w->sockets, n * sizeof(*more));
        if (!more)
            return false;
        for (size_t i = w->n_sockets; i < n; i++)
            more[i] = (struct socket_watch){ 0 };
        w->sockets = more;
        w->n_sockets = n;
    }
    w->sockets[fd] = (struct socket_watch){ .serial = w->serials++ };
    return true;
}

/* Not inherited by a program that the user's program starts. */
curl_socket_t cove__watch_open(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct cove__watch *w = user;
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    if (!enter(w, fd) || !set_add(w, fd, 0)) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    w->sockets[fd].ours = true;
    return fd;
}

int cove__watch_close(void *user, curl_socket_t fd)
{
    struct cove__watch *w = user;
    set_remove(w, fd);
    w->sockets[fd].ours = false;
    return close(fd);
}

/* Also called for sockets that were not opened here: those by which libcurl's resolver thread wakes the loop. They are
 * removed as soon as libcurl stops watching them, since no callback comes when they are closed. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
    struct cove__watch *w = user;
    static char foreign;
    (void)easy;

    bool ours = (size_t)fd < w->n_sockets && w->sockets[fd].ours;
    uint32_t events = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        events |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        events |= EPOLLOUT;
    if (!ours && what == CURL_POLL_REMOVE) {
        if (known)
            set_remove(w, fd);
        return 0;
    }
    if (!ours && !known) {
        if (!enter(w, fd))
            return 0; /* libcurl looks after its resolver by time as well */
        curl_multi_assign(w->multi, fd, &foreign);
    }
    w->sockets[fd].wanted = events;
    if (events != 0)
        set_events(w, fd, events);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
    struct cove__watch *w = user;
    (void)multi;
    w->timer_ns = timeout_ms < 0 ? INT64_MAX : timeout_ms == 0 ? 0 : cove__now_ns() + timeout_ms * COVE__MS;
    return 0;
}

struct cove__watch *cove__watch_new(CURLM *multi)
{
    struct cove__watch *w = cove__calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->multi = multi;
    w->timer_ns = INT64_MAX;
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    /* Each write is a new edge, so that the counter need not be read. */
    struct epoll_event wake = { .events = EPOLLIN | EPOLLET, .data.u64 = WAKE_KEY };
    if (w->epoll_fd < 0 || w->wake_fd < 0 || epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->wake_fd, &wake) != 0 ||
        curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, w) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_TIMERDATA, w) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) != CURLM_OK) {
        int errnum = errno;
        cove__watch_free(w);
        errno = errnum;
        return NULL;
    }
    return w;
}

void cove__watch_free(struct cove__watch *w)
{
    if (!w)
        return;
    if (w->epoll_fd >= 0)
        close(w->epoll_fd);
    if (w->wake_fd >= 0)
        close(w->wake_fd);
    cove__free(w->sockets);
    cove__free(w);
}

void cove__watch_wake(struct cove__watch *w)
{
    eventfd_write(w->wake_fd, 1);
}

int64_t cove__watch_next_ns(const struct cove__watch *w)
{
    return w->timer_ns;
}

bool cove__watch_wait(struct cove__watch *w, int timeout_ms)
{
    int n = epoll_wait(w->epoll_fd, w->events, EVENTS_MAX, timeout_ms);
    w->n_events = n > 0 ? n : 0;
    w->next_event = 0;
    return n >= 0 || errno == EINTR;
}

static void run_event(struct cove__watch *w, const struct epoll_event *e)
{
    int fd = (int)(uint32_t)e->data.u64;
    if (e->data.u64 == WAKE_KEY || (size_t)fd >= w->n_sockets || key_of(w, fd) != e->data.u64)
        return;
    struct socket_watch *s = &w->sockets[fd];
    if (s->wanted == 0) { /* the server closes an idle connection: libcurl sees it when it wants to use it */
        set_remove(w, fd);
        return;
    }
    int running, bits = 0;
    if (e->events & EPOLLIN)
        bits |= CURL_CSELECT_IN;
    if (e->events & EPOLLOUT)
        bits |= CURL_CSELECT_OUT;
    if (e->events & (EPOLLERR | EPOLLHUP)) /* as readiness: libcurl's next call on the socket returns the error */
        bits |= (s->wanted & EPOLLIN ? CURL_CSELECT_IN : 0) | (s->wanted & EPOLLOUT ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(w->multi, fd, bits, &running);
}

bool cove__watch_run_event(struct cove__watch *w)
{
    if (w->next_event == w->n_events)
        return false;
    run_event(w, &w->events[w->next_event++]);
    return true;
}

void cove__watch_run_timer(struct cove__watch *w, int64_t now_ns)
{
    int running;
    if (now_ns >= w->timer_ns) {
        w->timer_ns = INT64_MAX; /* a timeout that still stands is reported again */
        curl_multi_socket_action(w->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
}
