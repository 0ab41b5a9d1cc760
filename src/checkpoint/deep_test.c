/* Unit tests of trees of the greatest depth, on a thread with a small stack, and of shared values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>

#include <cmocka.h>

#include "checkpoint/testing.h"

#define SMALL_STACK ((size_t)256 << 10)

enum shape { LISTS, TUPLES, DICTS, KEYS };

struct job {
    enum shape shape;
    int depth;
    int save, load; /* results */
    bool found;     /* the tensor at the bottom, and its path */
};

/* A tensor, or None as the key of a dict, `depth` levels below the root. */
static cove_value *make_deep(enum shape shape, int depth)
{
    static float number = 7;
    struct cove_tensor_view view = { .dtype = COVE_DTYPE_FLOAT32, .data = &number };
    cove_value *value = NULL;
    if (shape == KEYS)
        value = cove_value_new_none();
    else
        assert_int_equal(cove_value_new_tensor(&view, &value, NULL), 0);
    for (int i = 1; i < depth; i++) {
        bool is_dict = shape == DICTS || (shape == KEYS && i + 1 == depth);
        cove_value *outer = is_dict          ? cove_value_new_dict()
                            : shape == LISTS ? cove_value_new_list()
                                             : cove_value_new_tuple();
        int rc = !is_dict        ? cove_value_append(outer, value, NULL)
                 : shape == KEYS ? cove_value_dict_set_by_value(outer, value, cove_value_new_int(1), NULL)
                                 : cove_value_dict_set(outer, "k", value, NULL);
        assert_int_equal(rc, 0);
        value = outer;
    }
    return value;
}

static void *run_job(void *user)
{
    struct job *job = user;
    struct cove__buf bytes = COVE__BUF_INIT(TESTING_MAX);
    cove_value *tree = make_deep(job->shape, job->depth), *again = NULL;
    uint64_t size = 0;
    job->save = testing_save(&cove__torch_format, tree, &bytes, &size, NULL);
    if (job->save == 0) {
        struct testing_file file = { .bytes = cove__buf_slice(&bytes) };
        job->load = testing_load(&cove__torch_format, &file, 1024, 0, &again, NULL);
    }
    const cove_value *value = again;
    for (int i = 1; value && i < job->depth; i++)
        value = job->shape == KEYS && i == 1 ? cove_value_key(value, 0) : cove_value_item(value, 0);
    job->found = value && value->type == (job->shape == KEYS ? COVE_VALUE_NONE : COVE_VALUE_TENSOR);
    if (job->found && job->shape == KEYS)
        job->found = cove_value_dict_get_by_value(again, cove_value_key(tree, 0));
    if (job->found && job->shape == DICTS) {
        char *path = malloc((size_t)2 * (size_t)job->depth);
        for (int i = 0; i < job->depth - 1; i++)
            memcpy(path + 2 * i, "k.", 2);
        path[2 * (job->depth - 1) - 1] = '\0';
        job->found = cove_value_find(again, path) == value;
        free(path);
    }
    cove_value_unref(tree);
    cove_value_unref(again);
    cove__buf_done(&bytes);
    return NULL;
}

static void run_small(struct job *job)
{
    pthread_attr_t attr;
    pthread_t thread;
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstacksize(&attr, SMALL_STACK), 0);
    assert_int_equal(pthread_create(&thread, &attr, run_job, job), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
}

static void test_deepest(void **state)
{
    (void)state;
    for (int shape = LISTS; shape <= KEYS; shape++) {
        struct job job = { .shape = (enum shape)shape, .depth = COVE__VALUE_MAX_DEPTH };
        run_small(&job);
        assert_int_equal(job.save, 0);
        assert_int_equal(job.load, 0);
        assert_true(job.found);
    }
}

static void test_deeper(void **state)
{
    (void)state;
    for (int shape = LISTS; shape <= DICTS; shape++) {
        struct job job = { .shape = (enum shape)shape, .depth = COVE__VALUE_MAX_DEPTH + 1 };
        run_small(&job);
        assert_int_equal(job.save, COVE_ELIMIT);
    }
}

/* A value that occurs twice is one value after saving and loading, its tensors too; other values stay separate. */
static void test_shared(void **state)
{
    float numbers[4] = { 1, 2, 3, 4 };
    int64_t two = 2;
    struct cove_tensor_view view = { .dtype = COVE_DTYPE_FLOAT32, .data = numbers, .n_dims = 1, .shape = &two },
                            other = view;
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__buf bytes = COVE__BUF_INIT(TESTING_MAX);
    cove_value *tree = cove_value_new_list(), *inner = cove_value_new_list(), *pair = cove_value_new_tuple();
    cove_value *a = NULL, *b = NULL, *again = NULL;
    uint64_t size = 0;
    (void)state;
    other.data = numbers + 2;
    assert_int_equal(cove_value_new_tensor(&view, &a, &err), 0);
    assert_int_equal(cove_value_new_tensor(&other, &b, &err), 0);
    cove_value_append(inner, a, &err);
    cove_value_append(inner, cove_value_new_string("text"), &err);
    cove_value_append(pair, cove_value_ref(inner), &err);
    cove_value_append(pair, inner, &err);
    cove_value_append(tree, cove_value_ref(pair), &err);
    cove_value_append(tree, pair, &err);
    cove_value_append(tree, b, &err);
    cove_value_append(tree, cove_value_ref(b), &err);
    assert_int_equal(testing_save(&cove__torch_format, tree, &bytes, &size, &err), 0);
    struct testing_file file = { .bytes = cove__buf_slice(&bytes) };
    assert_int_equal(testing_load(&cove__torch_format, &file, 1024, 0, &again, &err), 0);
    cove_value *first = cove_value_item(again, 0);
    assert_ptr_equal(first, cove_value_item(again, 1));
    assert_ptr_equal(cove_value_item(first, 0), cove_value_item(first, 1));
    assert_ptr_equal(cove_value_item(again, 2), cove_value_item(again, 3));
    const float *x = cove_value_item(cove_value_item(first, 0), 0)->u.tensor->data;
    const float *y = cove_value_item(again, 2)->u.tensor->data;
    assert_true(x[0] == 1 && x[1] == 2 && y[0] == 3 && y[1] == 4);
    cove_value_unref(tree);
    cove_value_unref(again);
    cove__buf_done(&bytes);
}

static void test_containing_itself(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *tree = cove_value_new_dict(), *list = cove_value_new_list();
    (void)state;
    assert_int_equal(cove_value_dict_set(tree, "list", cove_value_ref(list), NULL), 0);
    assert_int_equal(cove_value_append(list, cove_value_ref(tree), NULL), 0);
    assert_int_equal(cove_checkpoint_save_url("memory://deep/x.ckpt", tree, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, " contains itself"));
    cove__value_clear(list);
    cove_value_unref(list);
    cove_value_unref(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deepest),
        cmocka_unit_test(test_deeper),
        cmocka_unit_test(test_containing_itself),
        cmocka_unit_test(test_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
