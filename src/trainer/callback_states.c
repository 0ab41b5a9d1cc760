/* The states of callbacks, by their state_key: see callback_states.h. Called by run_state.c. */
#include "trainer/callback_states.h"

#include "base/error.h"
#include "base/log.h"
#include "checkpoint/copy.h"
#include "trainer/trainer_impl.h"
#include "trainer/tree.h"

int cove__callback_states_save(cove_trainer *t, cove_value *dict, struct cove_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < t->n_callbacks; i++) {
        const cove_callback *c = &t->callbacks[i];
        const struct cove__owner owner = cove__callback_owner(t, i);
        cove_value *state = NULL;
        struct cove__call call;
        if (!c->state_key || !c->state_dict)
            continue;
        cove__call_begin(t, &call, "state_dict");
        rc = c->state_dict(c->self, &state, &call.said);
        if (rc == 0 && !state)
            rc = cove__fail(&call.said, COVE_EINVAL, "returned no state");
        rc = cove__call_end(t, &call, rc, &owner, err);
        if (rc == 0)
            rc = cove_value_dict_set(dict, c->state_key, state, err);
        else
            cove_value_unref(state); /* a function may fail after it has set it */
    }
    return rc;
}

int cove__callback_states_load(cove_trainer *t, const cove_value *dict, struct cove_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < t->n_callbacks; i++) {
        const cove_callback *c = &t->callbacks[i];
        const cove_value *state = c->state_key ? cove__tree_at(dict, c->state_key) : NULL;
        const struct cove__owner owner = cove__callback_owner(t, i);
        struct cove__call call;
        if (state && c->load_state_dict) {
            cove__call_begin(t, &call, "load_state_dict");
            rc = cove__call_end(t, &call, c->load_state_dict(c->self, state, &call.said), &owner, err);
        } else if (c->state_key && c->load_state_dict) {
            cove__log(COVE_LOG_WARNING, "trainer", "the checkpoint has no state of %s", c->state_key);
        }
    }
    return rc;
}

int cove__callback_states_copy(cove_trainer *t, cove_value **ret_states, struct cove_error *err)
{
    cove_value *states = cove_value_new_dict();
    int rc = states ? cove__callback_states_save(t, states, err) : cove__fail_nomem(err, "the callbacks' states");
    if (rc == 0)
        rc = cove__value_copy(states, ret_states, err);
    cove_value_unref(states);
    return rc;
}
