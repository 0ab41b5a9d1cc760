/* Optimizers and schedulers against what torch computes (optimizer_table.h), and their state_dicts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "trainer/optimizer.h"
#include "trainer/optimizer_table.h"
#include "trainer/scheduler.h"

struct subject {
    float value[TABLE_N], grad[TABLE_N];
    int64_t shape[1];
    struct cove_parameter parameter;
};

static void init(struct subject *s)
{
    memcpy(s->value, table_start, sizeof s->value);
    memset(s->grad, 0, sizeof s->grad);
    s->shape[0] = TABLE_N;
    s->parameter = (struct cove_parameter){ "p", { COVE_DTYPE_FLOAT32, 1, s->shape, NULL, s->value }, s->grad };
}

static void step(struct subject *s, cove_optimizer *optimizer, int number)
{
    for (int i = 0; i < TABLE_N; i++)
        s->grad[i] = s->value[i] / 2 + table_offsets[number % 3][i];
    assert_int_equal(cove_optimizer_step(optimizer, NULL), 0);
}

/* A few units in the last place after twenty steps: torch's vector code fuses multiplications and additions, ours need
 * not. */
static void assert_near(const float *got, const float *expected)
{
    for (int i = 0; i < TABLE_N; i++) {
        float tolerance = 8 * 1.2e-7f * fmaxf(fabsf(expected[i]), 0.125f);
        if (fabsf(got[i] - expected[i]) > tolerance)
            fail_msg("element %d is %.9g, torch has %.9g", i, (double)got[i], (double)expected[i]);
    }
}

static void run_table(const struct cove_optimizer_options *o, const float *expected)
{
    struct subject s;
    cove_optimizer *optimizer;
    init(&s);
    assert_int_equal(cove_optimizer_new(o, &s.parameter, 1, &optimizer, NULL), 0);
    for (int i = 0; i < TABLE_STEPS; i++)
        step(&s, optimizer, i);
    assert_near(s.value, expected);
    cove_optimizer_free(optimizer);
}

static void sgd_as_torch(void **state)
{
    struct cove_optimizer_options o = COVE_OPTIMIZER_SGD_INIT(0.05);
    run_table(&o, table_sgd);
    o.weight_decay = 0.1;
    run_table(&o, table_sgd_decay);
    o.weight_decay = 0;
    o.momentum = 0.9;
    run_table(&o, table_sgd_momentum);
    o.dampening = 0.5;
    run_table(&o, table_sgd_dampening);
    o.dampening = 0;
    o.weight_decay = 0.01;
    o.nesterov = 1;
    run_table(&o, table_sgd_nesterov);
    o = (struct cove_optimizer_options)COVE_OPTIMIZER_SGD_INIT(0.01);
    o.momentum = 0.5;
    o.maximize = 1;
    run_table(&o, table_sgd_maximize);
}

static void adam_as_torch(void **state)
{
    struct cove_optimizer_options o = COVE_OPTIMIZER_ADAM_INIT(0.02);
    o.amsgrad = 1;
    run_table(&o, table_adam_amsgrad);
    o.amsgrad = 0;
    o.weight_decay = 0.1;
    run_table(&o, table_adam);
    o = (struct cove_optimizer_options)COVE_OPTIMIZER_ADAMW_INIT(0.02);
    run_table(&o, table_adamw);
    o.amsgrad = o.maximize = 1;
    run_table(&o, table_adamw_amsgrad);
    o = (struct cove_optimizer_options)COVE_OPTIMIZER_ADAMW_INIT(0.02);
    o.beta1 = 0.3; /* where lerp goes from its other end */
    o.beta2 = 0.95;
    o.eps = 1e-6;
    o.weight_decay = 0.2;
    run_table(&o, table_adamw_betas);
}

static double decay(void *user, int64_t epoch)
{
    return pow(0.9, (double)epoch);
}

