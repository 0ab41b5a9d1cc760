/* Pickles, with one storage "0" of 64 bytes: whatever passes is a tree that can be walked, and whose tensors lie in
 * their storage. */
#include "checkpoint/testing.h"
#include "checkpoint/unpickle.h"
#include "fuzz.h"

#define STORAGE_BYTES 64

static int find_storage(void *user, struct cove__slice key, enum cove_dtype dtype, int64_t count,
                        struct cove__storage **ret, struct cove_error *err)
{
    if (!cove__slice_is(key, "0"))
        return cove__fail(err, COVE_ECORRUPT, "no such record");
    return cove__storage_new(user, 0, STORAGE_BYTES, NULL, ret, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct testing_file file = { .bytes = cove__slice(data, 0) };
    struct cove__source *source = testing_source(&file, 0);
    struct cove__storage_finder finder = { find_storage, source };
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *tree = NULL, **tensors = NULL;
    size_t n = 0;

    FUZZ_CHECK(source);
    int rc = cove__unpickle(cove__slice(data, size), &finder, &tree, &err);
    FUZZ_CHECK(rc == 0 || (rc == err.code && err.message[0] != '\0' && rc != COVE_EINVAL));
    if (rc == 0) {
        FUZZ_CHECK(cove__tree_tensors(tree, &tensors, &n, &err) == 0);
        for (size_t i = 0; i < n; i++) {
            const struct cove__tensor *t = tensors[i]->u.tensor;
            FUZZ_CHECK(t->span == 0 || (t->offset <= STORAGE_BYTES && t->span <= STORAGE_BYTES - t->offset));
        }
        cove__free(tensors);
        cove_value_unref(tree);
    }
    cove__source_unref(source);
    FUZZ_CHECK(file.is_closed); /* nothing is left that holds it */
    return 0;
}
