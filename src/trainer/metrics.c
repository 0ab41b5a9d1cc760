/* The table of what was logged: between cove_trainer_log, the loggers, and the callbacks that monitor a value. */
#include "trainer/metrics.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "trainer/names.h"
#include "trainer/tree.h"

#define MAX_METRICS ((size_t)1 << 16)
#define MAX_NAME    ((size_t)1024)
#define KNOWN_FLAGS (COVE_LOG_ON_STEP | COVE_LOG_ON_EPOCH | COVE_LOG_PROG_BAR | COVE_LOG_NO_LOGGER)

static void free_logged(struct cove__logged *item)
{
    cove__free(item->name);
    cove__free(item->step);
    cove__free(item->epoch);
}

/* ---- index by name: a dict, or NULL while it is empty ---- */

static bool find_place(const cove_value *index, const char *name, size_t *ret_place)
{
    const cove_value *found = index ? cove_value_dict_get(index, name) : NULL;
    int64_t place;
    if (!found || cove_value_get_int(found, &place, NULL) < 0)
        return false;
    *ret_place = (size_t)place;
    return true;
}

static int add_place(cove_value **index, const char *name, size_t place, struct cove_error *err)
{
    if (!*index && !(*index = cove_value_new_dict()))
        return cove__fail_nomem(err, "a metric");
    return cove_value_dict_set(*index, name, cove_value_new_int((int64_t)place), err);
}

static struct cove__logged *find_logged(struct cove__metrics *m, enum cove__phase phase, const char *name)
{
    size_t place;
    return find_place(m->tables[phase].index, name, &place) ? &m->tables[phase].items[place] : NULL;
}

/* ---- the tables ---- */

void cove__metrics_forget(struct cove__metrics *m, enum cove__phase phase)
{
    struct cove__table *table = &m->tables[phase];
    for (size_t i = 0; i < table->n; i++)
        free_logged(&table->items[i]);
    cove__free(table->items);
    cove_value_unref(table->index);
    *table = (struct cove__table){ 0 };
}

void cove__metrics_done(struct cove__metrics *m)
{
    cove__metrics_forget(m, COVE__PHASE_TRAIN);
    cove__metrics_forget(m, COVE__PHASE_VAL);
    for (size_t i = 0; i < m->n_newest; i++)
        cove__free(m->newest[i].name);
    cove__free(m->newest);
    cove_value_unref(m->newest_index);
    cove__free(m->rows);
    *m = (struct cove__metrics){ 0 };
}

static char *with_suffix(const char *name, const char *suffix)
{
    struct cove__buf b = COVE__BUF_INIT(MAX_NAME + 16);
    cove__buf_add_str(&b, name);
    cove__buf_add_str(&b, suffix);
    return cove__buf_take(&b);
}

/* Sets the flags, and with them the names for step and epoch. */
static int set_flags(struct cove__logged *item, unsigned flags, struct cove_error *err)
{
    bool forked = (flags & COVE_LOG_ON_STEP) && (flags & COVE_LOG_ON_EPOCH);
    cove__free(item->step);
    cove__free(item->epoch);
    item->step = forked ? with_suffix(item->name, "_step") : NULL;
    item->epoch = forked ? with_suffix(item->name, "_epoch") : NULL;
    item->flags = flags;
    return forked && (!item->step || !item->epoch) ? cove__fail_nomem(err, "a metric") : 0;
}

static int add_logged(struct cove__metrics *m, enum cove__phase phase, const char *name, unsigned flags,
                      struct cove__logged **ret, struct cove_error *err)
{
    struct cove__table *table = &m->tables[phase];
    struct cove__logged item = { .name = cove__strdup(name) };
    int rc = item.name ? set_flags(&item, flags, err) : cove__fail_nomem(err, "a metric");
    if (rc == 0 && cove__grow(&table->items, &table->cap, table->n + 1, sizeof *table->items, MAX_METRICS) < 0)
        rc = table->n < MAX_METRICS ? cove__fail_nomem(err, "a metric")
                                    : cove__fail(err, COVE_ELIMIT, "log: %s: more than %zu metrics", name, MAX_METRICS);
    if (rc == 0)
        rc = add_place(&table->index, name, table->n, err);
    if (rc < 0) {
        free_logged(&item);
        return rc;
    }
    table->items[table->n] = item;
    *ret = &table->items[table->n++];
    return 0;
}

static int check_name(const char *name, struct cove_error *err)
{
    int rc = cove__check_name("log: the metric's name", name, err);
    if (rc == 0 && strlen(name) > MAX_NAME)
        rc = cove__fail(err, COVE_EINVAL, "log: the metric's name has %zu bytes, at most %zu are allowed", strlen(name),
                        MAX_NAME);
    return rc;
}

