/* A descriptor that is readable while its bell rings: with it event loops outside of the library wait for results. */
#ifndef COVE_BASE_BELL_H
#define COVE_BASE_BELL_H

#include <stdbool.h>
#include <stdint.h>

struct cove__bell {
    int fd; /* to be polled */
    int event, timer;
    bool rings, ticks; /* the owner's lock guards them */
};

int cove__bell_init(struct cove__bell *bell); /* 0, or an errno */
void cove__bell_done(struct cove__bell *bell);
/* Rings while `on`. */
void cove__bell_ring(struct cove__bell *bell, bool on);
/* Also rings every `period_ns`, until cove__bell_heard; 0: stops that. */
void cove__bell_tick(struct cove__bell *bell, int64_t period_ns);
void cove__bell_heard(struct cove__bell *bell); /* a tick was answered */

#endif
