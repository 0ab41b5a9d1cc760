/* ModelCheckpoint's files: writes one under its name, copies one, removes one that is not kept any longer. The names
 * are chosen in model_checkpoint_save.c. */
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "trainer/filename.h"
#include "trainer/folder.h"
#include "trainer/model_checkpoint.h"

const char *cove__model_checkpoint_template(const struct cove__model_checkpoint *mc)
{
    return mc->filename ? mc->filename : COVE__DEFAULT_FILENAME;
}

int cove__model_checkpoint_note_resumed(struct cove__model_checkpoint *mc, const cove_trainer *trainer,
                                        struct cove_error *err)
{
    const char *ckpt_path = cove_trainer_ckpt_path(trainer);
    char *file = NULL;
    int rc = ckpt_path ? cove__file_follow(trainer, ckpt_path, &file, err) : 0;
    if (rc < 0)
        return rc;
    cove__free(mc->resumed_file);
    mc->resumed_file = file;
    return 0;
}

/* ---- writing ---- */

int cove__model_checkpoint_write(const struct cove__model_checkpoint *mc, cove_trainer *trainer, const char *url,
                                 struct cove_error *err)
{
    char *target = NULL;
    int rc = cove__link_take(trainer, url, &target, err);
    if (rc < 0)
        return rc;
    rc = cove_trainer_save_checkpoint(trainer, url, mc->o.save_weights_only, err);
    if (rc < 0 && target)
        cove__link_put_back(trainer, url, target);
    cove__free(target);
    return rc;
}

int cove__model_checkpoint_copy(const struct cove__model_checkpoint *mc, cove_trainer *trainer, const char *from,
                                const char *to, struct cove_error *err)
{
    cove_fs *fs = NULL;
    char *path_from = NULL, *path_to = NULL, *target = NULL;
    int rc;
    if ((rc = cove_trainer_open_fs(trainer, from, &fs, &path_from, err)) < 0)
        return rc;
    cove_fs_unref(fs);
    fs = NULL;
    if ((rc = cove_trainer_open_fs(trainer, to, &fs, &path_to, err)) < 0 ||
        (rc = cove__link_take(trainer, to, &target, err)) < 0)
        goto out;
    rc = cove_fs_copy(fs, path_from, path_to, NULL, err);
    if (rc == COVE_ENOTSUP)
        rc = cove_trainer_save_checkpoint(trainer, to, mc->o.save_weights_only, err);
    if (rc < 0 && target)
        cove__link_put_back(trainer, to, target);
out:
    cove__free(target);
    cove_free(path_from);
    cove_free(path_to);
    cove_fs_unref(fs);
    return rc;
}

/* ---- removing ---- */

static bool is_resumed(const struct cove__model_checkpoint *mc, const cove_trainer *trainer, const char *url)
{
    const char *ckpt_path = cove_trainer_ckpt_path(trainer);
    /* By what the name led to when the run began, too: a save may have replaced a link since. */
    return (ckpt_path && cove__file_may_be(trainer, url, ckpt_path)) ||
           (mc->resumed_file && cove__file_may_be(trainer, url, mc->resumed_file));
}

/* Whether `url` is a name in this folder that a save of this callback may have had. */
static bool is_own_name(const struct cove__model_checkpoint *mc, const char *url)
{
    const char *name = cove__folder_below(mc->dirpath, url);
    bool insert = mc->o.auto_insert_metric_name;
    return name && (cove__filename_fits(cove__model_checkpoint_template(mc), insert, name) ||
                    cove__filename_fits("last", insert, name));
}

void cove__model_checkpoint_prune(const struct cove__model_checkpoint *mc, cove_trainer *trainer, const char *url)
{
    struct cove_error err = COVE_ERROR_INIT;
    enum cove__entry entry = COVE__ENTRY_NONE;
    cove_fs *fs = NULL;
    char *path = NULL;
    int rc;
    if (cove__kept_names(&mc->kept, url) || is_resumed(mc, trainer, url))
        return;
    if (!is_own_name(mc, url)) {
        cove__log(COVE_LOG_INFO, "trainer",
                  "ModelCheckpoint: %s is not a name of this run's checkpoints and is not removed", url);
        return;
    }
    rc = cove__entry_at(trainer, url, &entry, &err);
    if (rc == 0 && entry == COVE__ENTRY_FILE && (rc = cove_trainer_open_fs(trainer, url, &fs, &path, &err)) == 0)
        rc = cove_fs_remove_files(fs, (const char *const[]){ path }, 1, NULL, &err);
    if (rc < 0)
        cove__log(COVE_LOG_WARNING, "trainer", "ModelCheckpoint: %s", err.message);
    cove_free(path);
    cove_fs_unref(fs);
}
