/* The progress bar on terminals of many widths: it is never wider, and keeps the most important parts. */
#include "trainer/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "trainer/columns.h"
#include "trainer/progress_bar.h"

static const char *const ordinary[] = { "train_loss", "train_accuracy", "grad_norm", "learning_rate", NULL };
static const char *const wide[] = { "损失函数的平均值", "точность", "e\u0301lan\u202e", "\U0001F600", NULL };
static const char *const *names;
static double shown = -0.000123456;

static int log_all(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    for (const char *const *name = names; *name; name++)
        cove_trainer_log(trainer, *name, shown, COVE_LOG_PROG_BAR);
    return 0;
}

/* The output of a bar on `fd` in two epochs, read from `from`. */
static void run_bar(int fd, int from, char *out, size_t size)
{
    static struct line model;
    struct cove_trainer_options o = quiet(2);
    cove_callback *bar;
    cove_trainer *trainer;
    size_t used = 0;
    ssize_t n;
    line_init(&model);
    model.module.training_step = log_all;
    assert_int_equal(cove__progress_bar_on(fd, 1, &bar, NULL), 0);
    o.callbacks = &bar;
    o.n_callbacks = 1;
    assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
    assert_int_equal(cove_trainer_fit(trainer, &model.module, &model.data, NULL, NULL), 0);
    cove_trainer_free(trainer);
    cove_callback_free(bar);
    while (used < size - 1 && (n = read(from, out + used, size - 1 - used)) > 0)
        used += (size_t)n;
    out[used] = '\0';
}

/* Checks that each line fits; `ret_last` gets the last one. */
static void check_lines(char *text, int columns, char *ret_last, size_t size)
{
    char *save = NULL;
    int lines = 0;
    for (char *line = strtok_r(text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
        assert_memory_equal(line, "\033[K", 3);
        line += 3;
        for (const char *p = line; *p; p++)
            assert_true((unsigned char)*p >= 0x20);
        if (cove__columns(line) >= columns)
            fail_msg("%d columns of %d: %s", cove__columns(line), columns, line);
        snprintf(ret_last, size, "%s", line);
        lines++;
    }
    assert_true(lines >= 2);
}

static void on_terminal(int columns, char *ret_last, size_t size)
{
    static char text[1 << 16];
    struct winsize ws = { .ws_row = 24, .ws_col = (unsigned short)columns };
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(slave >= 0 && ioctl(slave, TIOCSWINSZ, &ws) == 0);
    assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
    run_bar(slave, master, text, sizeof text);
    close(slave);
    close(master);
    check_lines(text, columns, ret_last, size);
}

static void lines_fit_the_terminal(void **state)
{
    static const int columns[] = { 5, 20, 40, 80, 110, 200 };
    char last[4096];
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        names = ordinary;
        on_terminal(columns[i], last, sizeof last);
        assert_true(columns[i] < 20 || strncmp(last, "Epoch 1", 7) == 0);
        assert_true(columns[i] < 20 || strstr(last, " 7/7"));
        assert_true(columns[i] < 40 || strstr(last, "train_loss=-0.000123"));
        /* At 110 columns all four with a shorter bar; at 200 everything. */
        assert_true(columns[i] < 110 ||
                    (strstr(last, "learning_rate=-0.000123") && strstr(last, "grad_norm=-0.000123")));
        assert_true(columns[i] < 200 || (strstr(last, "it/s") && strstr(last, "[========================]")));
        names = wide;
        on_terminal(columns[i], last, sizeof last);
        assert_null(strstr(last, "\u202e"));
    }
}

static void a_nan_has_no_sign(void **state)
{
    char last[4096];
    names = ordinary;
    shown = -NAN;
    on_terminal(200, last, sizeof last);
    shown = -0.000123456;
    assert_non_null(strstr(last, "train_loss=nan"));
}

/* Without a terminal size: COLUMNS, else 80. */
static void columns_come_from_the_environment(void **state)
{
    static char text[1 << 16];
    static const struct {
        const char *set;
        int columns;
    } rows[] = { { "40", 40 }, { "x", 80 }, { "-3", 80 }, { NULL, 80 } };
    char last[4096];
    names = ordinary;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fds[2];
        assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
        if (rows[i].set)
            setenv("COLUMNS", rows[i].set, 1);
        else
            unsetenv("COLUMNS");
        run_bar(fds[1], fds[0], text, sizeof text);
        close(fds[0]);
        close(fds[1]);
        check_lines(text, rows[i].columns, last, sizeof last);
        assert_true((rows[i].columns == 80) != !strstr(last, "train_accuracy="));
    }
}

static void columns_are_counted(void **state)
{
    char text[32];
    assert_int_equal(cove__columns("val_loss"), 8);
    assert_int_equal(cove__columns("损失"), 4);
    assert_int_equal(cove__columns("e\u0301"), 1);
    assert_int_equal(cove__columns("\U0001F600"), 2);
    strcpy(text, "损失损失");
    assert_int_equal(cove__columns_cut(text, sizeof text, 8), 8);
    assert_int_equal(cove__columns_cut(text, sizeof text, 6), 5);
    assert_string_equal(text, "损失…");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_fit_the_terminal),
        cmocka_unit_test(a_nan_has_no_sign),
        cmocka_unit_test(columns_come_from_the_environment),
        cmocka_unit_test(columns_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