static void run_schedule(const struct cove_lr_scheduler_options *o, const double *expected)
{
    struct cove_optimizer_options sgd = COVE_OPTIMIZER_SGD_INIT(0.1);
    struct subject s;
    cove_optimizer *optimizer;
    cove_lr_scheduler *scheduler;
    init(&s);
    assert_int_equal(cove_optimizer_new(&sgd, &s.parameter, 1, &optimizer, NULL), 0);
    assert_int_equal(cove_lr_scheduler_new(o, optimizer, &scheduler, NULL), 0);
    for (int i = 0; i < 10; i++) {
        cove_lr_scheduler_step(scheduler);
        assert_true(fabs(cove_optimizer_lr(optimizer, 0) - expected[i]) <= 1e-15);
    }
    cove_lr_scheduler_free(scheduler);
    cove_optimizer_free(optimizer);
}

static void schedules_as_torch(void **state)
{
    struct cove_lr_scheduler_options o = COVE_LR_SCHEDULER_OPTIONS_INIT(COVE_LR_SCHEDULER_STEP);
    o.step_size = 3;
    o.gamma = 0.5;
    run_schedule(&o, table_lr_step);
    o.kind = COVE_LR_SCHEDULER_COSINE_ANNEALING;
    o.t_max = 4;
    o.eta_min = 0.01;
    run_schedule(&o, table_lr_cosine);
    o.kind = COVE_LR_SCHEDULER_LAMBDA;
    o.lr_lambda = decay;
    run_schedule(&o, table_lr_lambda);
}

/* Five steps, the state into a second optimizer, five more on both: the same bits. */
static void state_continues(const struct cove_optimizer_options *o)
{
    struct subject a, b;
    cove_optimizer *first, *second;
    cove_value *state;
    init(&a);
    init(&b);
    assert_int_equal(cove_optimizer_new(o, &a.parameter, 1, &first, NULL), 0);
    for (int i = 0; i < 5; i++)
        step(&a, first, i);
    assert_int_equal(cove_optimizer_state_dict(first, &state, NULL), 0);
    memcpy(b.value, a.value, sizeof b.value);
    assert_int_equal(cove_optimizer_new(o, &b.parameter, 1, &second, NULL), 0);
    cove_optimizer_set_lr(second, 0, 123); /* a checkpoint's hyperparameters replace these */
    assert_int_equal(cove_optimizer_load_state_dict(second, state, NULL), 0);
    cove_value_unref(state);
    assert_true(cove_optimizer_lr(second, 0) == o->lr);
    for (int i = 5; i < 10; i++) {
        step(&a, first, i);
        step(&b, second, i);
    }
    assert_memory_equal(a.value, b.value, sizeof a.value);
    cove_optimizer_free(first);
    cove_optimizer_free(second);
}

static void states_go_on(void **state)
{
    struct cove_optimizer_options o = COVE_OPTIMIZER_SGD_INIT(0.05);
    state_continues(&o);
    o.momentum = 0.9;
    state_continues(&o);
    o = (struct cove_optimizer_options)COVE_OPTIMIZER_ADAMW_INIT(0.01);
    state_continues(&o);
    o.amsgrad = 1;
    state_continues(&o);
    o.kind = COVE_OPTIMIZER_ADAM;
    state_continues(&o);
}

