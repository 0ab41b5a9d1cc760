/* TensorBoard's messages: what is written is read back, other writers' forms are read, and what is none is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "events/event.h"
#include "wire/protobuf.h"

static const struct cove__event_at when = { 1700000000.25, 42 };

struct fixture {
    struct cove__buf b, strings;
    struct cove__event_cursor cursor;
    struct cove_event event;
};

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){ .b = COVE__BUF_INIT(1 << 20), .strings = COVE__BUF_INIT(1 << 20) };
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    cove__buf_done(&f->b);
    cove__buf_done(&f->strings);
    return 0;
}

static int first(struct fixture *f)
{
    int rc = cove__event_open(cove__buf_slice(&f->b), &f->cursor);

    assert_int_equal(cove__buf_rc(&f->b), 0);
    return rc < 0 ? rc : cove__event_next(&f->cursor, &f->strings, &f->event);
}

static int next(struct fixture *f)
{
    return cove__event_next(&f->cursor, &f->strings, &f->event);
}

static void test_scalar(void **state)
{
    struct fixture *f = *state;

    cove__event_put_scalar(&f->b, when, "train/loss", 0.25);
    assert_int_equal(first(f), 1);
    assert_int_equal(f->event.kind, COVE_EVENT_SCALAR);
    assert_string_equal(f->event.tag, "train/loss");
    assert_true(f->event.value == 0.25 && f->event.step == 42 && f->event.wall_time == 1700000000.25);
    assert_null(f->event.text);
    assert_int_equal(next(f), 0);
}

static void test_scalars_beyond_a_float(void **state)
{
    struct fixture *f = *state;

    cove__event_put_scalar(&f->b, when, "x", 1e300);
    assert_int_equal(first(f), 1);
    assert_true(isinf(f->event.value) && f->event.value > 0);
    cove__buf_reset(&f->b);
    cove__event_put_scalar(&f->b, when, "x", -1e300);
    assert_int_equal(first(f), 1);
    assert_true(isinf(f->event.value) && f->event.value < 0);
    cove__buf_reset(&f->b);
    cove__event_put_scalar(&f->b, when, "x", NAN);
    assert_int_equal(first(f), 1);
    assert_true(isnan(f->event.value));
}

static void test_version_and_negative_step(void **state)
{
    struct fixture *f = *state;

    cove__event_put_version(&f->b, 1.5);
    assert_int_equal(first(f), 1);
    assert_int_equal(f->event.kind, COVE_EVENT_VERSION);
    assert_string_equal(f->event.text, "brain.Event:2");
    assert_string_equal(f->event.tag, "");
    assert_int_equal(next(f), 0);
    cove__buf_reset(&f->b);
    cove__event_put_scalar(&f->b, (struct cove__event_at){ 1, -7 }, "x", 1);
    assert_int_equal(first(f), 1);
    assert_int_equal(f->event.step, -7);
}

static void test_text(void **state)
{
    struct fixture *f = *state;

    cove__event_put_text(&f->b, when, "note", "# Größe\nx");
    assert_int_equal(first(f), 1);
    assert_int_equal(f->event.kind, COVE_EVENT_TEXT);
    assert_string_equal(f->event.tag, "note/text_summary");
    assert_string_equal(f->event.text, "# Größe\nx");
}

static void test_histogram_and_hparams(void **state)
{
    struct fixture *f = *state;
    const float values[] = { 1, 2, 3 };
    const struct cove_hparam items[] = { { "lr", COVE_HPARAM_NUMBER, NULL, 0.1 },
                                         { "name", COVE_HPARAM_STRING, "adam", 0 },
                                         { "flag", COVE_HPARAM_BOOL, NULL, 1 } };
    const char *const tags[] = { "val/loss" };
    const struct cove__hparams hparams = { items, 3, tags, 1 };
    static const char *const names[] = { "_hparams_/experiment", "_hparams_/session_start_info",
                                         "_hparams_/session_end_info" };
    struct cove__histogram h;

    assert_int_equal(cove__histogram_make(values, 3, &h), 0);
    cove__event_put_histogram(&f->b, when, "weights", &h);
    cove__histogram_done(&h);
    assert_int_equal(first(f), 1);
    assert_int_equal(f->event.kind, COVE_EVENT_HISTOGRAM);
    assert_string_equal(f->event.tag, "weights");
    for (int part = 0; part < 3; part++) {
        cove__buf_reset(&f->b);
        cove__event_put_hparams(&f->b, when, (enum cove__hparams_part)part, &hparams);
        assert_int_equal(first(f), 1);
        assert_int_equal(f->event.kind, COVE_EVENT_OTHER);
        assert_string_equal(f->event.tag, names[part]);
    }
}

/* A value whose tensor is written as `put` does, of the plugin `plugin` (NULL: no metadata). */
static void put_tensor_event(struct fixture *f, const char *plugin, void (*put)(struct cove__buf *))
{
    size_t summary, value, metadata, data, tensor;

    cove__buf_reset(&f->b);
    summary = cove__pb_begin(&f->b, 5);
    value = cove__pb_begin(&f->b, 1);
    cove__pb_string(&f->b, 1, "t");
    if (plugin) {
        metadata = cove__pb_begin(&f->b, 9);
        data = cove__pb_begin(&f->b, 1);
        cove__pb_string(&f->b, 1, plugin);
        cove__pb_end(&f->b, data);
        cove__pb_end(&f->b, metadata);
    }
    tensor = cove__pb_begin(&f->b, 8);
    put(&f->b);
    cove__pb_end(&f->b, tensor);
    cove__pb_end(&f->b, value);
    cove__pb_end(&f->b, summary);
    assert_int_equal(first(f), 1);
}

