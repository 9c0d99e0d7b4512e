/* Bodies of [MS-AVEDGEA]: what is read, what is refused, what is echoed. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "av-auth/avedge_xml.h"

#define NS "xmlns=\"" AVEDGE_NAMESPACE "\""
#define ITEM                                                       \
	"<credentialsRequest credentialsRequestID=\"1\"><identity>" \
	"sip:a@b.c</identity></credentialsRequest>"
#define ROOT "<request requestID=\"1\" version=\"2.0\" to=\"sip:m@b.c\" " \
	     "from=\"sip:a@b.c\" " NS ">"

/* As pidgin-sipe 1.25.0 sends it. */
static const char SIPE[] =
	"<request requestID=\"1446492469\" from=\"sip:alice@contoso.test\" "
	"version=\"1.0\" to=\"sip:Mras.contoso.test@contoso.test;gruu;opaque="
	"srvr:MRAS:dzh4GmLkqFe3hzjI9_eK3QAA\" xmlns=\"http://schemas.microsoft."
	"com/2006/09/sip/mrasp\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-"
	"instance\"><credentialsRequest credentialsRequestID=\"1446492469\">"
	"<identity>sip:alice@contoso.test</identity><location>intranet"
	"</location><duration>480</duration></credentialsRequest></request>";

/* Order of attributes and line breaks as Lync 2010 has them. */
static const char LYNC[] =
	"<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"
	"<request requestID=\"7001\" version=\"2.0\"\r\n"
	" to=\"sip:edge-int.contoso.example@contoso.example;gruu\"\r\n"
	" from=\"sip:alice@contoso.example\" route=\"directip\"\r\n " NS ">\r\n"
	" <credentialsRequest credentialsRequestID=\"a\">\r\n"
	"  <identity> sip:alice@contoso.example </identity>\r\n"
	"  <location>internet</location><duration>+60</duration>\r\n"
	" </credentialsRequest>\r\n"
	" <credentialsRequest credentialsRequestID=\"b\">\r\n"
	"  <duration>0</duration><identity>sip:b@c</identity>\r\n"
	" </credentialsRequest>\r\n</request>\r\n";

static struct avedge_request q;
static const char *cause;

static void setup(void)
{
	memset(&q, 0, sizeof(q));
}

static void teardown(void)
{
	avedge_request_fini(&q);
}

static enum avedge_reason parse(const char *body)
{
	avedge_request_fini(&q);
	return avedge_request_parse(&q, str_of(body), &cause);
}

static void assert_str(struct str s, const char *want)
{
	ck_assert_msg(str_eq_z(s, want), "'%.*s' is not '%s'", STR_ARG(s),
		want);
}

START_TEST(test_request_1_0_of_sipe_is_read)
{
	ck_assert_int_eq(parse(SIPE), AVEDGE_OK);
	assert_str(q.id, "1446492469");
	assert_str(q.version, "1.0");
	ck_assert_uint_eq(q.major, 1);
	ck_assert_uint_eq(q.minor, 0);
	assert_str(q.to, "sip:Mras.contoso.test@contoso.test;gruu;opaque="
			 "srvr:MRAS:dzh4GmLkqFe3hzjI9_eK3QAA");
	assert_str(q.from, "sip:alice@contoso.test");
	ck_assert(!q.direct_ip);
	ck_assert_uint_eq(q.item_count, 1);
	assert_str(q.items[0].id, "1446492469");
	assert_str(q.items[0].identity, "sip:alice@contoso.test");
	ck_assert_int_eq(q.items[0].location, AVEDGE_INTRANET);
	ck_assert_uint_eq(q.items[0].duration_min, 480);
}
END_TEST

START_TEST(test_request_2_0_with_two_items_is_read)
{
	ck_assert_int_eq(parse(LYNC), AVEDGE_OK);
	ck_assert_uint_eq(q.major, 2);
	ck_assert(q.direct_ip);
	ck_assert_uint_eq(q.item_count, 2);
	assert_str(q.items[0].identity, "sip:alice@contoso.example");
	ck_assert_int_eq(q.items[0].location, AVEDGE_INTERNET);
	ck_assert_uint_eq(q.items[0].duration_min, 60);
	assert_str(q.items[1].id, "b");
	ck_assert_int_eq(q.items[1].location, AVEDGE_ANYWHERE);
	ck_assert_uint_eq(q.items[1].duration_min, 0);
}
END_TEST

