/* What a datagram is, by its shape alone. */
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/rand.h"
#include "common/base/str.h"
#include "av-edge/front_udp.h"
#include "tests/unit/av-edge/suite.h"

static enum front_kind kind(const char *hex)
{
	uint8_t data[256];
	size_t len;

	ck_assert_int_eq(str_unhex(str_of(hex), data, sizeof(data), &len), 0);
	return front_kind_of(data, len);
}

START_TEST(test_kinds_are_told_apart)
{
	ck_assert_int_eq(kind("4000000401020304"), FRONT_CHANNEL);
	ck_assert_int_eq(kind("4fff0000"), FRONT_CHANNEL);
	ck_assert_int_eq(kind("7fff0000"), FRONT_CHANNEL); /* RFC 5766 */
	ck_assert_int_eq(kind("000100002112a442000102030405060708090a0b"),
		FRONT_RFC);
	/* [MS-TURN]: Allocate request with the cookie attribute first */
	ck_assert_int_eq(kind("0003000800112233445566778899aabbccddeeff"
			      "000f000472c64bc6"), FRONT_MS_CONTROL);
	/* the same with the RFC's cookie in the transaction id */
	ck_assert_int_eq(kind("000300082112a442445566778899aabbccddeeff"
			      "000f000472c64bc6"), FRONT_MS_CONTROL);
	/* multiplexed MS-TURN, RTP, DTLS, RFC 3489, nothing */
	ck_assert_int_eq(kind("ff10000800000000"), FRONT_JUNK);
	ck_assert_int_eq(kind("8000000100000000"), FRONT_JUNK);
	ck_assert_int_eq(kind("16feff0000000000"), FRONT_JUNK);
	ck_assert_int_eq(kind("0001000000112233445566778899aabbccddeeff"),
		FRONT_JUNK);
	ck_assert_int_eq(kind("40"), FRONT_JUNK);
	ck_assert_int_eq(kind(""), FRONT_JUNK);
}
END_TEST

START_TEST(test_wrong_length_field_is_junk)
{
	ck_assert_int_eq(kind("000100042112a442000102030405060708090a0b"),
		FRONT_JUNK);
	ck_assert_int_eq(kind("0003000900112233445566778899aabbccddeeff"
			      "000f000472c64bc6"), FRONT_JUNK);
}
END_TEST

START_TEST(test_any_bytes_have_a_kind)
{
	uint8_t *data;
	unsigned i;
	size_t len;

	for (i = 0; i < 50000; i++) {
		len = rand_below(64);
		data = malloc(len + 1);
		ck_assert_ptr_nonnull(data);
		rand_bytes(data, len);
		if (len >= 20 && i % 2) {
			data[0] = 0;
			buf_store_u16(data + 2, (uint16_t)(len - 20));
		}
		ck_assert_int_le(front_kind_of(data, len), FRONT_JUNK);
		free(data);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_kinds_are_told_apart,
		test_wrong_length_field_is_junk,
		test_any_bytes_have_a_kind,
	};

	return suite_run("front_udp", tests, ARRAY_COUNT(tests), NULL, NULL);
}