static void state_of_another_is_refused(void **state)
{
    struct cove_optimizer_options sgd = COVE_OPTIMIZER_SGD_INIT(0.05), adamw = COVE_OPTIMIZER_ADAMW_INIT(0.05);
    struct cove_error err = COVE_ERROR_INIT;
    struct subject a, b;
    cove_optimizer *first, *second;
    cove_value *tree;
    init(&a);
    init(&b);
    b.shape[0] = TABLE_N - 1;
    assert_int_equal(cove_optimizer_new(&adamw, &a.parameter, 1, &first, NULL), 0);
    step(&a, first, 0);
    assert_int_equal(cove_optimizer_state_dict(first, &tree, NULL), 0);

    assert_int_equal(cove_optimizer_new(&sgd, &a.parameter, 1, &second, NULL), 0);
    assert_int_equal(cove_optimizer_load_state_dict(second, tree, &err), COVE_EMISMATCH);
    assert_non_null(strstr(err.message, "SGD"));
    cove_optimizer_free(second);

    assert_int_equal(cove_optimizer_new(&adamw, &b.parameter, 1, &second, NULL), 0);
    assert_int_equal(cove_optimizer_load_state_dict(second, tree, &err), COVE_EMISMATCH);
    assert_non_null(strstr(err.message, "exp_avg of parameter p"));
    cove_optimizer_free(second);

    assert_int_equal(cove_optimizer_new(&adamw, &a.parameter, 1, &second, NULL), 0);
    assert_int_equal(cove_optimizer_add_param_group(second, &adamw, NULL, 0, NULL), 0);
    assert_int_equal(cove_optimizer_load_state_dict(second, tree, &err), COVE_EMISMATCH);
    assert_non_null(strstr(err.message, "1 groups in the checkpoint, 2 here"));
    cove_optimizer_free(second);
    cove_value_unref(tree);
    cove_optimizer_free(first);
}

static void arguments_are_checked(void **state)
{
    struct cove_optimizer_options o = COVE_OPTIMIZER_SGD_INIT(-1);
    struct cove_error err = COVE_ERROR_INIT;
    struct subject s;
    cove_optimizer *optimizer = NULL;
    init(&s);
    assert_int_equal(cove_optimizer_new(&o, &s.parameter, 1, &optimizer, &err), COVE_EINVAL);
    o.lr = 0.1;
    o.nesterov = 1;
    assert_int_equal(cove_optimizer_new(&o, &s.parameter, 1, &optimizer, &err), COVE_EINVAL);
    o = (struct cove_optimizer_options)COVE_OPTIMIZER_ADAMW_INIT(0.1);
    o.beta2 = 1;
    assert_int_equal(cove_optimizer_new(&o, &s.parameter, 1, &optimizer, &err), COVE_EINVAL);
    o.beta2 = 0.9;
    s.parameter.value.dtype = COVE_DTYPE_FLOAT64;
    assert_int_equal(cove_optimizer_new(&o, &s.parameter, 1, &optimizer, &err), COVE_ENOTSUP);
    assert_non_null(strstr(err.message, "p is float64"));
    s.parameter.value.dtype = COVE_DTYPE_FLOAT32;
    o.size = 0;
    assert_int_equal(cove_optimizer_new(&o, &s.parameter, 1, &optimizer, &err), COVE_EINVAL);
    assert_null(optimizer);
}

static void survives_lack_of_memory(void **state)
{
    struct cove_optimizer_options o = COVE_OPTIMIZER_ADAMW_INIT(0.01);
    int done = 0;
    o.amsgrad = 1;
    for (unsigned long n = 1; !done; n++) {
        struct subject s;
        cove_optimizer *optimizer = NULL;
        cove_value *tree = NULL;
        init(&s);
        cove__mem_fail(n, 0);
        int rc = cove_optimizer_new(&o, &s.parameter, 1, &optimizer, NULL);
        if (rc == 0)
            rc = cove_optimizer_step(optimizer, NULL);
        if (rc == 0)
            rc = cove_optimizer_state_dict(optimizer, &tree, NULL);
        if (rc == 0)
            rc = cove_optimizer_load_state_dict(optimizer, tree, NULL);
        done = cove__mem_fail(0, 0) < n;
        assert_true(rc == 0 || rc == COVE_ENOMEM);
        assert_int_equal(done, rc == 0);
        cove_value_unref(tree);
        cove_optimizer_free(optimizer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sgd_as_torch),
        cmocka_unit_test(adam_as_torch),
        cmocka_unit_test(schedules_as_torch),
        cmocka_unit_test(states_go_on),
        cmocka_unit_test(state_of_another_is_refused),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