/* All 120 orders of the five attributes. */
START_TEST(test_attribute_order_is_free)
{
	static const char *const PARTS[] = {" requestID=\"1\"",
		" version=\"2.0\"", " to=\"sip:m@b.c\"", " from=\"sip:a@b.c\"",
		" " NS};
	char body[1024];
	unsigned pick;
	unsigned left[5];
	int n = 0;

	for (unsigned order = 0; order < 120; order++) {
		size_t len = (size_t)sprintf(body, "<request");

		pick = order;
		for (unsigned i = 0; i < 5; i++)
			left[i] = i;
		for (unsigned i = 5; i > 0; i--) {
			unsigned at = pick % i;

			pick /= i;
			len += (size_t)sprintf(body + len, "%s",
				PARTS[left[at]]);
			left[at] = left[i - 1];
		}
		sprintf(body + len, ">" ITEM "</request>");
		ck_assert_int_eq(parse(body), AVEDGE_OK);
		assert_str(q.from, "sip:a@b.c");
		n++;
	}
	ck_assert_int_eq(n, 120);
}
END_TEST

START_TEST(test_namespace_with_a_prefix_is_the_same)
{
	ck_assert_int_eq(
		parse("<m:request xmlns:m=\"" AVEDGE_NAMESPACE "\" "
		      "requestID=\"1\" version=\"1.0\" to=\"sip:m@b\" "
		      "from=\"sips:a@b\"><m:credentialsRequest "
		      "credentialsRequestID=\"1\"><m:identity>sip:a@b"
		      "</m:identity></m:credentialsRequest></m:request>"),
		AVEDGE_OK);
	assert_str(q.items[0].identity, "sip:a@b");
}
END_TEST

START_TEST(test_utf8_identity_and_references_are_read)
{
	ck_assert_int_eq(
		parse(ROOT "<credentialsRequest credentialsRequestID=\"\xC3\xA9"
			   "\"><identity>sip:\xE6\x9D\xB1&amp;&#x20AC;@b"
			   "<![CDATA[<&>]]></identity>"
			   "</credentialsRequest></request>"),
		AVEDGE_OK);
	assert_str(q.items[0].id, "\xC3\xA9");
	assert_str(q.items[0].identity,
		"sip:\xE6\x9D\xB1&\xE2\x82\xAC@b<&>");
}
END_TEST

START_TEST(test_wrong_encoding_in_the_declaration_is_no_matter)
{
	ck_assert_int_eq(parse("<?xml version=\"1.0\" encoding=\"utf-16\"?>"
			       ROOT ITEM "</request>"), AVEDGE_OK);
}
END_TEST

START_TEST(test_unknown_elements_and_attributes_are_skipped)
{
	ck_assert_int_eq(
		parse("<request requestID=\"1\" version=\"2.0\" "
		      "to=\"sip:m@b.c\" from=\"sip:a@b.c\" colour=\"red\" " NS
		      "><extra><identity>x</identity></extra>"
		      "<credentialsRequest credentialsRequestID=\"1\" x=\"y\">"
		      "<extra><duration>bad</duration></extra><identity>sip:a@b"
		      "</identity><o:identity xmlns:o=\"urn:o\">z</o:identity>"
		      "</credentialsRequest></request>"),
		AVEDGE_OK);
	ck_assert_uint_eq(q.item_count, 1);
	assert_str(q.items[0].identity, "sip:a@b");
}
END_TEST

static const struct {
	const char *text;
	uint32_t minutes;
} DURATIONS[] = {
	{"0", 0}, {"1", 1}, {"480", 480}, {"100000", 100000},
	{" 30\n", 30}, {"007", 7}, {"4294967295", 4294967295u},
	{"4294967296", 4294967295u},
	{"99999999999999999999999999", 4294967295u},
};

START_TEST(test_duration_is_read_and_clamped)
{
	char body[1024];

	sprintf(body,
		ROOT "<credentialsRequest credentialsRequestID=\"1\"><identity>"
		     "sip:a@b</identity><duration>%s</duration>"
		     "</credentialsRequest></request>",
		DURATIONS[_i].text);
	ck_assert_int_eq(parse(body), AVEDGE_OK);
	ck_assert_uint_eq(q.items[0].duration_min, DURATIONS[_i].minutes);
}
END_TEST

