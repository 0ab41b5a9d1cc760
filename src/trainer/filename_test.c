/* Names of checkpoints from templates; each expectation is what Lightning's format_checkpoint_name gives. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "trainer/filename.h"

static bool field(void *user, const char *name, struct cove__field *ret)
{
    if (strcmp(name, "epoch") == 0)
        *ret = (struct cove__field){ .is_int = true, .i = 4 };
    else if (strcmp(name, "step") == 0)
        *ret = (struct cove__field){ .is_int = true, .i = 500 };
    else if (strcmp(name, "broken") == 0)
        *ret = (struct cove__field){ .d = -NAN };
    else if (strcmp(name, "val/loss") == 0 || strcmp(name, "val_loss") == 0)
        *ret = (struct cove__field){ .d = (double)0.123456f };
    else
        return false;
    return true;
}

static void gives(const char *text, bool insert, const char *expected)
{
    struct cove__buf out = COVE__BUF_INIT(256);
    assert_int_equal(cove__format_filename(text, insert, field, NULL, &out, NULL), 0);
    assert_string_equal(cove__buf_str(&out), expected);
    cove__buf_done(&out);
}

static void names_as_lightning(void **state)
{
    gives("{epoch}-{step}", true, "epoch=4-step=500");
    gives("{epoch:03d}", true, "epoch=004");
    gives("{epoch}-{val_loss:.2f}", true, "epoch=4-val_loss=0.12");
    gives("epoch={epoch}-validation_loss={val_loss:.2f}", false, "epoch=4-validation_loss=0.12");
    gives("{val_loss}", true, "val_loss=0.12345600128173828");
    gives("{val/loss:.1e}", true, "val/loss=1.2e-01");
    gives("{missing:d}", true, "missing=0");
    gives("{missing:.2f}", true, "missing=0.00");
    gives("{missing}", true, "missing=0");
    gives("{step:8.1f}", false, "   500.0");
    gives("{val_loss:g}", false, "0.123456");
    gives("{epoch:.1f}", false, "4.0");
    gives("plain", true, "plain");
    gives("{broken}", true, "broken=nan");
    gives("{broken:.2f}", true, "broken=nan");
}

static void refuses(const char *text, const char *why)
{
    struct cove__buf out = COVE__BUF_INIT(256);
    struct cove_error err = COVE_ERROR_INIT;
    assert_int_equal(cove__format_filename(text, true, field, NULL, &out, &err), COVE_EINVAL);
    if (!strstr(err.message, why))
        fail_msg("%s: %s", text, err.message);
    cove__buf_done(&out);
}

static void bad_templates_are_named(void **state)
{
    refuses("{epoch", "not closed");
    refuses("{epoch-{val_loss}", "not closed");
    refuses("{}", "empty name");
    refuses("{:d}", "empty name");
    refuses("{epoch:q}", "the format must be");
    refuses("{epoch:999d}", "the format must be");
    refuses("{epoch:.2d}", "the format must be");
    refuses("{epoch:d }", "the format must be");
    refuses("{val_loss:d}", "not a whole number");
}

static void a_name_fits_its_template(void **state)
{
    static const struct {
        const char *text;
        bool insert, fits;
        const char *name;
    } cases[] = {
        { "{epoch}-{step}", true, true, "epoch=4-step=500.ckpt" },
        { "{epoch}-{step}", true, true, "epoch=4-step=500-v12.ckpt" },
        { "{epoch}-{val_loss:.2f}", true, true, "epoch=4-val_loss=-1e-05.ckpt" },
        { "{epoch}-{val_loss:.2f}", true, true, "epoch=4-val_loss=-inf.ckpt" },
        { "{epoch}-{val_loss}", false, true, "4--0.5.ckpt" },
        { "{val/loss:.1e}", true, true, "val/loss=1.2e-01.ckpt" },
        { "best/{epoch}", true, true, "best/epoch=1.ckpt" },
        { "{a:8.1f}x{b}", false, true, "   500.0x1.ckpt" },
        { "last", true, true, "last.ckpt" },
        { "last", true, true, "last-v1.ckpt" },
        { "a-v1", true, true, "a-v1.ckpt" },
        { "last", true, false, "last.txt" },
        { "last", true, false, "last-v.ckpt" },
        { "last", true, false, "last-vx1.ckpt" },
        { "last", true, false, "blast.ckpt" },
        { "{epoch}-{step}", true, false, "epoch=4-step=500" },
        { "{epoch}-{step}", true, false, "epoch=4.ckpt" },
        { "{epoch}-{step}", true, false, "epoch=4-step=my notes.ckpt" },
        { "{epoch}-{step}", true, false, "link/epoch=4-step=500.ckpt" },
        { "{epoch}-{step}", true, false, "/epoch=4-step=500.ckpt" },
        { "{epoch}", false, false, "a/4.ckpt" },
        { "{epoch}", false, false, ".ckpt" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cove__filename_fits(cases[i].text, cases[i].insert, cases[i].name) != cases[i].fits)
            fail_msg("%s, %s", cases[i].text, cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_fits_its_template),
        cmocka_unit_test(names_as_lightning),
        cmocka_unit_test(bad_templates_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
