/*
 * On which thread an asynchronous slot runs. Slots of most backends return at once. Those of a backend that blocks end
 * inside the call. Where a caller has several under way, threads of a pool run them, and a caller that waits for them
 * runs those that no thread has taken yet.
 */
#include "fs/fs_impl.h"

#define THREADS_MAX 16

/* Slots never wait for other slots. The queue's whole calls do, and so they have a pool of their own. */
static struct cove__workers pool = COVE__WORKERS_INIT(THREADS_MAX);

static void run_slot(void *user)
{
    struct cove__io *io = user;

    io->slot(io->self, io);
}

/* ---- a driver, for the thread that waits ---- */

static bool run_own(void *self, struct cove__inbox *inbox)
{
    struct cove__work *work = cove__workers_take(&pool, &inbox->work);

    (void)self;
    if (work)
        work->run(work->user);
    return work != NULL;
}

static void do_nothing(void *self)
{
    (void)self;
}

static const struct cove__driver own_work = { .run = run_own, .wake = do_nothing, .leave = do_nothing };

void cove__fs_start(cove_fs *fs, cove__slot_fn *slot, struct cove__io *io, bool beside)
{
    struct cove__inbox *inbox = io->op.inbox;
    bool waits = io->op.ctx.waits == inbox;

    cove__op_start(&io->op);
    if (fs->ops->blocks && beside) {
        io->slot = slot;
        io->self = fs->self;
        io->work = (struct cove__work){ .run = run_slot, .user = io };
        if (waits)
            cove__inbox_drive(inbox, &own_work, NULL);
        if (cove__workers_add(&pool, &inbox->work, &io->work))
            return;
    }
    slot(fs->self, io);
}
