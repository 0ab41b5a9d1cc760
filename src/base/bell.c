/* An eventfd and a timerfd behind one epoll descriptor. Only this file depends on Linux for it. */
#include "base/bell.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"

int cove__bell_init(struct cove__bell *bell)
{
    struct epoll_event in = { .events = EPOLLIN };
    int errnum = 0;

    *bell = (struct cove__bell){ .fd = epoll_create1(EPOLL_CLOEXEC),
                                 .event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                                 .timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK) };
    if (bell->fd < 0 || bell->event < 0 || bell->timer < 0 ||
        epoll_ctl(bell->fd, EPOLL_CTL_ADD, bell->event, &in) < 0 ||
        epoll_ctl(bell->fd, EPOLL_CTL_ADD, bell->timer, &in) < 0) {
        errnum = errno;
        cove__bell_done(bell);
    }
    return errnum;
}

void cove__bell_done(struct cove__bell *bell)
{
    if (bell->fd >= 0)
        close(bell->fd);
    if (bell->event >= 0)
        close(bell->event);
    if (bell->timer >= 0)
        close(bell->timer);
    *bell = (struct cove__bell){ .fd = -1, .event = -1, .timer = -1 };
}

void cove__bell_ring(struct cove__bell *bell, bool on)
{
    uint64_t n = 1;

    if (bell->rings == on)
        return;
    /* Neither can fail: the counter is 0 or 1, and the descriptor does not wait. */
    if (on ? write(bell->event, &n, sizeof n) == sizeof n : read(bell->event, &n, sizeof n) == sizeof n)
        bell->rings = on;
}

void cove__bell_tick(struct cove__bell *bell, int64_t period_ns)
{
    struct timespec t = { .tv_sec = period_ns / COVE__SEC, .tv_nsec = period_ns % COVE__SEC };
    struct itimerspec every = { .it_interval = t, .it_value = t };

    if (bell->ticks == (period_ns > 0))
        return;
    bell->ticks = period_ns > 0;
    timerfd_settime(bell->timer, 0, &every, NULL);
}

void cove__bell_heard(struct cove__bell *bell)
{
    uint64_t n;

    if (bell->ticks && read(bell->timer, &n, sizeof n) < 0)
        return; /* it had not ticked */
}