static void put_float_content(struct cove__buf *b)
{
    cove__pb_int(b, 1, 1);
    cove__pb_bytes(b, 4, cove__slice("\0\0\xc0\x3f", 4));
}

static void put_float_val(struct cove__buf *b)
{
    cove__pb_int(b, 1, 1);
    cove__pb_float(b, 5, 1.5f);
}

static void put_packed_double(struct cove__buf *b)
{
    size_t mark;

    cove__pb_int(b, 1, 2);
    mark = cove__pb_begin(b, 6);
    cove__pb_put_double(b, 1.5);
    cove__pb_end(b, mark);
}

static void put_double_val(struct cove__buf *b)
{
    cove__pb_int(b, 1, 2);
    cove__pb_double(b, 6, 1.5);
}

static void put_two_floats(struct cove__buf *b)
{
    cove__pb_int(b, 1, 1);
    cove__pb_bytes(b, 4, cove__slice("\0\0\xc0\x3f\0\0\xc0\x3f", 8));
}

static void put_strings(struct cove__buf *b)
{
    cove__pb_int(b, 1, 7);
    cove__pb_string(b, 8, "one");
    cove__pb_string(b, 8, "two");
}

static void test_tensors_of_other_writers(void **state)
{
    static void (*const scalars[])(struct cove__buf *) = { put_float_content, put_float_val, put_packed_double,
                                                           put_double_val };
    struct fixture *f = *state;

    for (size_t i = 0; i < 4; i++) {
        put_tensor_event(f, i % 2 ? "scalars" : NULL, scalars[i]);
        assert_int_equal(f->event.kind, COVE_EVENT_SCALAR);
        assert_true(f->event.value == 1.5);
    }
    put_tensor_event(f, "scalars", put_two_floats);
    assert_int_equal(f->event.kind, COVE_EVENT_OTHER);
    put_tensor_event(f, "histograms", put_two_floats);
    assert_int_equal(f->event.kind, COVE_EVENT_HISTOGRAM);
    put_tensor_event(f, "text", put_strings);
    assert_int_equal(f->event.kind, COVE_EVENT_TEXT);
    assert_string_equal(f->event.text, "one\ntwo");
    put_tensor_event(f, "images", put_strings);
    assert_int_equal(f->event.kind, COVE_EVENT_OTHER);
    assert_string_equal(f->event.tag, "t");
}

static void test_many_values_in_one_event(void **state)
{
    struct fixture *f = *state;
    size_t summary = cove__pb_begin(&f->b, 5), value;
    const char *const tags[] = { "a", "b", "c" };

    for (int i = 0; i < 3; i++) {
        value = cove__pb_begin(&f->b, 1);
        cove__pb_string(&f->b, 1, tags[i]);
        cove__pb_float(&f->b, 2, (float)i);
        cove__pb_end(&f->b, value);
    }
    cove__pb_end(&f->b, summary);
    cove__pb_int(&f->b, 2, 9); /* the step may come last */
    assert_int_equal(first(f), 1);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(f->event.tag, tags[i]);
        assert_true(f->event.value == i && f->event.step == 9);
        assert_int_equal(next(f), i < 2);
    }
}

static void test_other_events_and_unknown_fields(void **state)
{
    struct fixture *f = *state;

    cove__pb_string(&f->b, 4, "a graph");
    cove__pb_uint(&f->b, 99, 1);
    assert_int_equal(first(f), 1);
    assert_int_equal(f->event.kind, COVE_EVENT_OTHER);
    assert_int_equal(next(f), 0);
}

/* A message cut anywhere is refused or read, but nothing beyond it is touched; and what stands open is refused. */
static void test_cut_messages(void **state)
{
    struct fixture *f = *state;

    cove__event_put_text(&f->b, when, "note", "text");
    for (size_t cut = 0; cut < f->b.size; cut++) {
        uint8_t *part = cove__malloc(cut);
        int rc;

        if (cut > 0)
            memcpy(part, f->b.data, cut);
        rc = cove__event_open(cove__slice(part, cut), &f->cursor);
        if (cut > 11) /* behind wall time and step stands the summary */
            assert_int_equal(rc, COVE_ECORRUPT);
        cove__free(part);
    }
}

static void test_memory_runs_out(void **state)
{
    struct fixture *f = *state;
    unsigned long nth = 0;
    int rc;

    cove__event_put_text(&f->b, when, "a tag that is longer than sixty-four bytes, so that memory must grow, and more",
                         "a text that is longer than sixty-four bytes, so that memory must grow, and more");
    do {
        struct cove__buf strings = COVE__BUF_INIT(1000);

        assert_int_equal(cove__event_open(cove__buf_slice(&f->b), &f->cursor), 0);
        cove__mem_fail(++nth, 1);
        rc = cove__event_next(&f->cursor, &strings, &f->event);
        cove__mem_fail(0, 0);
        assert_true(rc == 1 || rc == COVE_ENOMEM);
        cove__buf_done(&strings);
    } while (rc < 0);
    assert_true(nth > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_scalar, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_scalars_beyond_a_float, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_version_and_negative_step, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_histogram_and_hparams, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tensors_of_other_writers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_values_in_one_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_events_and_unknown_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cut_messages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_memory_runs_out, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