int cove__metrics_log(struct cove__metrics *m, enum cove__phase phase, const char *name, double value, double weight,
                      unsigned flags, struct cove_error *err)
{
    struct cove__logged *item;
    float rounded = (float)value; /* as Lightning keeps them: then a score read back from a checkpoint compares equal */
    int rc = 0;
    if (!find_logged(m, phase, name ? name : "") && (rc = check_name(name, err)) < 0)
        return rc;
    if (flags & ~(unsigned)KNOWN_FLAGS)
        return cove__fail(err, COVE_EINVAL, "log: %s: unknown flags 0x%x", name, flags);
    item = find_logged(m, phase, name);
    if (item && item->is_restored && item->flags != flags && (rc = set_flags(item, flags, err)) < 0)
        return rc;
    if (item && item->flags != flags)
        return cove__fail(err, COVE_EINVAL, "log: %s: logged with other flags before (0x%x, now 0x%x)", name,
                          item->flags, flags);
    if (!item && (rc = add_logged(m, phase, name, flags, &item, err)) < 0)
        return rc;
    item->is_restored = false;
    item->now.last = rounded;
    item->now.there = true;
    item->now.sum += rounded * weight;
    item->now.weight += weight;
    return 0;
}

const struct cove__newest *cove__metrics_find(const struct cove__metrics *m, const char *name)
{
    size_t place;
    return find_place(m->newest_index, name, &place) ? &m->newest[place] : NULL;
}

static int set_newest(struct cove__metrics *m, const char *name, float value, bool prog_bar, struct cove_error *err)
{
    struct cove__newest item = { .value = value, .prog_bar = prog_bar };
    size_t place;
    int rc;
    if (find_place(m->newest_index, name, &place)) {
        m->newest[place].value = value;
        m->newest[place].prog_bar = prog_bar;
        return 0;
    }
    /* A metric may have three names. */
    if (cove__grow(&m->newest, &m->cap_newest, m->n_newest + 1, sizeof *m->newest, 6 * MAX_METRICS) < 0 ||
        !(item.name = cove__strdup(name)))
        return cove__fail_nomem(err, "a metric");
    if ((rc = add_place(&m->newest_index, name, m->n_newest, err)) < 0) {
        cove__free(item.name);
        return rc;
    }
    m->newest[m->n_newest++] = item;
    return 0;
}

/* Whether `item` has a value now, and it under which name. */
static bool value_now(const struct cove__logged *item, bool on_step, float *ret_value, const char **ret_name)
{
    if (on_step) {
        *ret_value = item->now.last;
        *ret_name = item->step ? item->step : item->name;
        return item->now.there && (item->flags & COVE_LOG_ON_STEP);
    }
    *ret_value = (float)(item->now.sum / item->now.weight);
    *ret_name = item->epoch ? item->epoch : item->name;
    return item->now.there && (item->flags & COVE_LOG_ON_EPOCH);
}

int cove__metrics_publish(struct cove__metrics *m, enum cove__phase phase, bool on_step, struct cove_error *err)
{
    const struct cove__table *table = &m->tables[phase];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < table->n; i++) {
        const struct cove__logged *item = &table->items[i];
        bool prog_bar = item->flags & COVE_LOG_PROG_BAR;
        const char *name;
        float value;
        if (!value_now(item, on_step, &value, &name))
            continue;
        /* Validation has no newest value before its end, so that a monitor never sees a single batch. */
        if (phase == COVE__PHASE_VAL && on_step)
            continue;
        rc = set_newest(m, name, value, prog_bar, err);
        if (rc == 0 && name != item->name)
            rc = set_newest(m, item->name, value, false, err);
    }
    return rc;
}

int cove__metrics_rows(struct cove__metrics *m, enum cove__phase phase, bool on_step, struct cove_error *err)
{
    const struct cove__table *table = &m->tables[phase];
    m->n_rows = 0;
    if (cove__grow(&m->rows, &m->cap_rows, table->n + 1, sizeof *m->rows, MAX_METRICS + 1) < 0)
        return cove__fail_nomem(err, "metrics");
    for (size_t i = 0; i < table->n; i++) {
        const struct cove__logged *item = &table->items[i];
        const char *name;
        float value;
        if (!(item->flags & COVE_LOG_NO_LOGGER) && value_now(item, on_step, &value, &name))
            m->rows[m->n_rows++] = (struct cove_metric){ name, value };
    }
    return 0;
}

void cove__metrics_end_epoch(struct cove__metrics *m, enum cove__phase phase)
{
    struct cove__table *table = &m->tables[phase];
    for (size_t i = 0; i < table->n; i++)
        table->items[i].now = (struct cove__epoch_values){ 0 };
}

