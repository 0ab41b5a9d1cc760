/* Threads and forks: one cove_fs, many users. */
#include "contract.h"

#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *shared, *folder;

/* One thread's work: its own files, and one that all read. */
static const char *work(size_t number)
{
    char path[4096];
    uint8_t data[5000];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/t%zu-%zu", folder, number, i);
        fill(data, sizeof(data), number * 100 + i, 0);
        if (cove_fs_write_file(w.fs, path, data, sizeof(data), NULL, NULL) < 0)
            return "write_file failed";
        memset(data, 0, sizeof(data));
        if (cove_fs_read_range(w.fs, path, 1000, data, 3000, NULL, NULL) != 3000 ||
            !filled(data, 3000, number * 100 + i, 1000))
            return "what was written did not come back";
        if (cove_fs_read_range(w.fs, shared, (int64_t)(number * 1000 + i), data, 500, NULL, NULL) != 500 ||
            !filled(data, 500, 120, number * 1000 + i))
            return "the shared file was read wrong";
        if (cove_fs_exists(w.fs, path, NULL, NULL) != 1)
            return "a written file does not exist";
        if (i % 3 == 0 && cove_fs_remove(w.fs, path, NULL, NULL) < 0)
            return "remove failed";
    }
    cove_fs *again;
    if (cove_fs_from_url(w.root, NULL, &again, NULL, NULL) < 0 || again != w.fs)
        return "another instance for the same store";
    cove_fs_unref(again);
    return NULL;
}

static void sixty_four_threads(void **state)
{
    (void)state;
    shared = at("shared");
    folder = at("d");
    put_filled(shared, 200000, 120);
    OK(cove_fs_mkdir(w.fs, folder, NULL, &err));
    in_threads(64, work);
    cove_listing *listing;
    OK(cove_fs_list(w.fs, folder, NULL, &listing, &err));
    assert_int_equal(count(listing), 64 * 2);
}

static const char *stream(size_t number)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/s%zu", folder, number);
    const size_t size = 6 * MIB + number * 1001;
    uint8_t *data = malloc(size);
    if (!data)
        return "no memory";
    fill(data, size, number, 0);
    const char *trouble = NULL;
    cove_writer *writer = NULL;
    cove_reader *reader = NULL;
    if (cove_writer_open(w.fs, path, NULL, NULL, &writer, NULL) < 0)
        trouble = "no writer";
    for (size_t done = 0; !trouble && done < size; done += 500000)
        if (cove_writer_write(writer, data + done, size - done < 500000 ? size - done : 500000, NULL) < 0)
            trouble = "a write failed";
    if (!trouble && cove_writer_finish(writer, NULL) < 0)
        trouble = "finish failed";
    cove_writer_free(writer);
    if (!trouble && cove_reader_open(w.fs, path, NULL, &reader, NULL) < 0)
        trouble = "no reader";
    memset(data, 0, size);
    if (!trouble && cove_reader_read(reader, data, size, NULL) != (int64_t)size)
        trouble = "a short read";
    if (!trouble && !filled(data, size, number, 0))
        trouble = "what was written did not come back";
    cove_reader_close(reader);
    free(data);
    return trouble;
}

static void streams_side_by_side(void **state)
{
    (void)state;
    folder = at("streams");
    OK(cove_fs_mkdir(w.fs, folder, NULL, &err));
    in_threads(6, stream);
}

