/* Whose a datagram is: by its bytes and by the client's allocation. */
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/rand.h"
#include "common/base/str.h"
#include "common/stun/stun_ms.h"
#include "av-edge/demux_udp.h"
#include "tests/unit/av-edge/suite.h"

/* First bytes as the dialects have them, to be filled up to the length. */
#define MS_ALLOCATE \
	"00030010f29bc91bbdab169fc0c0a326965953d1000f000472c64bc6"
#define MS_WITH_RFC_COOKIE \
	"000300102112a4428093d995f066734046dbf5f2000f000472c64bc6"
#define RFC_ALLOCATE \
	"000300082112a4428093d995f066734046dbf5f20019000411000000"
#define CHANNEL     "40000004deadbeef"
#define MULTIPLEXED "ff10000d01020304050607086d65646961"
#define RTP         "8000000100000000"

static enum demux_class class_of(const char *hex, enum demux_owner owner)
{
	uint8_t data[256] = {0};
	enum demux_class class;
	uint8_t *copy;
	size_t len, want;

	ck_assert_int_eq(str_unhex(str_of(hex), data, sizeof(data), &len), 0);
	if (len >= STUN_HEADER_LEN && data[0] < 0x40) {
		want = STUN_HEADER_LEN + buf_load_u16(data + 2);
		ck_assert_uint_le(want, sizeof(data));
		len = want > len ? want : len;
	}
	copy = malloc(len + 1);
	ck_assert_ptr_nonnull(copy);
	memcpy(copy + 1, data, len);
	class = demux_udp(copy + 1, len, owner);
	free(copy);
	return class;
}

START_TEST(test_classes_follow_bytes_and_owner)
{
	static const struct {
		const char *hex;
		enum demux_class of[3]; /* by owner: nobody, RFC, MS */
	} cases[] = {
		{MS_ALLOCATE, {DEMUX_MS_CONTROL, DEMUX_STRAY,
			DEMUX_MS_CONTROL}},
		{MS_WITH_RFC_COOKIE, {DEMUX_MS_CONTROL, DEMUX_STRAY,
			DEMUX_MS_CONTROL}},
		{RFC_ALLOCATE, {DEMUX_RFC_MESSAGE, DEMUX_RFC_MESSAGE,
			DEMUX_MS_DATA}},
		{CHANNEL, {DEMUX_STRAY, DEMUX_CHANNEL, DEMUX_MS_DATA}},
		/* the range of RFC 5766 goes on to 0x7fff */
		{"7fff0000", {DEMUX_STRAY, DEMUX_CHANNEL, DEMUX_MS_DATA}},
		{MULTIPLEXED, {DEMUX_MULTIPLEXED, DEMUX_MULTIPLEXED,
			DEMUX_MS_DATA}},
		{RTP, {DEMUX_JUNK, DEMUX_JUNK, DEMUX_MS_DATA}},
		{"ff", {DEMUX_JUNK, DEMUX_JUNK, DEMUX_MS_DATA}},
		/* DTLS, one byte, nothing */
		{"16feff0000000000", {DEMUX_JUNK, DEMUX_JUNK,
			DEMUX_MS_DATA}},
		{"40", {DEMUX_JUNK, DEMUX_JUNK, DEMUX_MS_DATA}},
		{"", {DEMUX_JUNK, DEMUX_JUNK, DEMUX_MS_DATA}},
		/* RFC 3489: neither cookie */
		{"0001000000112233445566778899aabbccddeeff",
			{DEMUX_JUNK, DEMUX_JUNK, DEMUX_MS_DATA}},
	};
	size_t i;
	int owner;

	for (i = 0; i < ARRAY_COUNT(cases); i++)
		for (owner = DEMUX_NOBODY; owner <= DEMUX_OF_MS; owner++)
			ck_assert_msg(class_of(cases[i].hex,
					      (enum demux_owner)owner) ==
				cases[i].of[owner], "case %zu, owner %d", i,
				owner);
}
END_TEST

/* A check of ICE in the flow of an MS-TURN client is payload: passed on,
 * never answered. */