#define IN_ITEM(x) ROOT "<credentialsRequest credentialsRequestID=\"1\">" x \
	"</credentialsRequest></request>"
#define ID65 "12345678901234567890123456789012345678901234567890123456789012345"
#define WHO "<identity>sip:a@b</identity>"

static const struct {
	const char *what;
	const char *body;
} MALFORMED[] = {
	{"empty", ""},
	{"not XML", "hello"},
	{"cut off", ROOT ITEM},
	{"text behind", ROOT ITEM "</request>x"},
	{"two roots", ROOT ITEM "</request>" ROOT ITEM "</request>"},
	{"other root", "<response " NS "/>"},
	{"no namespace", "<request requestID=\"1\" version=\"1.0\" "
		"to=\"sip:m@b\" from=\"sip:a@b\"/>"},
	{"other namespace", "<request requestID=\"1\" version=\"1.0\" "
		"to=\"sip:m@b\" from=\"sip:a@b\" xmlns=\"urn:x\"/>"},
	{"no requestID", "<request version=\"1.0\" to=\"sip:m@b\" "
		"from=\"sip:a@b\" " NS ">" ITEM "</request>"},
	{"empty requestID", "<request requestID=\"\" version=\"1.0\" "
		"to=\"sip:m@b\" from=\"sip:a@b\" " NS ">" ITEM "</request>"},
	{"long requestID", "<request requestID=\"" ID65 "\" version=\"1.0\" "
		"to=\"sip:m@b\" from=\"sip:a@b\" " NS ">" ITEM "</request>"},
	{"no version", "<request requestID=\"1\" to=\"sip:m@b\" "
		"from=\"sip:a@b\" " NS ">" ITEM "</request>"},
	{"odd version", "<request requestID=\"1\" version=\"2\" to=\"sip:m@b\" "
		"from=\"sip:a@b\" " NS ">" ITEM "</request>"},
	{"long version", "<request requestID=\"1\" version=\"1.0.0\" "
		"to=\"sip:m@b\" from=\"sip:a@b\" " NS ">" ITEM "</request>"},
	{"no to", "<request requestID=\"1\" version=\"1.0\" from=\"sip:a@b\" "
		NS ">" ITEM "</request>"},
	{"no from", "<request requestID=\"1\" version=\"1.0\" to=\"sip:a@b\" "
		NS ">" ITEM "</request>"},
	{"tel from", "<request requestID=\"1\" version=\"1.0\" to=\"sip:a@b\" "
		"from=\"tel:+1\" " NS ">" ITEM "</request>"},
	{"blank in from", "<request requestID=\"1\" version=\"1.0\" "
		"to=\"sip:a@b\" from=\"sip:a b\" " NS ">" ITEM "</request>"},
	{"bare sip:", "<request requestID=\"1\" version=\"1.0\" to=\"sip:\" "
		"from=\"sip:a@b\" " NS ">" ITEM "</request>"},
	{"bad route", "<request requestID=\"1\" version=\"1.0\" "
		"to=\"sip:a@b\" from=\"sip:a@b\" route=\"fast\" " NS ">" ITEM
		"</request>"},
	{"no item", ROOT "</request>"},
	{"item without id", ROOT "<credentialsRequest>" WHO
		"</credentialsRequest></request>"},
	{"item with long id", ROOT "<credentialsRequest credentialsRequestID=\""
		ID65 "\">" WHO "</credentialsRequest></request>"},
	{"no identity", IN_ITEM("<duration>1</duration>")},
	{"empty identity", IN_ITEM("<identity> </identity>")},
	{"two identities", IN_ITEM(WHO WHO)},
	{"element in identity", IN_ITEM("<identity>a<b/>c</identity>")},
	{"bad location", IN_ITEM(WHO "<location>moon</location>")},
	{"empty location", IN_ITEM(WHO "<location/>")},
	{"two locations", IN_ITEM(WHO "<location>internet</location>"
		"<location>internet</location>")},
	{"negative duration", IN_ITEM(WHO "<duration>-1</duration>")},
	{"duration in words", IN_ITEM(WHO "<duration>PT8H</duration>")},
	{"empty duration", IN_ITEM(WHO "<duration></duration>")},
	{"second item bad", ROOT ITEM "<credentialsRequest "
		"credentialsRequestID=\"2\"/></request>"},
	{"not UTF-8", IN_ITEM("<identity>\xFF\xFE</identity>")},
};

