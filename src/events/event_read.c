/* TensorBoard's Event messages, reading: what this library writes, and what TensorFlow 1 and 2, torch and tensorboardX
 * write instead (a scalar or a histogram as a tensor of its plugin). Unknown fields are ignored, as the format
 * requires. */
#include "events/event.h"

#include <string.h>

#include <cove/error.h>

#include "wire/protobuf.h"

enum { EVENT_WALL_TIME = 1, EVENT_STEP = 2, EVENT_FILE_VERSION = 3, EVENT_SUMMARY = 5, EVENT_SOURCE_METADATA = 10 };
enum { SUMMARY_VALUE = 1 };
enum { VALUE_TAG = 1, VALUE_SIMPLE = 2, VALUE_HISTO = 5, VALUE_TENSOR = 8, VALUE_METADATA = 9 };
enum { METADATA_PLUGIN_DATA = 1, PLUGIN_NAME = 1 };
enum { TENSOR_DTYPE = 1, TENSOR_CONTENT = 4, TENSOR_FLOAT_VAL = 5, TENSOR_DOUBLE_VAL = 6, TENSOR_STRING_VAL = 8 };
enum { DT_FLOAT = 1, DT_DOUBLE = 2, DT_STRING = 7 };

int cove__event_open(struct cove__slice payload, struct cove__event_cursor *ret)
{
    struct cove__event_cursor c = { 0 };
    struct cove__pb_field f;
    int rc;

    while ((rc = cove__pb_next(&payload, &f)) == 1) {
        if (cove__pb_is(&f, EVENT_WALL_TIME, COVE__PB_FIXED64)) {
            c.at.wall_time = cove__pb_as_double(f.value);
        } else if (cove__pb_is(&f, EVENT_STEP, COVE__PB_VARINT)) {
            c.at.step = (int64_t)f.value;
        } else if (cove__pb_is(&f, EVENT_FILE_VERSION, COVE__PB_BYTES)) {
            c.version = f.bytes;
            c.has_version = true;
        } else if (cove__pb_is(&f, EVENT_SUMMARY, COVE__PB_BYTES)) {
            c.summary = f.bytes;
            c.has_summary = true;
        } else if (f.number != EVENT_SOURCE_METADATA) {
            c.has_other = true;
        }
    }
    if (rc == 0)
        *ret = c;
    return rc;
}

struct tensor {
    uint64_t dtype;
    struct cove__slice content, floats, doubles; /* packed, or one unpacked element */
    size_t n_strings;
};

/* An unpacked repeated field of numbers comes as single values: only one is of interest, a scalar's. */
static void note_unpacked(struct cove__slice *slot, const struct cove__slice *whole, struct cove__slice rest,
                          size_t width)
{
    size_t end = whole->size - rest.size;

    *slot = cove__slice_sub(*whole, end - width, width);
}

static int parse_tensor(struct cove__slice in, struct tensor *ret, struct cove__buf *text)
{
    const struct cove__slice whole = in;
    struct tensor t = { 0 };
    struct cove__pb_field f;
    int rc;

    while ((rc = cove__pb_next(&in, &f)) == 1) {
        if (cove__pb_is(&f, TENSOR_DTYPE, COVE__PB_VARINT)) {
            t.dtype = f.value;
        } else if (cove__pb_is(&f, TENSOR_CONTENT, COVE__PB_BYTES)) {
            t.content = f.bytes;
        } else if (cove__pb_is(&f, TENSOR_FLOAT_VAL, COVE__PB_BYTES)) {
            t.floats = f.bytes;
        } else if (cove__pb_is(&f, TENSOR_FLOAT_VAL, COVE__PB_FIXED32)) {
            note_unpacked(&t.floats, &whole, in, 4);
        } else if (cove__pb_is(&f, TENSOR_DOUBLE_VAL, COVE__PB_BYTES)) {
            t.doubles = f.bytes;
        } else if (cove__pb_is(&f, TENSOR_DOUBLE_VAL, COVE__PB_FIXED64)) {
            note_unpacked(&t.doubles, &whole, in, 8);
        } else if (cove__pb_is(&f, TENSOR_STRING_VAL, COVE__PB_BYTES)) {
            if (t.n_strings++ > 0)
                cove__buf_add_char(text, '\n');
            cove__buf_add_slice(text, f.bytes);
        }
    }
    *ret = t;
    return rc < 0 ? rc : cove__buf_rc(text);
}

/* The one element of a tensor of floats or doubles; false where it isn't one. */
static bool tensor_scalar(const struct tensor *t, double *ret)
{
    struct cove__slice raw = t->content;
    uint64_t bits = 0;

    if (t->dtype == DT_FLOAT) {
        raw = t->floats.size ? t->floats : raw;
        if (raw.size != 4)
            return false;
    } else if (t->dtype == DT_DOUBLE) {
        raw = t->doubles.size ? t->doubles : raw;
        if (raw.size != 8)
            return false;
    } else {
        return false;
    }
    for (size_t i = 0; i < raw.size; i++)
        bits |= (uint64_t)raw.data[i] << 8 * i;
    *ret = t->dtype == DT_FLOAT ? (double)cove__pb_as_float(bits) : cove__pb_as_double(bits);
    return true;
}

