/* Two hashes at once are what OpenSSL makes of each. */
#include "wire/sha256_two.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/digest.h"

static void check(const uint8_t *a, const uint8_t *b, size_t size)
{
    uint8_t x[32], y[32], want[32];

    assert_int_equal(cove__sha256_two(a, b, size, x, y), 0);
    assert_int_equal(cove__sha256(cove__slice(a, size), want), 0);
    assert_memory_equal(x, want, sizeof want);
    assert_int_equal(cove__sha256(cove__slice(b, size), want), 0);
    assert_memory_equal(y, want, sizeof want);
}

/* Each length around the places where the end takes one block more, at places that are not aligned. */
static void all_lengths(void **state)
{
    (void)state;
    const size_t size = (1 << 20) + 77;
    uint8_t *memory = malloc(2 * size + 8);
    uint64_t x = 1;

    assert_non_null(memory);
    for (size_t i = 0; i < 2 * size + 8; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        memory[i] = (uint8_t)(x >> 56);
    }
    for (size_t n = 0; n <= 4 * 64 + 1; n++)
        check(memory + n % 7, memory + size + n % 5, n);
    check(memory + 1, memory + size, size);
    check(memory, memory, size);
    free(memory);
}

/* The two examples of one and two blocks that the standard's authors give. */
static void known_answers(void **state)
{
    (void)state;
    static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    uint8_t x[32], y[32];
    char hex[65];

    assert_int_equal(cove__sha256_two("abc", "abc", 3, x, y), 0);
    cove__hex(x, sizeof x, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(cove__sha256_two("", "", 0, x, y), 0);
    cove__hex(y, sizeof y, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(cove__sha256_two(two, two, sizeof two - 1, x, y), 0);
    cove__hex(y, sizeof y, hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(known_answers), cmocka_unit_test(all_lengths) };
    return cmocka_run_group_tests_name("wire_sha256_two", tests, NULL, NULL);
}