START_TEST(test_malformed_bodies_are_refused)
{
	ck_assert_msg(parse(MALFORMED[_i].body) == AVEDGE_MALFORMED, "%s: %s",
		MALFORMED[_i].what, avedge_reason_text(AVEDGE_MALFORMED));
	ck_assert_msg(cause[0] != '\0', "%s: no cause", MALFORMED[_i].what);
}
END_TEST

START_TEST(test_what_was_understood_of_a_bad_request_is_kept_for_the_echo)
{
	ck_assert_int_eq(parse(ROOT "</request>"), AVEDGE_MALFORMED);
	assert_str(q.id, "1");
	assert_str(q.version, "2.0");
	assert_str(q.to, "sip:m@b.c");
	ck_assert_int_eq(parse("<request requestID=\"" ID65 "\" version=\"1.0\""
			       " to=\"sip:m@b\" from=\"x\" " NS "/>"),
		AVEDGE_MALFORMED);
	ck_assert(str_is_empty(q.id));
	ck_assert(str_is_empty(q.from));
	assert_str(q.to, "sip:m@b");
}
END_TEST

START_TEST(test_ids_are_counted_in_characters)
{
	char body[1024];
	char id[64 * 3 + 1] = "";

	for (int i = 0; i < 64; i++)
		strcat(id, "\xE2\x82\xAC");
	sprintf(body, ROOT "<credentialsRequest credentialsRequestID=\"%s\">"
		WHO "</credentialsRequest></request>", id);
	ck_assert_int_eq(parse(body), AVEDGE_OK);
	assert_str(q.items[0].id, id);
}
END_TEST

static char *with_items(unsigned count)
{
	char *body = malloc(64 * 1024);
	size_t len = (size_t)sprintf(body, ROOT);

	for (unsigned i = 0; i < count; i++)
		len += (size_t)sprintf(body + len, ITEM);
	sprintf(body + len, "</request>");
	return body;
}

START_TEST(test_100_items_are_read_and_101_are_too_large)
{
	char *body = with_items(100);

	ck_assert_int_eq(parse(body), AVEDGE_OK);
	ck_assert_uint_eq(q.item_count, 100);
	free(body);
	body = with_items(101);
	ck_assert_int_eq(parse(body), AVEDGE_TOO_LARGE);
	assert_str(q.id, "1");
	free(body);
}
END_TEST

START_TEST(test_body_over_256_KiB_is_too_large)
{
	char *body = malloc(AVEDGE_BODY_MAX + 2);
	size_t len = (size_t)sprintf(body, ROOT ITEM "</request>");

	memset(body + len, ' ', AVEDGE_BODY_MAX + 1 - len);
	body[AVEDGE_BODY_MAX + 1] = '\0';
	ck_assert_int_eq(parse(body), AVEDGE_TOO_LARGE);
	body[AVEDGE_BODY_MAX] = '\0';
	ck_assert_int_eq(parse(body), AVEDGE_OK);
	free(body);
}
END_TEST

static enum avedge_reason parse_identity_of(size_t len)
{
	char *body = malloc(len + 1024);
	size_t n = (size_t)sprintf(body,
		ROOT "<credentialsRequest credentialsRequestID=\"1\">"
		     "<identity>");
	enum avedge_reason reason;

	memset(body + n, 'x', len);
	sprintf(body + n + len, "</identity></credentialsRequest></request>");
	reason = parse(body);
	free(body);
	return reason;
}

START_TEST(test_identity_of_64k_is_read_and_one_more_is_not)
{
	ck_assert_int_eq(parse_identity_of(AVEDGE_IDENTITY_MAX), AVEDGE_OK);
	ck_assert_uint_eq(q.items[0].identity.n, AVEDGE_IDENTITY_MAX);
	ck_assert_int_eq(parse_identity_of(AVEDGE_IDENTITY_MAX + 1),
		AVEDGE_MALFORMED);
}
END_TEST

/* ---- threat S15 --------------------------------------------------------- */

