/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/num.h"

#include "tap.h"

static void test_sums(void)
{
	uint64_t sum;

	ok(add_u64(UINT64_MAX - 1, 1, &sum) && sum == UINT64_MAX,
	   "a sum may reach the largest number");
	ok(!add_u64(UINT64_MAX, 1, &sum), "a sum that wraps is refused");
	ok(mul_u64(UINT32_MAX, UINT32_MAX, &sum), "a product that fits is given");
	ok(!mul_u64(UINT64_MAX / 2, 3, &sum), "a product that wraps is refused");
}

static void test_ranges(void)
{
	ok(range_fits(0, 0, 0), "an empty range fits into nothing");
	ok(range_fits(6, 4, 10), "a range may end where its container ends");
	ok(!range_fits(6, 5, 10), "a range may not end behind it");
	ok(range_fits(10, 0, 10), "an empty range may begin at the end");
	ok(!range_fits(11, 0, 10), "but not behind it");
	ok(!range_fits(2, UINT64_MAX, 10), "offset and size do not wrap");
	ok(!range_fits(UINT64_MAX, 2, 10), "nor the other way round");
}

static void test_alignment(void)
{
	uint64_t aligned;

	ok(align_up(17, 16, &aligned) && aligned == 32, "17 rounds up to 32");
	ok(align_up(32, 16, &aligned) && aligned == 32, "32 stays 32");
	ok(align_up(0, 4096, &aligned) && aligned == 0, "0 stays 0");
	ok(!align_up(UINT64_MAX - 3, 16, &aligned), "rounding up does not wrap");
	ok(is_power_of_two(1) && is_power_of_two((uint64_t)1 << 63), "powers of two are known");
	ok(!is_power_of_two(0) && !is_power_of_two(12), "0 and 12 are none");
}

static void test_widths(void)
{
	ok(fits_signed(127, 8) && fits_signed(-128, 8), "8 bits hold -128 to 127");
	ok(!fits_signed(128, 8) && !fits_signed(-129, 8), "and no more");
	ok(fits_signed(INT64_MIN, 64) && fits_signed(INT64_MAX, 64), "64 bits hold everything");
	ok(fits_signed(INT32_MAX, 32) && !fits_signed((int64_t)INT32_MAX + 1, 32),
	   "32 bits end where they do");
	ok(fits_unsigned(255, 8) && !fits_unsigned(256, 8), "8 unsigned bits hold 0 to 255");
	ok(fits_unsigned(UINT64_MAX, 64), "64 unsigned bits hold everything");
}

static void test_bytes(void)
{
	const uint8_t bytes[9] = { 0xff, 1, 2, 3, 4, 5, 6, 7, 0x88 };
	uint8_t written[9] = { 0 };

	is_int(get_le16(bytes + 1), 0x0201, "two bytes at an odd address");
	is_int(get_le32(bytes + 1), 0x04030201, "four bytes at an odd address");
	is_int(get_le64(bytes + 1), 0x8807060504030201, "eight bytes at an odd address");
	put_le64(written + 1, 0x8807060504030201);
	is_bytes(written + 1, bytes + 1, 8, "what was read can be written");
	is_int(written[0], 0, "and nothing before it is touched");
	put_le16(written, 0x1234);
	put_le32(written + 5, 0xdeadbeef);
	is_int(get_le16(written), 0x1234, "two bytes written");
	is_int(get_le32(written + 5), 0xdeadbeef, "four bytes written");
}

int main(void)
{
	tap_begin();
	test_sums();
	test_ranges();
	test_alignment();
	test_widths();
	test_bytes();
	return tap_end();
}
