/* XML: whatever is read comes as balanced elements within the limits, and text that was written is read back. */
#include <string.h>

#include <cove/error.h>

#include "fuzz.h"
#include "wire/xml.h"

struct seen {
    size_t starts, ends;
    const struct cove__slice *want; /* the text of the only element; NULL: anything */
};

static size_t depth_of(const char *path)
{
    size_t n = 1;

    for (; *path; path++)
        n += *path == '/';
    return n;
}

static int on_start(void *user, const char *path)
{
    struct seen *seen = user;

    seen->starts++;
    FUZZ_CHECK(strlen(path) <= COVE__XML_PATH_MAX && depth_of(path) <= COVE__XML_DEPTH_MAX);
    FUZZ_CHECK(seen->starts - seen->ends <= COVE__XML_DEPTH_MAX);
    return 0;
}

static int on_end(void *user, const char *path, struct cove__slice text)
{
    struct seen *seen = user;

    seen->ends++;
    FUZZ_CHECK(seen->ends <= seen->starts && text.size <= COVE__XML_TEXT_MAX);
    FUZZ_CHECK(!seen->want || cove__slice_eq(text, *seen->want));
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cove__xml_handler handler = { on_start, on_end };
    struct cove__slice in = cove__slice(data, size);
    struct seen seen = { 0 };
    struct cove__buf document = COVE__BUF_INIT((size_t)8 << 20);

    fuzz_peak_begin();
    int rc = cove__xml_read(in, &handler, &seen);
    FUZZ_CHECK(rc == 0 || rc == COVE_EPROTOCOL || rc == COVE_ELIMIT);
    FUZZ_CHECK(rc < 0 || (seen.starts > 0 && seen.starts == seen.ends));
    /* expat keeps the document, its own tables and its buffers. */
    FUZZ_CHECK(fuzz_peak() <= ((size_t)1 << 20) + 64 * size);

    cove__buf_add_str(&document, "<x>");
    rc = cove__xml_add_text(&document, in);
    FUZZ_CHECK(rc == 0 || rc == COVE_EINVAL);
    cove__buf_add_str(&document, "</x>");
    if (rc == 0 && size <= COVE__XML_TEXT_MAX) {
        seen = (struct seen){ .want = &in };
        FUZZ_CHECK(cove__xml_read(cove__buf_slice(&document), &handler, &seen) == 0 && seen.ends == 1);
    }
    cove__buf_done(&document);
    return 0;
}
