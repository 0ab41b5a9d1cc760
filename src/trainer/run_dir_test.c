/* Runs that start at the same time in one root: each takes its own version_N. */
#include "trainer/testing.h"

#include <pthread.h>
#include <stdlib.h>

#define RUNS   8
#define ROUNDS 10

struct start {
    pthread_barrier_t *barrier;
    const char *root;
    char dir[256];
    int rc;
};

static void *start(void *user)
{
    struct start *s = user;
    struct cove_logger_options o = COVE_LOGGER_OPTIONS_INIT;
    cove_logger *logger;
    s->rc = cove_csv_logger_new(&o, &logger, NULL);
    pthread_barrier_wait(s->barrier);
    if (s->rc < 0)
        return NULL;
    s->rc = logger->open(logger->self, s->root, NULL, NULL);
    if (s->rc == 0)
        snprintf(s->dir, sizeof s->dir, "%s", logger->log_dir(logger->self));
    if (s->rc == 0)
        s->rc = logger->close(logger->self, NULL);
    cove_logger_free(logger);
    return NULL;
}

static void start_together(const char *root)
{
    struct start starts[RUNS];
    pthread_t threads[RUNS];
    pthread_barrier_t barrier;
    assert_int_equal(pthread_barrier_init(&barrier, NULL, RUNS), 0);
    for (int i = 0; i < RUNS; i++) {
        starts[i] = (struct start){ .barrier = &barrier, .root = root };
        assert_int_equal(pthread_create(&threads[i], NULL, start, &starts[i]), 0);
    }
    for (int i = 0; i < RUNS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < RUNS; i++) {
        assert_int_equal(starts[i].rc, 0);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(starts[i].dir, starts[j].dir);
    }
    pthread_barrier_destroy(&barrier);
}

static void each_run_has_its_version(void **state)
{
    char folder[64] = "/tmp/cove-versions-XXXXXX";
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < ROUNDS; i++) {
        start_together(folder);
        start_together("memory://versions");
    }
    remove_url(folder);
    remove_url("memory://versions");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_run_has_its_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