START_TEST(test_S15_document_type_is_refused)
{
	static const char *const BAD[] = {
		"<!DOCTYPE request>" ROOT ITEM "</request>",
		"<!DOCTYPE r [<!ENTITY a \"ha\">]>" ROOT ITEM "</request>",
		"<!DOCTYPE r SYSTEM \"file:///etc/passwd\">" ROOT ITEM
		"</request>",
		"<!DOCTYPE r [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>"
		IN_ITEM("<identity>&a;</identity>"),
		IN_ITEM("<identity>&unknown;</identity>"),
	};

	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++)
		ck_assert_int_eq(parse(BAD[i]), AVEDGE_MALFORMED);
}
END_TEST

/* Ten levels of ten: 10^10 times "ha" if it were expanded. */
START_TEST(test_S15_entity_bomb_is_refused)
{
	char body[4096];
	size_t len = (size_t)sprintf(body,
		"<!DOCTYPE r [<!ENTITY e0 \"ha\">");

	for (int i = 1; i <= 10; i++) {
		len += (size_t)sprintf(body + len, "<!ENTITY e%d \"", i);
		for (int k = 0; k < 10; k++)
			len += (size_t)sprintf(body + len, "&e%d;", i - 1);
		len += (size_t)sprintf(body + len, "\">");
	}
	sprintf(body + len, "]>%s",
		IN_ITEM("<identity>&e10;</identity>"));
	ck_assert_int_eq(parse(body), AVEDGE_MALFORMED);
	ck_assert_str_eq(cause, "has a document type");
}
END_TEST

static enum avedge_reason parse_nested(size_t depth)
{
	char *body = malloc(depth * 7 + 1024);
	size_t len = (size_t)sprintf(body, ROOT ITEM);
	enum avedge_reason reason;

	for (size_t i = 0; i < depth; i++)
		len += (size_t)sprintf(body + len, "<a>");
	for (size_t i = 0; i < depth; i++)
		len += (size_t)sprintf(body + len, "</a>");
	sprintf(body + len, "</request>");
	reason = parse(body);
	free(body);
	return reason;
}

START_TEST(test_S15_depth_is_bounded)
{
	ck_assert_int_eq(parse_nested(AVEDGE_DEPTH_MAX - 1), AVEDGE_OK);
	ck_assert_int_eq(parse_nested(AVEDGE_DEPTH_MAX), AVEDGE_MALFORMED);
	ck_assert_str_eq(cause, "nested too deep");
	/* under the limit for bodies: refused for depth */
	ck_assert_int_eq(parse_nested(30000), AVEDGE_MALFORMED);
	ck_assert_str_eq(cause, "nested too deep");
	ck_assert_int_eq(parse_nested(100000), AVEDGE_TOO_LARGE);
}
END_TEST

/* Without the bound: 3 s for one body of 256 KiB. The last two hide where
 * the name begins behind a quote in another value, and in a text. */
START_TEST(test_S15_long_namespace_is_refused_unread)
{
	static const char *const SPELLED[][2] = {
		{" xmlns:a=\"", "\">"}, {" xmlns:a\n =\t'", "'>"},
		{" c=\"xmlns='\" xmlns:a=\"'", "\">"},
		{"><y>xmlns='</y><x xmlns:a=\"'", "\">"},
	};
	char *body = malloc(AVEDGE_BODY_MAX);

	for (size_t i = 0; i < ARRAY_COUNT(SPELLED); i++) {
		size_t len = (size_t)sprintf(body, "<request requestID=\"1\" "
			"version=\"2.0\" to=\"sip:m@b\" from=\"sip:a@b\" " NS
			"%s", SPELLED[i][0]);

		memset(body + len, 'u', 120000);
		len += 120000;
		len += (size_t)sprintf(body + len, "%s", SPELLED[i][1]);
		while (len < AVEDGE_BODY_MAX - 1024)
			len += (size_t)sprintf(body + len, "<x a:b=''/>");
		sprintf(body + len, ITEM "</request>");
		ck_assert_int_eq(parse(body), AVEDGE_MALFORMED);
		ck_assert_msg(strstr(cause, "namespace") != NULL,
			"case %zu: %s", i, cause);
	}
	free(body);
	ck_assert_int_eq(parse(ROOT "<x xmlns:a='urn:a' a:b=''/>" ITEM
		"</request>"), AVEDGE_OK);
	ck_assert_int_eq(parse(ROOT ITEM "</request xmlns='"),
		AVEDGE_MALFORMED);
}
END_TEST

