/* SPDX-License-Identifier: BSD-2-Clause */
/* The rigs of the unit tests, for fuzz targets: cmocka's assertions abort. */
#ifndef TESTS_FUZZ_CMOCKA_H
#define TESTS_FUZZ_CMOCKA_H

#include "tests/fuzz/fuzz.h"

#define assert_true(what)            require(what)
#define assert_false(what)           require(!(what))
#define assert_null(p)               require((p) == NULL)
#define assert_non_null(p)           require((p) != NULL)
#define assert_ptr_equal(a, b)       require((a) == (b))
#define assert_int_equal(a, b)       require((a) == (b))
#define assert_string_equal(a, b)    require(strcmp((a), (b)) == 0)
#define assert_memory_equal(a, b, n) require(memcmp((a), (b), (n)) == 0)
#define assert_in_range(v, low, high) \
    require((v) + 1ull >= (low) + 1ull && (v) <= (high))
#define fail_msg(...) (fprintf(stderr, __VA_ARGS__), abort())

#endif