START_TEST(test_rfc_stun_of_an_ms_turn_client_is_its_payload)
{
	static const char check[] = "000100002112a442e5be46c05b56268bd39d3337";

	ck_assert_int_eq(class_of(check, DEMUX_OF_MS), DEMUX_MS_DATA);
	ck_assert_int_eq(class_of(check, DEMUX_OF_RFC), DEMUX_RFC_MESSAGE);
	ck_assert_int_eq(class_of(check, DEMUX_NOBODY), DEMUX_RFC_MESSAGE);
}
END_TEST

START_TEST(test_wrong_lengths_are_not_messages)
{
	uint8_t data[64] = {0};
	size_t len;

	ck_assert_int_eq(str_unhex(STR_LIT(MS_ALLOCATE), data, sizeof(data),
				 &len), 0);
	for (len = 0; len < sizeof(data); len++)
		ck_assert_int_eq(demux_udp(data, len, DEMUX_NOBODY),
			len == 36 ? DEMUX_MS_CONTROL : DEMUX_JUNK);
	ck_assert_int_eq(str_unhex(STR_LIT(RFC_ALLOCATE), data, sizeof(data),
				 &len), 0);
	for (len = 0; len < sizeof(data); len++)
		ck_assert_int_eq(demux_udp(data, len, DEMUX_NOBODY),
			len == 28 ? DEMUX_RFC_MESSAGE : DEMUX_JUNK);
}
END_TEST

START_TEST(test_all_types_of_ms_turn_and_no_others_are_control)
{
	static const uint16_t types[] = {
		0x0002, 0x0003, 0x0004, 0x0006, 0x0102, 0x0103, 0x0106,
		0x0112, 0x0113, 0x0115, 0x0116,
	};
	uint8_t data[36] = {0};
	size_t len, at = 0;
	unsigned type;
	bool is_ours;

	ck_assert_int_eq(str_unhex(STR_LIT(MS_ALLOCATE), data, sizeof(data),
				 &len), 0);
	for (type = 0; type <= UINT16_MAX; type++) {
		buf_store_u16(data, (uint16_t)type);
		is_ours = at < ARRAY_COUNT(types) && types[at] == type;
		at += is_ours;
		ck_assert_int_eq(demux_udp(data, 36, DEMUX_OF_MS) ==
			DEMUX_MS_CONTROL, is_ours);
	}
	ck_assert_uint_eq(at, ARRAY_COUNT(types));
}
END_TEST

/* Whatever comes: what is handed to a codec has its shape, and the data of
 * an MS-TURN client is never taken for anything of the RFC's. */
START_TEST(test_any_bytes_have_one_class)
{
	enum demux_class nobody, rfc, ms;
	uint8_t *data;
	unsigned i;
	size_t len;

	for (i = 0; i < 100000; i++) {
		len = rand_below(64);
		data = malloc(len + 1);
		ck_assert_ptr_nonnull(data);
		rand_bytes(data, len);
		if (len >= 20 && i % 2) {
			data[0] = 0;
			data[1] = (uint8_t)rand_below(8);
			buf_store_u16(data + 2, (uint16_t)(len - 20));
		}
		if (len >= 20 && i % 4 > 1)
			buf_store_u32(data + 4, STUN_COOKIE);
		nobody = demux_udp(data, len, DEMUX_NOBODY);
		rfc = demux_udp(data, len, DEMUX_OF_RFC);
		ms = demux_udp(data, len, DEMUX_OF_MS);
		ck_assert(ms == DEMUX_MS_CONTROL || ms == DEMUX_MS_DATA);
		ck_assert(nobody != DEMUX_MS_DATA && rfc != DEMUX_MS_DATA);
		ck_assert(nobody != DEMUX_CHANNEL && rfc != DEMUX_MS_CONTROL);
		ck_assert((rfc == DEMUX_RFC_MESSAGE) ==
			(stun_is_rfc(data, len) &&
			 !stun_ms_is_control(data, len)));
		free(data);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_classes_follow_bytes_and_owner,
		test_rfc_stun_of_an_ms_turn_client_is_its_payload,
		test_wrong_lengths_are_not_messages,
		test_all_types_of_ms_turn_and_no_others_are_control,
		test_any_bytes_have_one_class,
	};

	return suite_run("demux_udp", tests, ARRAY_COUNT(tests), NULL, NULL);
}