/* expat would read it, and the bound on namespaces look at other bytes. */
START_TEST(test_S15_utf16_hides_no_namespace)
{
	static const char TEXT[] = ROOT "<x xmlns:a='urn:a' a:b=''/>" ITEM
				   "</request>";
	static const char *const MARKS[] = {"", "\xff\xfe", "\xfe\xff"};
	char body[2 + 2 * sizeof(TEXT)];

	for (size_t i = 0; i < 2 * ARRAY_COUNT(MARKS); i++) {
		const char *mark = MARKS[i / 2];
		size_t len = strlen(mark);

		memcpy(body, mark, len);
		for (size_t k = 0; k < sizeof(TEXT) - 1; k++) {
			body[len + k * 2 + i % 2] = TEXT[k];
			body[len + k * 2 + 1 - i % 2] = '\0';
		}
		len += 2 * (sizeof(TEXT) - 1);
		avedge_request_fini(&q);
		ck_assert_int_eq(avedge_request_parse(&q,
			(struct str){body, len}, &cause), AVEDGE_MALFORMED);
		ck_assert_str_eq(cause, "not UTF-8");
	}
}
END_TEST

/* The word alone is no declaration, however often it comes. */
START_TEST(test_S15_word_of_namespaces_may_be_in_a_text)
{
	char *body = malloc(AVEDGE_BODY_MAX + 1);
	size_t len = (size_t)sprintf(body, ROOT
		"<credentialsRequest credentialsRequestID=\"1\"><identity>"
		"sip:xmlns@b</identity></credentialsRequest><y>");

	while (len < AVEDGE_BODY_MAX - 64)
		len += (size_t)sprintf(body + len, "xmlns");
	sprintf(body + len, "</y></request>");
	ck_assert_int_eq(parse(body), AVEDGE_OK);
	assert_str(q.items[0].identity, "sip:xmlns@b");
	free(body);
}
END_TEST

START_TEST(test_S15_many_attributes_are_read_once)
{
	char *body = malloc(AVEDGE_BODY_MAX);
	size_t len = (size_t)sprintf(body, "<request requestID=\"1\" "
		"version=\"2.0\" to=\"sip:m@b\" from=\"sip:a@b\" " NS);

	for (unsigned i = 0; len < AVEDGE_BODY_MAX - 1024; i++)
		len += (size_t)sprintf(body + len, " a%u=\"\"", i);
	sprintf(body + len, ">" ITEM "</request>");
	ck_assert_int_eq(parse(body), AVEDGE_OK);
	free(body);
}
END_TEST

/* ---- writing ------------------------------------------------------------ */

static char *print(const struct avedge_response *a)
{
	char *text;
	size_t len;
	char *z;

	ck_assert_int_eq(avedge_response_print(a, &text, &len), 0);
	z = strndup(text, len);
	free(text);
	return z;
}

static struct avedge_relay RELAYS[] = {
	{AVEDGE_INTRANET, false, "edge-int.contoso.example", 3478, 0},
	{AVEDGE_INTERNET, false, "av.contoso.example", 3478, 443},
};

