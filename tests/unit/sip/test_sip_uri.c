/* URIs: parts, ports, and what is none. */
#include "common/sip/sip_uri.h"
#include "tests/unit/check_main.h"

static int parse(const char *text, char *room, size_t cap,
	struct sip_uri *uri)
{
	return sip_uri_parse(str_of(text), room, cap, uri);
}

START_TEST(test_all_parts)
{
	char room[256];
	struct sip_uri u;
	struct str v;

	ck_assert_int_eq(parse("sip:al;x=1:pw@Host.Test:5070;transport=tls;"
		"lr?Subject=a", room, sizeof(room), &u), 0);
	ck_assert(str_eq_z(u.scheme, "sip"));
	ck_assert(str_eq_z(u.user, "al;x=1"));
	ck_assert(str_eq_z(u.host, "Host.Test"));
	ck_assert_uint_eq(u.port, 5070);
	ck_assert(sip_uri_has_param(&u, "LR"));
	ck_assert(sip_uri_param(&u, "transport", &v) && str_eq_z(v, "tls"));
	ck_assert(str_eq_z(u.headers, "Subject=a"));
	ck_assert(sip_uri_is_sip(&u));
}
END_TEST

START_TEST(test_port_that_counts)
{
	static const struct {
		const char *text;
		uint16_t port;
	} rows[] = {
		{"sip:a", 5060}, {"sips:a", 5061}, {"sip:a:443", 443},
		{"sip:a;transport=TLS", 5061}, {"sip:a;transport=tcp", 5060},
	};
	char room[64];
	struct sip_uri u;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		ck_assert_int_eq(parse(rows[i].text, room, sizeof(room), &u),
			0);
		ck_assert_uint_eq(sip_uri_port(&u), rows[i].port);
	}
}
END_TEST

START_TEST(test_addresses_keep_their_brackets)
{
	char room[64];
	struct sip_uri u;

	ck_assert_int_eq(parse("sip:[2001:db8::9]:5061", room, sizeof(room),
		&u), 0);
	ck_assert(str_eq_z(u.host, "[2001:db8::9]"));
	ck_assert_uint_eq(u.port, 5061);
}
END_TEST

START_TEST(test_what_is_no_uri_is_refused)
{
	static const char *const bad[] = {
		"", "<sip:a@b>", "sip:a b@c", "sip:a@b;x=\"", "sip:a@b\r\n",
		"sip:a@b:70000", "sip:a@b:0", "sip:", "sip:@",
		"sip:a@b\x7f", "nothing", "sip:a@@", "sip:a@[::1",
		"sip:a@b%41",
	};
	char room[64];
	struct sip_uri u;

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		ck_assert_msg(parse(bad[i], room, sizeof(room), &u) ==
			EDGE_EMALFORMED, "accepted: %s", bad[i]);
	ck_assert_int_eq(parse("sip:a@b", room, 7, &u), EDGE_ETOOBIG);
}
END_TEST

START_TEST(test_other_schemes_have_a_scheme_and_may_lack_a_host)
{
	char room[64];
	struct sip_uri u;

	ck_assert_int_eq(parse("tel:+15551234", room, sizeof(room), &u), 0);
	ck_assert(str_eq_z(u.scheme, "tel"));
	ck_assert(!sip_uri_is_sip(&u));
	ck_assert_int_eq(parse("urn:service:sos", room, sizeof(room), &u),
		0);
	ck_assert_int_eq(parse("strange:opaque", room, sizeof(room), &u),
		0);
}
END_TEST

START_TEST(test_R24_long_user_parts_are_whole_or_refused)
{
	static char text[70000], room[70000];

	for (size_t n = 1; n < 65536; n += 1021) {
		struct sip_uri u;

		memcpy(text, "sip:", 4);
		memset(text + 4, 'u', n);
		memcpy(text + 4 + n, "@h", 3);
		if (parse(text, room, sizeof(room), &u) == 0)
			ck_assert_uint_eq(u.user.n, n);
	}
}
END_TEST

int main(void)
{
	RUN_SUITE("sip/sip_uri", test_all_parts, test_port_that_counts,
		test_addresses_keep_their_brackets,
		test_what_is_no_uri_is_refused,
		test_other_schemes_have_a_scheme_and_may_lack_a_host,
		test_R24_long_user_parts_are_whole_or_refused);
}
