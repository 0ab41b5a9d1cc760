/* Standard output as JSON: values, and what a file is. Called by the verbs with --json. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool comma; /* what comes next stands behind something */

static void separate(void)
{
    if (comma)
        cli_print(",");
    comma = true;
}

void cli_json_open(char bracket)
{
    separate();
    cli_print("%c", bracket);
    comma = false;
}

void cli_json_close(char bracket)
{
    cli_print("%c", bracket);
    comma = true;
}

static void put_string(const char *s, size_t size)
{
    cli_print("\"");
    while (size > 0) {
        uint32_t point;
        size_t n = cli_character(s, size, &point);

        unsigned surrogate = cli_surrogate(s, size);

        if (surrogate) {
            cli_print("\\u%04x", surrogate);
            n = 3;
        } else if (point == CLI_NO_CHARACTER)
            cli_print("\xef\xbf\xbd");
        else if (point == '"' || point == '\\')
            cli_print("\\%c", *s);
        else if (!cli_is_plain(point))
            cli_print("\\u%04x", (unsigned)point);
        else
            cli_print("%.*s", (int)n, s);
        s += n;
        size -= n;
    }
    cli_print("\"");
}

void cli_json_key(const char *key)
{
    separate();
    put_string(key, strlen(key));
    cli_print(":");
    comma = false;
}

void cli_json_string_n(const char *s, size_t n)
{
    separate();
    put_string(s, n);
}

void cli_json_string(const char *s)
{
    cli_json_string_n(s, strlen(s));
}

void cli_json_int(int64_t i)
{
    separate();
    cli_print("%lld", (long long)i);
}

void cli_json_number(const char *decimal)
{
    separate();
    cli_print("%s", decimal);
}

const char *cli_number(double d, char text[CLI_NUMBER_MAX])
{
    if (isnan(d)) /* printf would write its sign, too */
        return strcpy(text, "nan");
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, CLI_NUMBER_MAX, "%.*g", digits, d);
        if (strtod(text, NULL) == d)
            break;
    }
    return text;
}

void cli_json_double(double d)
{
    if (isnan(d)) {
        cli_json_string("NaN");
    } else if (isinf(d)) {
        cli_json_string(d > 0 ? "Infinity" : "-Infinity");
    } else {
        char text[CLI_NUMBER_MAX];

        separate();
        cli_print("%s", cli_number(d, text));
    }
}

void cli_json_bool(bool b)
{
    separate();
    cli_print(b ? "true" : "false");
}

void cli_json_null(void)
{
    separate();
    cli_print("null");
}

void cli_json_text(const char *key, const char *value)
{
    cli_json_key(key);
    if (value)
        cli_json_string(value);
    else
        cli_json_null();
}

void cli_json_line(void)
{
    cli_print("\n");
    comma = false;
}

static void json_properties(const cove_info *info)
{
    const char *name, *value;

    cli_json_text("version_id", cove_info_version_id(info));
    cli_json_text("storage_class", cove_info_storage_class(info));
    cli_json_text("content_type", cove_info_content_type(info));
    cli_json_key("metadata");
    cli_json_open('{');
    for (size_t i = 0; cove_info_metadata(info, i, &name, &value) == 0; i++) {
        cli_json_key(name);
        cli_json_string(value);
    }
    cli_json_close('}');
}

void cli_json_info(const struct cli_target *t, const cove_info *info, bool all)
{
    char *url = NULL, *shown = cli_target_show(t, cove_info_path(info)), when[40];

    cli_json_open('{');
    cli_json_key("path");
    cli_json_string(shown);
    cove_fs_url(t->fs, cove_info_path(info), &url, NULL);
    cli_json_text("url", url);
    cli_json_key("type");
    cli_json_string(cove_info_type(info) == COVE_INFO_DIRECTORY ? "directory" : "file");
    cli_json_key("size");
    cli_json_int(cove_info_size(info));
    cli_json_text("mtime", cove_info_mtime_ns(info) < 0 ? NULL : cli_time(cove_info_mtime_ns(info), true, when));
    cli_json_text("etag", cove_info_etag(info));
    if (all)
        json_properties(info);
    cli_json_close('}');
    cli_json_line();
    cove_free(url);
    free(shown);
}