/* The worked message of the protocol page, byte for byte. */
START_TEST(test_response_is_one_line_in_the_order_of_the_schema)
{
	static const char REQUEST[] =
		"<request requestID=\"7001\" version=\"2.0\" to=\"sip:edge-int."
		"contoso.example@contoso.example;gruu;opaque=srvr:MRAS:abcdefgh"
		"\" from=\"sip:alice@contoso.example\" " NS
		"><credentialsRequest credentialsRequestID=\"7001\"><identity>"
		"sip:alice@contoso.example</identity></credentialsRequest>"
		"</request>";
	static const char WANT[] =
		"<?xml version=\"1.0\"?><response requestID=\"7001\" "
		"version=\"2.0\" serverVersion=\"2.0\" to=\"sip:edge-int."
		"contoso.example@contoso.example;gruu;opaque=srvr:MRAS:abcdefgh"
		"\" from=\"sip:alice@contoso.example\" reasonPhrase=\"OK\" "
		"xmlns=\"http://schemas.microsoft.com/2006/09/sip/mrasp\">"
		"<credentialsResponse credentialsRequestID=\"7001\">"
		"<credentials><username>AgAAJK4pAAAB4PcDlr5fASMUWKLrpItRPZcrOsa"
		"ppL8AAAAArezOptstvxv1BOat0G0JNJ/mm0s=</username><password>1T1c"
		"1qbHv0EyH6RBgGJBMFoJmv0=</password><duration>480</duration>"
		"</credentials><mediaRelayList><mediaRelay><location>internet"
		"</location><hostName>av.contoso.example</hostName><udpPort>"
		"3478</udpPort><tcpPort>443</tcpPort></mediaRelay>"
		"</mediaRelayList></credentialsResponse></response>";
	struct avedge_grant grant = {.user =
		"AgAAJK4pAAAB4PcDlr5fASMUWKLrpItRPZcrOsappL8AAAAArezOptstvxv1"
		"BOat0G0JNJ/mm0s=",
		.password = "1T1c1qbHv0EyH6RBgGJBMFoJmv0=",
		.duration_min = 480,
		.location = AVEDGE_INTERNET};
	struct avedge_response a = {.reason = AVEDGE_OK,
		.server_version = "2.0", .request = &q, .grants = &grant,
		.grant_count = 1, .relays = RELAYS, .relay_count = 2};
	char *text;

	ck_assert_int_eq(parse(REQUEST), AVEDGE_OK);
	grant.id = q.items[0].id;
	text = print(&a);
	ck_assert_str_eq(text, WANT);
	free(text);
}
END_TEST

START_TEST(test_location_not_said_lists_intranet_first_then_internet)
{
	struct avedge_grant grant = {.id = STR_LIT("1"), .user = "u",
		.password = "p", .duration_min = 1,
		.location = AVEDGE_ANYWHERE};
	struct avedge_response a = {.server_version = "2.0", .request = &q,
		.grants = &grant, .grant_count = 1, .relays = RELAYS,
		.relay_count = 2};
	char *text;
	char *in, *out;

	ck_assert_int_eq(parse(SIPE), AVEDGE_OK);
	text = print(&a);
	in = strstr(text, "edge-int.contoso.example");
	out = strstr(text, "av.contoso.example");
	ck_assert_ptr_nonnull(in);
	ck_assert_ptr_nonnull(out);
	ck_assert(in < out);
	/* the inside relay offers no TCP: no element, not a 0 */
	ck_assert_ptr_nonnull(strstr(text,
		"<udpPort>3478</udpPort></mediaRelay>"));
	free(text);
	RELAYS[0].udp_port = 0;
	grant.location = AVEDGE_INTRANET;
	text = print(&a);
	ck_assert_ptr_null(strstr(text, "udpPort"));
	RELAYS[0].udp_port = 3478;
	ck_assert_ptr_null(strstr(text, "av.contoso.example"));
	free(text);
}
END_TEST

START_TEST(test_error_has_a_reason_and_no_credentials)
{
	struct avedge_response a = {.reason = AVEDGE_VERSION_MISMATCH,
		.server_version = "2.0", .request = &q};
	char *text;

	ck_assert_int_eq(parse("<request requestID=\"7001\" version=\"3.0\" "
			       "to=\"sip:m@b\" from=\"sip:a@b\" " NS ">" ITEM
			       "</request>"), AVEDGE_OK);
	text = print(&a);
	ck_assert_str_eq(text, "<?xml version=\"1.0\"?><response "
		"requestID=\"7001\" version=\"3.0\" serverVersion=\"2.0\" "
		"to=\"sip:m@b\" from=\"sip:a@b\" reasonPhrase=\"Version "
		"Mismatch\" " NS "/>");
	free(text);
	avedge_request_fini(&q);
	a.reason = AVEDGE_MALFORMED;
	text = print(&a);
	ck_assert_str_eq(text, "<?xml version=\"1.0\"?><response "
		"serverVersion=\"2.0\" reasonPhrase=\"Request Malformed\" " NS
		"/>");
	free(text);
}
END_TEST