/* What a child of fork does with the filesystem that it inherits; its exit status: 0, or the line that failed. */
static int child_work(const char *path, cove_reader *inherited)
{
    uint8_t data[1000];
    if (cove_fs_read_range(w.fs, shared, 50000, data, 1000, NULL, NULL) != 1000 || !filled(data, 1000, 121, 50000))
        return __LINE__;
    if (cove_fs_write_file(w.fs, path, "child", 5, NULL, NULL) < 0)
        return __LINE__;
    if (inherited &&
        (cove_reader_read_at(inherited, 70000, data, 1000, NULL) != 1000 || !filled(data, 1000, 121, 70000)))
        return __LINE__;
    cove_listing *listing;
    const cove_info *info;
    if (cove_fs_list(w.fs, folder, NULL, &listing, NULL) < 0)
        return __LINE__;
    if (cove_listing_next(listing, &info, NULL) != 1)
        return __LINE__;
    cove_listing_free(listing);
    /* A grandchild, as a worker of a worker. */
    pid_t pid = fork();
    if (pid < 0)
        return __LINE__;
    if (pid == 0)
        _exit(cove_fs_exists(w.fs, path, NULL, NULL) == 1 ? 0 : 1);
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        return __LINE__;
    return cove_fs_exists(w.fs, path, NULL, NULL) == 1 ? 0 : __LINE__;
}

static int exit_line(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status))
        fail_msg("the child ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

static bool private_to_a_process(void)
{
    return strcmp(w.can->scheme, "memory") == 0;
}

static void fork_in_the_middle(void **state)
{
    (void)state;
    shared = at("shared");
    folder = at("d");
    put_filled(shared, 200000, 121);
    put(at("d/parent"), "x");
    cove_reader *reader;
    OK(cove_reader_open(w.fs, shared, NULL, &reader, &err));
    uint8_t data[1000];
    assert_int_equal(OK(cove_reader_read(reader, data, 1000, &err)), 1000);
    const char *paths[3] = { at("d/child0"), at("d/child1"), at("d/child2") };
    pid_t pids[3];
    for (size_t i = 0; i < 3; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0)
            _exit(child_work(paths[i], i == 0 ? reader : NULL) % 251);
        /* The parent continues meanwhile, on its own connections. */
        assert_int_equal(OK(cove_reader_read(reader, data, 1000, &err)), 1000);
        assert_true(filled(data, 1000, 121, (i + 1) * 1000));
        put(at("d/parent"), "y");
    }
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(exit_line(pids[i]), 0);
    cove_reader_close(reader);
    for (size_t i = 0; i < 3; i++) {
        if (private_to_a_process()) /* the child's memory is the child's */
            gone(paths[i]);
        else
            has(paths[i], "child");
    }
}

static atomic_bool stop;

static const char *busy_or_forking(size_t number)
{
    char path[4096];
    if (number > 0) {
        snprintf(path, sizeof(path), "%s/busy%zu", folder, number);
        while (!atomic_load(&stop))
            if (cove_fs_write_file(w.fs, path, "x", 1, NULL, NULL) < 0 || cove_fs_exists(w.fs, path, NULL, NULL) != 1)
                return "the parent's threads were disturbed by a fork";
        return NULL;
    }
    const char *trouble = NULL;
    for (int i = 0; i < 10 && !trouble; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            uint8_t data[100];
            int64_t n = cove_fs_read_range(w.fs, shared, 100, data, 100, NULL, NULL);
            _exit(n == 100 && filled(data, 100, 122, 100) ? 0 : 1);
        }
        int status = 1;
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
            trouble = "a child forked among busy threads could not read";
    }
    atomic_store(&stop, true);
    return trouble;
}

static void fork_among_busy_threads(void **state)
{
    (void)state;
    shared = at("shared");
    folder = at("d");
    put_filled(shared, 1000, 122);
    OK(cove_fs_mkdir(w.fs, folder, NULL, &err));
    atomic_store(&stop, false);
    in_threads(5, busy_or_forking);
}

/* A child that never touches the filesystem exits without waiting for threads that it does not have. */
static void fork_and_exit(void **state)
{
    (void)state;
    put(at("f"), "x");
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        cove_fs_unref(cove_fs_ref(w.fs));
        _exit(0);
    }
    assert_int_equal(exit_line(pid), 0);
    has(at("f"), "x");
}

const struct CMUnitTest concurrency_tests[] = {
    cmocka_unit_test(sixty_four_threads), cmocka_unit_test(streams_side_by_side),
    cmocka_unit_test(fork_in_the_middle), cmocka_unit_test(fork_among_busy_threads),
    cmocka_unit_test(fork_and_exit),      { 0 },
};
