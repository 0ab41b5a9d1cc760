/* TensorBoard's Event messages, writing. The choices are those that every reader knows: scalars as simple_value, text
 * as a string tensor of the text plugin, histograms as HistogramProto, hyperparameters as the hparams plugin's three
 * summaries. */
#include "events/event.h"

#include <float.h>
#include <math.h>

#include "wire/protobuf.h"

enum { EVENT_WALL_TIME = 1, EVENT_STEP = 2, EVENT_FILE_VERSION = 3, EVENT_SUMMARY = 5, EVENT_SOURCE_METADATA = 10 };
enum { SUMMARY_VALUE = 1 };
enum { VALUE_TAG = 1, VALUE_SIMPLE = 2, VALUE_HISTO = 5, VALUE_TENSOR = 8, VALUE_METADATA = 9 };
enum { METADATA_PLUGIN_DATA = 1, PLUGIN_NAME = 1, PLUGIN_CONTENT = 2 };
enum { TENSOR_DTYPE = 1, TENSOR_SHAPE = 2, TENSOR_STRING_VAL = 8, SHAPE_DIM = 2, DIM_SIZE = 1, DT_STRING = 7 };
enum { HISTO_MIN = 1, HISTO_MAX, HISTO_NUM, HISTO_SUM, HISTO_SUM_SQUARES, HISTO_LIMIT, HISTO_BUCKET };
enum { HPARAMS_EXPERIMENT = 2, HPARAMS_SESSION_START = 3, HPARAMS_SESSION_END = 4 };
enum { EXPERIMENT_HPARAM_INFOS = 4, EXPERIMENT_METRIC_INFOS = 5, INFO_NAME = 1, INFO_TYPE = 4, METRIC_TAG = 2 };
enum { START_HPARAMS = 1, START_TIME_SECS = 5, END_STATUS = 1, END_TIME_SECS = 2, STATUS_SUCCESS = 1 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2, VALUE_NUMBER = 2, VALUE_STRING = 3, VALUE_BOOL = 4 };

struct marks {
    size_t summary, value;
};

/* An Event with a summary of one value, open for what the value holds. */
static struct marks begin(struct cove__buf *b, struct cove__event_at at, const char *tag, const char *tag_suffix)
{
    struct marks m;
    size_t name;

    cove__pb_double(b, EVENT_WALL_TIME, at.wall_time);
    cove__pb_int(b, EVENT_STEP, at.step);
    m.summary = cove__pb_begin(b, EVENT_SUMMARY);
    m.value = cove__pb_begin(b, SUMMARY_VALUE);
    name = cove__pb_begin(b, VALUE_TAG);
    cove__buf_add_str(b, tag);
    cove__buf_add_str(b, tag_suffix);
    cove__pb_end(b, name);
    return m;
}

static void end(struct cove__buf *b, struct marks m)
{
    cove__pb_end(b, m.value);
    cove__pb_end(b, m.summary);
}

void cove__event_put_version(struct cove__buf *b, double wall_time)
{
    size_t source;

    cove__pb_double(b, EVENT_WALL_TIME, wall_time);
    cove__pb_string(b, EVENT_FILE_VERSION, "brain.Event:2");
    source = cove__pb_begin(b, EVENT_SOURCE_METADATA);
    cove__pb_string(b, 1, "cove");
    cove__pb_end(b, source);
}

void cove__event_put_scalar(struct cove__buf *b, struct cove__event_at at, const char *tag, double value)
{
    struct marks m = begin(b, at, tag, "");
    float narrow = fabs(value) > FLT_MAX ? (value > 0 ? INFINITY : -INFINITY) : (float)value;

    cove__pb_float(b, VALUE_SIMPLE, narrow);
    end(b, m);
}

static void put_plugin(struct cove__buf *b, const char *name, struct cove__slice content)
{
    size_t metadata = cove__pb_begin(b, VALUE_METADATA);
    size_t data = cove__pb_begin(b, METADATA_PLUGIN_DATA);

    cove__pb_string(b, PLUGIN_NAME, name);
    if (content.size)
        cove__pb_bytes(b, PLUGIN_CONTENT, content);
    cove__pb_end(b, data);
    cove__pb_end(b, metadata);
}

void cove__event_put_text(struct cove__buf *b, struct cove__event_at at, const char *tag, const char *text)
{
    struct marks m = begin(b, at, tag, "/text_summary");
    size_t tensor, shape, dim;

    put_plugin(b, "text", cove__slice("", 0));
    tensor = cove__pb_begin(b, VALUE_TENSOR);
    cove__pb_int(b, TENSOR_DTYPE, DT_STRING);
    shape = cove__pb_begin(b, TENSOR_SHAPE);
    dim = cove__pb_begin(b, SHAPE_DIM);
    cove__pb_int(b, DIM_SIZE, 1);
    cove__pb_end(b, dim);
    cove__pb_end(b, shape);
    cove__pb_string(b, TENSOR_STRING_VAL, text);
    cove__pb_end(b, tensor);
    end(b, m);
}