void cove__metrics_mark(struct cove__metrics *m, enum cove__phase phase)
{
    struct cove__table *table = &m->tables[phase];
    for (size_t i = 0; i < table->n; i++)
        table->items[i].marked = table->items[i].now;
}

void cove__metrics_rewind(struct cove__metrics *m, enum cove__phase phase)
{
    struct cove__table *table = &m->tables[phase];
    for (size_t i = 0; i < table->n; i++)
        table->items[i].now = table->items[i].marked;
}

int cove__metrics_save(const struct cove__metrics *m, bool marked, cove_value *dict, struct cove_error *err)
{
    int rc = 0;
    cove_value *epoch = cove__tree_dict(&rc, dict, "epoch", err);
    cove_value *newest = cove__tree_dict(&rc, dict, "newest", err);
    const struct cove__table *table = &m->tables[COVE__PHASE_TRAIN];
    for (size_t i = 0; rc == 0 && i < table->n; i++) {
        const struct cove__logged *item = &table->items[i];
        const struct cove__epoch_values *values = marked ? &item->marked : &item->now;
        cove_value *list;
        if (!values->there)
            continue;
        list = cove_value_new_list();
        cove__tree_set(&rc, epoch, item->name, list, err);
        if (rc == 0)
            rc = cove_value_append(list, cove_value_new_float(values->sum), err);
        if (rc == 0)
            rc = cove_value_append(list, cove_value_new_float(values->weight), err);
        if (rc == 0)
            rc = cove_value_append(list, cove_value_new_int(item->flags), err);
        if (rc == 0)
            rc = cove_value_append(list, cove_value_new_float(values->last), err);
    }
    for (size_t i = 0; i < m->n_newest; i++)
        cove__tree_float(&rc, newest, m->newest[i].name, m->newest[i].value, err);
    return rc;
}

/* Loggers write names unchanged, so names from a checkpoint must be valid names of metrics. */
static int check_restored(const char *name, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    if (check_name(name, &why) == 0)
        return 0;
    return cove__fail(err, COVE_EMISMATCH, "cove.metrics in the checkpoint: %s", why.message);
}

static int load_sum(struct cove__metrics *m, const char *name, const cove_value *list, struct cove_error *err)
{
    struct cove__logged *item;
    double sum = 0, weight = 0, last = 0;
    int64_t flags = 0;
    int rc = 0;
    if ((rc = check_restored(name, err)) < 0)
        return rc;
    if (cove_value_type(list) != COVE_VALUE_LIST || cove_value_length(list) != 4)
        return cove__fail(err, COVE_EMISMATCH, "cove.metrics in the checkpoint is malformed");
    if ((rc = cove_value_get_float(cove_value_item(list, 0), &sum, err)) < 0 ||
        (rc = cove_value_get_float(cove_value_item(list, 1), &weight, err)) < 0 ||
        (rc = cove_value_get_int(cove_value_item(list, 2), &flags, err)) < 0 ||
        (rc = cove_value_get_float(cove_value_item(list, 3), &last, err)) < 0)
        return rc;
    if (flags < 0 || (flags & ~(int64_t)KNOWN_FLAGS) || !(flags & (COVE_LOG_ON_STEP | COVE_LOG_ON_EPOCH)))
        return cove__fail(err, COVE_EMISMATCH, "metrics: %s: unknown flags in the checkpoint", name);
    item = find_logged(m, COVE__PHASE_TRAIN, name);
    if (!item && (rc = add_logged(m, COVE__PHASE_TRAIN, name, (unsigned)flags, &item, err)) < 0)
        return rc;
    item->is_restored = true;
    item->now = (struct cove__epoch_values){ true, (float)last, sum, weight };
    return 0;
}

int cove__metrics_load(struct cove__metrics *m, const cove_value *dict, bool mid_epoch, struct cove_error *err)
{
    const cove_value *epoch = cove__tree_at(dict, "epoch"), *newest = cove__tree_at(dict, "newest");
    int rc = 0;
    for (size_t i = 0; mid_epoch && epoch && rc == 0 && i < cove_value_length(epoch); i++)
        rc = load_sum(m, cove_value_key_name(epoch, i), cove_value_item(epoch, i), err);
    for (size_t i = 0; newest && rc == 0 && i < cove_value_length(newest); i++) {
        const char *name = cove_value_key_name(newest, i);
        double value = 0;
        if ((rc = check_restored(name, err)) == 0)
            rc = cove_value_get_float(cove_value_item(newest, i), &value, err);
        if (rc == 0)
            rc = set_newest(m, name, (float)value, false, err);
    }
    return rc;
}