/* The plugin that a value's metadata names, or an empty slice. */
static int plugin_of(struct cove__slice metadata, struct cove__slice *ret)
{
    struct cove__pb_field f;
    struct cove__slice data = { 0 }, name = { 0 };
    int rc;

    while ((rc = cove__pb_next(&metadata, &f)) == 1)
        if (cove__pb_is(&f, METADATA_PLUGIN_DATA, COVE__PB_BYTES))
            data = f.bytes;
    while (rc == 0 && (rc = cove__pb_next(&data, &f)) == 1) {
        if (cove__pb_is(&f, PLUGIN_NAME, COVE__PB_BYTES))
            name = f.bytes;
        rc = 0;
    }
    *ret = name;
    return rc;
}

/* The kind and value of a summary's value, whose text is added to `text`. */
static int parse_value(struct cove__slice in, struct cove__slice *ret_tag, struct cove__buf *text,
                       struct cove_event *ret)
{
    struct cove__pb_field f;
    struct cove__slice metadata = { 0 }, tensor_bytes = { 0 }, plugin;
    struct tensor tensor = { 0 };
    bool has_tensor = false;
    int rc;

    while ((rc = cove__pb_next(&in, &f)) == 1) {
        if (cove__pb_is(&f, VALUE_TAG, COVE__PB_BYTES)) {
            *ret_tag = f.bytes;
        } else if (cove__pb_is(&f, VALUE_SIMPLE, COVE__PB_FIXED32)) {
            ret->kind = COVE_EVENT_SCALAR;
            ret->value = (double)cove__pb_as_float(f.value);
        } else if (cove__pb_is(&f, VALUE_HISTO, COVE__PB_BYTES)) {
            ret->kind = COVE_EVENT_HISTOGRAM;
        } else if (cove__pb_is(&f, VALUE_METADATA, COVE__PB_BYTES)) {
            metadata = f.bytes;
        } else if (cove__pb_is(&f, VALUE_TENSOR, COVE__PB_BYTES)) {
            tensor_bytes = f.bytes;
            has_tensor = true;
        }
    }
    if (rc == 0)
        rc = plugin_of(metadata, &plugin);
    if (rc == 0 && has_tensor) {
        rc = parse_tensor(tensor_bytes, &tensor, text);
        if (cove__slice_is(plugin, "histograms"))
            ret->kind = COVE_EVENT_HISTOGRAM;
        else if (tensor.dtype == DT_STRING && (plugin.size == 0 || cove__slice_is(plugin, "text")))
            ret->kind = COVE_EVENT_TEXT;
        else if ((plugin.size == 0 || cove__slice_is(plugin, "scalars")) && tensor_scalar(&tensor, &ret->value))
            ret->kind = COVE_EVENT_SCALAR;
    }
    return rc;
}

int cove__event_next(struct cove__event_cursor *cursor, struct cove__buf *strings, struct cove_event *ret)
{
    struct cove_event event = { .kind = COVE_EVENT_OTHER, .step = cursor->at.step, .wall_time = cursor->at.wall_time };
    struct cove__slice tag = { 0 };
    struct cove__pb_field f;
    size_t tag_at;
    int rc = 1;

    /* The text first, its NUL, then the tag: two C strings in one buf, whose memory may move until both are in. */
    cove__buf_reset(strings);
    if (cursor->has_version) {
        cursor->has_version = false;
        event.kind = COVE_EVENT_VERSION;
        cove__buf_add_slice(strings, cursor->version);
    } else if (cursor->has_summary) {
        do
            rc = cove__pb_next(&cursor->summary, &f);
        while (rc == 1 && !cove__pb_is(&f, SUMMARY_VALUE, COVE__PB_BYTES));
        if (rc == 1) {
            rc = parse_value(f.bytes, &tag, strings, &event);
            rc = rc < 0 ? rc : 1;
        }
    } else if (cursor->has_other) {
        cursor->has_other = false;
    } else {
        rc = 0;
    }
    if (rc != 1)
        return rc;
    cove__buf_add_char(strings, '\0');
    tag_at = strings->size;
    cove__buf_add_slice(strings, tag);
    if (cove__buf_rc(strings) < 0)
        return cove__buf_rc(strings);
    event.tag = (const char *)strings->data + tag_at;
    event.text = event.kind == COVE_EVENT_TEXT || event.kind == COVE_EVENT_VERSION ? (const char *)strings->data : NULL;
    *ret = event;
    return 1;
}