void cove__event_put_histogram(struct cove__buf *b, struct cove__event_at at, const char *tag,
                               const struct cove__histogram *h)
{
    struct marks m = begin(b, at, tag, "");
    size_t histo = cove__pb_begin(b, VALUE_HISTO), packed;

    cove__pb_double(b, HISTO_MIN, h->min);
    cove__pb_double(b, HISTO_MAX, h->max);
    cove__pb_double(b, HISTO_NUM, (double)h->count);
    cove__pb_double(b, HISTO_SUM, h->sum);
    cove__pb_double(b, HISTO_SUM_SQUARES, h->sum_squares);
    packed = cove__pb_begin(b, HISTO_LIMIT);
    for (size_t i = 0; i < h->n; i++)
        cove__pb_put_double(b, h->limits[i]);
    cove__pb_end(b, packed);
    packed = cove__pb_begin(b, HISTO_BUCKET);
    for (size_t i = 0; i < h->n; i++)
        cove__pb_put_double(b, (double)h->counts[i]);
    cove__pb_end(b, packed);
    cove__pb_end(b, histo);
    end(b, m);
}

/* api.proto's DataType */
static int data_type(enum cove_hparam_type type)
{
    return type == COVE_HPARAM_STRING ? 1 : type == COVE_HPARAM_BOOL ? 2 : 3;
}

static void put_experiment(struct cove__buf *b, const struct cove__hparams *h)
{
    for (size_t i = 0; i < h->n; i++) {
        size_t info = cove__pb_begin(b, EXPERIMENT_HPARAM_INFOS);

        cove__pb_string(b, INFO_NAME, h->items[i].name);
        cove__pb_int(b, INFO_TYPE, data_type(h->items[i].type));
        cove__pb_end(b, info);
    }
    for (size_t i = 0; i < h->n_metric_tags; i++) {
        size_t info = cove__pb_begin(b, EXPERIMENT_METRIC_INFOS);
        size_t name = cove__pb_begin(b, INFO_NAME);

        cove__pb_string(b, METRIC_TAG, h->metric_tags[i]);
        cove__pb_end(b, name);
        cove__pb_end(b, info);
    }
}

static void put_session_start(struct cove__buf *b, const struct cove__hparams *h, double wall_time)
{
    for (size_t i = 0; i < h->n; i++) {
        const struct cove_hparam *item = &h->items[i];
        size_t entry = cove__pb_begin(b, START_HPARAMS);
        size_t value;

        cove__pb_string(b, ENTRY_KEY, item->name);
        value = cove__pb_begin(b, ENTRY_VALUE);
        if (item->type == COVE_HPARAM_STRING)
            cove__pb_string(b, VALUE_STRING, item->string ? item->string : "");
        else if (item->type == COVE_HPARAM_BOOL)
            cove__pb_uint(b, VALUE_BOOL, item->number != 0);
        else
            cove__pb_double(b, VALUE_NUMBER, item->number);
        cove__pb_end(b, value);
        cove__pb_end(b, entry);
    }
    cove__pb_double(b, START_TIME_SECS, wall_time);
}

void cove__event_put_hparams(struct cove__buf *b, struct cove__event_at at, enum cove__hparams_part part,
                             const struct cove__hparams *h)
{
    static const struct {
        const char *tag;
        unsigned field;
    } parts[] = {
        [COVE__HPARAMS_EXPERIMENT] = { "_hparams_/experiment", HPARAMS_EXPERIMENT },
        [COVE__HPARAMS_START] = { "_hparams_/session_start_info", HPARAMS_SESSION_START },
        [COVE__HPARAMS_END] = { "_hparams_/session_end_info", HPARAMS_SESSION_END },
    };
    struct marks m = begin(b, at, parts[part].tag, "");
    /* The plugin's content lies in the value's metadata; the value itself is empty. Content's version, field 1, is 0:
     * left out. */
    size_t metadata = cove__pb_begin(b, VALUE_METADATA);
    size_t data = cove__pb_begin(b, METADATA_PLUGIN_DATA);
    size_t content, message;

    cove__pb_string(b, PLUGIN_NAME, "hparams");
    content = cove__pb_begin(b, PLUGIN_CONTENT);
    message = cove__pb_begin(b, parts[part].field);
    if (part == COVE__HPARAMS_EXPERIMENT) {
        put_experiment(b, h);
    } else if (part == COVE__HPARAMS_START) {
        put_session_start(b, h, at.wall_time);
    } else {
        cove__pb_int(b, END_STATUS, STATUS_SUCCESS);
        cove__pb_double(b, END_TIME_SECS, at.wall_time);
    }
    cove__pb_end(b, message);
    cove__pb_end(b, content);
    cove__pb_end(b, data);
    cove__pb_end(b, metadata);
    end(b, m);
}