/* What is echoed can't break out, and reads back as what it was. */
START_TEST(test_S16_echo_is_escaped)
{
	struct avedge_response a = {.reason = AVEDGE_MALFORMED,
		.server_version = "2.0", .request = &q};
	char *text;

	ck_assert_int_eq(parse("<request requestID=\"&quot;&lt;&amp;x&#13;&#10;"
			       "y&#9;\" version=\"2.0\" "
			       "to=\"sip:m@b&quot;&gt;\" "
			       "from=\"sip:a@b&lt;\" " NS ">" ITEM
			       "</request>"), AVEDGE_OK);
	text = print(&a);
	ck_assert_ptr_nonnull(strstr(text,
		"requestID=\"&quot;&lt;&amp;x&#13;&#10;y\""));
	ck_assert_ptr_nonnull(strstr(text, "to=\"sip:m@b&quot;&gt;\""));
	ck_assert_ptr_null(strchr(text, '\n'));
	ck_assert_ptr_null(strchr(text, '\r'));
	free(text);
}
END_TEST

/* The bound is on the safe side for the longest of everything. */
START_TEST(test_largest_answer_fits_its_bound)
{
	struct avedge_grant grants[AVEDGE_ITEMS_MAX];
	struct avedge_relay relays[8];
	struct avedge_response a = {.server_version = "2.0", .request = &q,
		.grants = grants, .grant_count = AVEDGE_ITEMS_MAX,
		.relays = relays, .relay_count = 8};
	static char id[65];
	char *text;

	memset(id, '"', 64);
	for (size_t i = 0; i < 8; i++) {
		relays[i] = (struct avedge_relay){AVEDGE_INTRANET, true, "",
			65535, 65535};
		memset(relays[i].name, '"', 255);
	}
	for (size_t i = 0; i < AVEDGE_ITEMS_MAX; i++) {
		grants[i] = (struct avedge_grant){.id = str_of(id),
			.duration_min = UINT32_MAX};
		memset(grants[i].user, '"', AV_CRED_USER_TEXT - 1);
		memset(grants[i].password, '"', AV_CRED_PASSWORD_TEXT - 1);
	}
	ck_assert_int_eq(parse(SIPE), AVEDGE_OK);
	text = print(&a);
	ck_assert_ptr_nonnull(strstr(text, "</response>"));
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("avedge_xml");
	TCase *tc = tcase_create("avedge_xml");
	SRunner *sr;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_request_1_0_of_sipe_is_read);
	tcase_add_test(tc, test_request_2_0_with_two_items_is_read);
	tcase_add_test(tc, test_attribute_order_is_free);
	tcase_add_test(tc, test_namespace_with_a_prefix_is_the_same);
	tcase_add_test(tc, test_utf8_identity_and_references_are_read);
	tcase_add_test(tc,
		test_wrong_encoding_in_the_declaration_is_no_matter);
	tcase_add_test(tc, test_unknown_elements_and_attributes_are_skipped);
	tcase_add_loop_test(tc, test_duration_is_read_and_clamped, 0,
		ARRAY_COUNT(DURATIONS));
	tcase_add_loop_test(tc, test_malformed_bodies_are_refused, 0,
		ARRAY_COUNT(MALFORMED));
	tcase_add_test(tc,
		test_what_was_understood_of_a_bad_request_is_kept_for_the_echo);
	tcase_add_test(tc, test_ids_are_counted_in_characters);
	tcase_add_test(tc, test_100_items_are_read_and_101_are_too_large);
	tcase_add_test(tc, test_body_over_256_KiB_is_too_large);
	tcase_add_test(tc, test_identity_of_64k_is_read_and_one_more_is_not);
	tcase_add_test(tc, test_S15_document_type_is_refused);
	tcase_add_test(tc, test_S15_entity_bomb_is_refused);
	tcase_add_test(tc, test_S15_depth_is_bounded);
	tcase_add_test(tc, test_S15_long_namespace_is_refused_unread);
	tcase_add_test(tc, test_S15_utf16_hides_no_namespace);
	tcase_add_test(tc, test_S15_word_of_namespaces_may_be_in_a_text);
	tcase_add_test(tc, test_S15_many_attributes_are_read_once);
	tcase_add_test(tc,
		test_response_is_one_line_in_the_order_of_the_schema);
	tcase_add_test(tc,
		test_location_not_said_lists_intranet_first_then_internet);
	tcase_add_test(tc, test_error_has_a_reason_and_no_credentials);
	tcase_add_test(tc, test_S16_echo_is_escaped);
	tcase_add_test(tc, test_largest_answer_fits_its_bound);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
