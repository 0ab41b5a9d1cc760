/* Whole files of torch's format before 1.6; what loads is saved as a zip archive and loaded again. */
#include "round_trip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cove__format format = cove__torch_legacy_format;
    struct testing_file file = { .bytes = cove__slice(data, size) };
    struct cove__buf saved = COVE__BUF_INIT(TESTING_MAX);
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *tree = NULL;
    uint64_t saved_size = 0;

    if (!format.detect(file.bytes, size))
        return 0;
    int rc = testing_load(&format, &file, size / 2, 0, &tree, &err);
    FUZZ_CHECK(rc == 0 || (rc == err.code && err.message[0] != '\0'));
    if (rc == 0 && testing_save(&cove__torch_format, tree, &saved, &saved_size, &err) == 0)
        FUZZ_CHECK(saved_size == saved.size);
    cove_value_unref(tree);
    FUZZ_CHECK(file.is_closed);
    cove__buf_done(&saved);
    return 0;
}
