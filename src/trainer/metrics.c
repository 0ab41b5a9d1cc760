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
#define KNOWN_FLAGS (COVE_ON_STEP | COVE_ON_EPOCH | COVE_PROG_BAR | COVE_NO_LOGGER)

static void free_logged(struct cove__logged *item)
{
    cove__free(item->name);
    cove__free(item->step);
    cove__free(item->epoch);
}

void cove__metrics_forget(struct cove__metrics *m, enum cove__phase phase)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->n_logged; i++) {
        if (m->logged[i].phase == phase)
            free_logged(&m->logged[i]);
        else
            m->logged[kept++] = m->logged[i];
    }
    m->n_logged = kept;
}

void cove__metrics_done(struct cove__metrics *m)
{
    for (size_t i = 0; i < m->n_logged; i++)
        free_logged(&m->logged[i]);
    for (size_t i = 0; i < m->n_newest; i++)
        cove__free(m->newest[i].name);
    cove__free(m->logged);
    cove__free(m->newest);
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

static struct cove__logged *find_logged(struct cove__metrics *m, enum cove__phase phase, const char *name)
{
    for (size_t i = 0; i < m->n_logged; i++) {
        if (m->logged[i].phase == phase && strcmp(m->logged[i].name, name) == 0)
            return &m->logged[i];
    }
    return NULL;
}

static int add_logged(struct cove__metrics *m, enum cove__phase phase, const char *name, unsigned flags,
                      struct cove__logged **ret, struct cove_error *err)
{
    struct cove__logged item = { .name = cove__strdup(name), .phase = phase, .flags = flags };
    bool forked = (flags & COVE_ON_STEP) && (flags & COVE_ON_EPOCH);
    if (forked) {
        item.step = with_suffix(name, "_step");
        item.epoch = with_suffix(name, "_epoch");
    }
    if (!item.name || (forked && (!item.step || !item.epoch)) ||
        cove__grow(&m->logged, &m->cap_logged, m->n_logged + 1, sizeof *m->logged, MAX_METRICS) < 0) {
        cove__free(item.name);
        cove__free(item.step);
        cove__free(item.epoch);
        return cove__fail_nomem(err, "a metric");
    }
    m->logged[m->n_logged] = item;
    *ret = &m->logged[m->n_logged++];
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
    if (find_logged(m, phase, name ? name : "") == NULL && (rc = check_name(name, err)) < 0)
        return rc;
    if (flags & ~(unsigned)KNOWN_FLAGS)
        return cove__fail(err, COVE_EINVAL, "log: %s: unknown flags 0x%x", name, flags);
    item = find_logged(m, phase, name);
    if (item && item->flags != flags)
        return cove__fail(err, COVE_EINVAL, "log: %s: logged with other flags before (0x%x, now 0x%x)", name,
                          item->flags, flags);
    if (!item && (rc = add_logged(m, phase, name, flags, &item, err)) < 0)
        return rc;
    item->now.last = rounded;
    item->now.there = true;
    item->now.sum += rounded * weight;
    item->now.weight += weight;
    return 0;
}

const struct cove__newest *cove__metrics_find(const struct cove__metrics *m, const char *name)
{
    for (size_t i = 0; i < m->n_newest; i++) {
        if (strcmp(m->newest[i].name, name) == 0)
            return &m->newest[i];
    }
    return NULL;
}

static int set_newest(struct cove__metrics *m, const char *name, float value, bool prog_bar, struct cove_error *err)
{
    struct cove__newest *old = (struct cove__newest *)(uintptr_t)cove__metrics_find(m, name);
    char *copy;
    if (old) {
        old->value = value;
        old->prog_bar = prog_bar;
        return 0;
    }
    if (cove__grow(&m->newest, &m->cap_newest, m->n_newest + 1, sizeof *m->newest, MAX_METRICS) < 0 ||
        !(copy = cove__strdup(name)))
        return cove__fail_nomem(err, "a metric");
    m->newest[m->n_newest++] = (struct cove__newest){ copy, value, prog_bar };
    return 0;
}

/* Whether `item` has a value now, and it under which name. */
static bool value_now(const struct cove__logged *item, bool on_step, float *ret_value, const char **ret_name)
{
    if (on_step) {
        *ret_value = item->now.last;
        *ret_name = item->step ? item->step : item->name;
        return item->now.there && (item->flags & COVE_ON_STEP);
    }
    *ret_value = (float)(item->now.sum / item->now.weight);
    *ret_name = item->epoch ? item->epoch : item->name;
    return item->now.there && (item->flags & COVE_ON_EPOCH);
}

int cove__metrics_publish(struct cove__metrics *m, enum cove__phase phase, bool on_step, struct cove_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < m->n_logged; i++) {
        const struct cove__logged *item = &m->logged[i];
        bool prog_bar = item->flags & COVE_PROG_BAR;
        const char *name;
        float value;
        if (item->phase != phase || !value_now(item, on_step, &value, &name))
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
    m->n_rows = 0;
    if (cove__grow(&m->rows, &m->cap_rows, m->n_logged + 1, sizeof *m->rows, MAX_METRICS + 1) < 0)
        return cove__fail_nomem(err, "metrics");
    for (size_t i = 0; i < m->n_logged; i++) {
        const struct cove__logged *item = &m->logged[i];
        const char *name;
        float value;
        if (item->phase == phase && !(item->flags & COVE_NO_LOGGER) && value_now(item, on_step, &value, &name))
            m->rows[m->n_rows++] = (struct cove_metric){ name, value };
    }
    return 0;
}

void cove__metrics_end_epoch(struct cove__metrics *m, enum cove__phase phase)
{
    for (size_t i = 0; i < m->n_logged; i++) {
        if (m->logged[i].phase == phase)
            m->logged[i].now = (struct cove__epoch_values){ 0 };
    }
}

void cove__metrics_mark(struct cove__metrics *m, enum cove__phase phase)
{
    for (size_t i = 0; i < m->n_logged; i++) {
        if (m->logged[i].phase == phase)
            m->logged[i].marked = m->logged[i].now;
    }
}

void cove__metrics_rewind(struct cove__metrics *m, enum cove__phase phase)
{
    for (size_t i = 0; i < m->n_logged; i++) {
        if (m->logged[i].phase == phase)
            m->logged[i].now = m->logged[i].marked;
    }
}

int cove__metrics_save(const struct cove__metrics *m, cove_value *dict, struct cove_error *err)
{
    int rc = 0;
    cove_value *epoch = cove__tree_dict(&rc, dict, "epoch", err);
    cove_value *newest = cove__tree_dict(&rc, dict, "newest", err);
    for (size_t i = 0; rc == 0 && i < m->n_logged; i++) {
        const struct cove__logged *item = &m->logged[i];
        cove_value *list;
        if (item->phase != COVE__PHASE_TRAIN || !item->now.there)
            continue;
        list = cove_value_new_list();
        cove__tree_set(&rc, epoch, item->name, list, err);
        if (rc == 0)
            rc = cove_value_append(list, cove_value_new_float(item->now.sum), err);
        if (rc == 0)
            rc = cove_value_append(list, cove_value_new_float(item->now.weight), err);
        if (rc == 0)
            rc = cove_value_append(list, cove_value_new_int(item->flags), err);
        if (rc == 0)
            rc = cove_value_append(list, cove_value_new_float(item->now.last), err);
    }
    for (size_t i = 0; i < m->n_newest; i++)
        cove__tree_float(&rc, newest, m->newest[i].name, m->newest[i].value, err);
    return rc;
}

static int load_sum(struct cove__metrics *m, const char *name, const cove_value *list, struct cove_error *err)
{
    struct cove__logged *item;
    double sum = 0, weight = 0, last = 0;
    int64_t flags = 0;
    int rc = 0;
    if (!name || cove_value_type(list) != COVE_VALUE_LIST || cove_value_length(list) != 4)
        return cove__fail(err, COVE_EMISMATCH, "metrics: the checkpoint's are not as cove saves them");
    if ((rc = cove_value_as_float(cove_value_item(list, 0), &sum, err)) < 0 ||
        (rc = cove_value_as_float(cove_value_item(list, 1), &weight, err)) < 0 ||
        (rc = cove_value_as_int(cove_value_item(list, 2), &flags, err)) < 0 ||
        (rc = cove_value_as_float(cove_value_item(list, 3), &last, err)) < 0)
        return rc;
    item = find_logged(m, COVE__PHASE_TRAIN, name);
    if (!item && (rc = add_logged(m, COVE__PHASE_TRAIN, name, (unsigned)flags & KNOWN_FLAGS, &item, err)) < 0)
        return rc;
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
        rc = cove_value_as_float(cove_value_item(newest, i), &value, err);
        if (rc == 0 && name)
            rc = set_newest(m, name, (float)value, false, err);
    }
    return rc;
}
