/*
 * On which thread an asynchronous slot runs. Slots of most backends return at once. Those of a backend that blocks end
 * inside the call. Where a caller has several under way, threads of a pool run them, and a caller that waits for them
 * runs those that no thread has taken yet.
 */
#include "fs/fs_impl.h"
#include "wire/crc.h"

static void run_stat(void *user)
{
    struct cove__stat_io *io = user;
    const cove_fs *fs = io->start.fs;

    fs->ops->stat(fs->self, io);
}

static void run_read(void *user)
{
    struct cove__read_io *io = user;
    const cove_fs *fs = io->start.fs;

    fs->ops->read.range(fs->self, io);
}

static void run_part(void *user)
{
    struct cove__part_io *io = user;
    const cove_fs *fs = io->start.fs;

    if (io->from.path)
        fs->ops->upload.copy_part(fs->self, io);
    else
        fs->ops->upload.part(fs->self, io);
}

/* ---- a driver, for the thread that waits ---- */

static bool run_own(void *self, struct cove__inbox *inbox)
{
    const cove_fs *fs = self;
    struct cove__work *work = cove__workers_take(fs->slots, &inbox->work);

    if (work)
        work->run(work->user);
    return work;
}

static void do_nothing(void *self)
{
    (void)self;
}

static const struct cove__driver own_work = { .run = run_own, .wake = do_nothing, .leave = do_nothing };

/* Its deadline passed, or its token was fired, before a thread was free. */
static void end_late(void *user, int rc, const struct cove_error *err)
{
    struct cove__op *op = user; /* first in each of the structs */

    cove__op_finish(op, rc, 0, err);
}

/* `start` and `op` are of one operation, which `work` runs. */
static void start_op(cove_fs *fs, struct cove__start *start, struct cove__op *op, struct cove__work work, bool beside)
{
    struct cove__inbox *inbox = op->inbox;
    bool waits = op->ctx.waits == inbox;

    cove__op_start(op);
    work.late = end_late;
    work.ctx = &op->ctx;
    work.or_refuse = true; /* this thread can run it */
    *start = (struct cove__start){ .work = work, .fs = fs };
    if (fs->ops->blocks && beside) {
        if (waits)
            cove__inbox_drive(inbox, &own_work, fs);
        if (cove__workers_add(fs->slots, &inbox->work, &start->work))
            return;
    }
    work.run(work.user);
}

void cove__fs_start_stat(cove_fs *fs, struct cove__stat_io *io)
{
    start_op(fs, &io->start, &io->op, (struct cove__work){ .run = run_stat, .user = io }, true);
}

void cove__fs_start_read(cove_fs *fs, struct cove__read_io *io, bool beside)
{
    start_op(fs, &io->start, &io->op, (struct cove__work){ .run = run_read, .user = io }, beside);
}

void cove__fs_start_part(cove_fs *fs, struct cove__part_io *io, bool beside)
{
    start_op(fs, &io->start, &io->op, (struct cove__work){ .run = run_part, .user = io }, beside);
}

uint32_t cove__read_crc32c(const struct cove__read_io *io)
{
    return io->has_crc32c ? io->ret_crc32c : cove__crc32c(0, io->dst, (size_t)io->op.count);
}
