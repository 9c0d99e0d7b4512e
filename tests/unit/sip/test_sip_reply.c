/* Answers of our own, and requests of our own. */
#include "common/sip/sip_build.h"
#include "common/sip/sip_reply.h"
#include "tests/unit/check_main.h"

#define REQUEST                                                   \
	"INVITE sip:d@b.test SIP/2.0\r\n"                         \
	"v: SIP/2.0/TLS c.test;branch=z9hG4bK1\r\n"               \
	"Via: SIP/2.0/TLS e.test\r\n"                             \
	"Record-Route: <sip:r1;lr>,\r\n <sip:r2;lr>\r\n"          \
	"f: \"C\" <sip:c@a.test>;tag=1\r\nTo : <sip:d@b.test>\r\n" \
	"Call-ID: x\r\nCSeq: 1 INVITE\r\nX: y\r\nContent-Length: 0\r\n\r\n"

static struct sip_msg *parse(const char *text, size_t len)
{
	struct sip_fault fault;
	struct sip_msg *m;

	ck_assert_int_ne(sip_msg_parse(&m, (struct str){text, len}, &fault),
		-ENOMEM);
	return m;
}

START_TEST(test_answer_repeats_what_it_must)
{
	const struct sip_field first = {"A", STR_LIT("1")};
	const struct sip_field field = {"B", STR_LIT("2")};
	struct sip_msg *m = parse(REQUEST, sizeof(REQUEST) - 1);
	char *out = NULL;
	size_t len = 0;

	ck_assert_int_eq(sip_reply_print(m, &(struct sip_reply){
		.status = 486, .to_tag = "t", .first = &first,
		.first_count = 1, .fields = &field, .field_count = 1,
		.content_type = "text/plain", .body = STR_LIT("hi"),
		}, &out, &len), 0);
	ck_assert_str_eq(out, "SIP/2.0 486 Busy Here\r\nA: 1\r\n"
		"v: SIP/2.0/TLS c.test;branch=z9hG4bK1\r\n"
		"Via: SIP/2.0/TLS e.test\r\n"
		"f: \"C\" <sip:c@a.test>;tag=1\r\n"
		"To : <sip:d@b.test>;tag=t\r\nCall-ID: x\r\n"
		"CSeq: 1 INVITE\r\nB: 2\r\nContent-Type: text/plain\r\n"
		"Content-Length: 2\r\n\r\nhi");
	ck_assert_uint_eq(len, strlen(out));
	free(out);
	sip_msg_free(m);
}
END_TEST

START_TEST(test_100_gets_no_tag_others_a_random_one)
{
	struct sip_msg *m = parse(REQUEST, sizeof(REQUEST) - 1);
	char *out = NULL, *again = NULL;
	size_t len = 0;

	ck_assert_int_eq(sip_reply_print(m, &(struct sip_reply){
		.status = 100}, &out, &len), 0);
	ck_assert_ptr_nonnull(strstr(out, "To : <sip:d@b.test>\r\n"));
	free(out);
	ck_assert_int_eq(sip_reply_print(m, &(struct sip_reply){
		.status = 404, .keep_record_route = true}, &out, &len), 0);
	ck_assert_int_eq(sip_reply_print(m, &(struct sip_reply){
		.status = 404}, &again, &len), 0);
	ck_assert_ptr_nonnull(strstr(out, "<sip:d@b.test>;tag="));
	ck_assert_ptr_nonnull(strstr(out, "Record-Route: <sip:r1;lr>,"));
	ck_assert_str_ne(strstr(out, "To :"), strstr(again, "To :"));
	free(out);
	free(again);
	sip_msg_free(m);
}
END_TEST

START_TEST(test_S2_answers_take_no_line_ends_and_repeat_no_nul)
{
	static const char evil[] = "INFO sip:d@b SIP/2.0\r\n"
		"Via: SIP/2.0/TLS a\0b\r\nFrom: <sip:c@a>\r\n"
		"To: <sip:d@b>\r\nCall-ID: x\r\nCSeq: 1 INFO\r\n\r\n";
	struct sip_field field = {"B", STR_LIT("2\r\nC: 3")};
	struct sip_msg *m = parse(REQUEST, sizeof(REQUEST) - 1);
	char *out = NULL;
	size_t len = 0;

	ck_assert_int_eq(sip_reply_print(m, &(struct sip_reply){
		.status = 200, .fields = &field, .field_count = 1}, &out,
		&len), EDGE_EMALFORMED);
	field = (struct sip_field){"B\r\nC", STR_LIT("2")};
	ck_assert_int_eq(sip_reply_print(m, &(struct sip_reply){
		.status = 200, .fields = &field, .field_count = 1}, &out,
		&len), EDGE_EMALFORMED);
	/* A reason with a line end is replaced by the usual one. */
	ck_assert_int_eq(sip_reply_print(m, &(struct sip_reply){
		.status = 404, .reason = "x\r\ny"}, &out, &len), 0);
	ck_assert_int_eq(strncmp(out, "SIP/2.0 404 Not Found\r\n", 23), 0);
	free(out);
	sip_msg_free(m);
	m = parse(evil, sizeof(evil) - 1);
	ck_assert_int_eq(sip_reply_print(m, &(struct sip_reply){
		.status = 400}, &out, &len), EDGE_EMALFORMED);
	sip_msg_free(m);
}
END_TEST

START_TEST(test_answer_needs_the_headers_but_a_400_only_via)
{
	static const char text[] = "INFO sip:d@b SIP/2.0\r\n"
		"Via: SIP/2.0/TLS a\r\n\r\n";
	static const char none[] = "INFO sip:d@b SIP/2.0\r\n\r\n";
	struct sip_msg *m = parse(text, sizeof(text) - 1);
	char *out = NULL;
	size_t len = 0;

	ck_assert_int_eq(sip_reply_print(m, &(struct sip_reply){
		.status = 404}, &out, &len), EDGE_EMALFORMED);
	ck_assert_int_eq(sip_reply_print(m, &(struct sip_reply){
		.status = 400}, &out, &len), 0);
	free(out);
	sip_msg_free(m);
	m = parse(none, sizeof(none) - 1);
	ck_assert_int_eq(sip_reply_print(m, &(struct sip_reply){
		.status = 400}, &out, &len), EDGE_EMALFORMED);
	sip_msg_free(m);
}
END_TEST

START_TEST(test_request_is_built_and_reads_back)
{
	static const char *const routes[] = {"<sip:r1;lr>", "<sip:r2;lr>"};
	const struct sip_field field = {"Event", STR_LIT("presence")};
	char branch[SIP_BRANCH_LEN];
	struct sip_request r = {
		.method = "SUBSCRIBE", .uri = "sip:d@b.test",
		.via_host = "c.test:5061", .branch = sip_branch(branch),
		.via_params = ";rport", .routes = routes, .route_count = 2,
		.from = "<sip:c@a.test>;tag=1", .to = "<sip:d@b.test>",
		.call_id = "x", .cseq = 3, .contact = "<sip:c@c.test>",
		.fields = &field, .field_count = 1,
		.content_type = "text/plain", .body = STR_LIT("hi"),
	};
	char *out = NULL;
	size_t len = 0;
	struct sip_fault fault;
	struct sip_msg *m;

	ck_assert_int_eq(sip_build(&r, &out, &len), 0);
	ck_assert_int_eq(sip_msg_parse(&m, (struct str){out, len}, &fault),
		0);
	ck_assert(str_eq_z(m->via.branch, branch));
	ck_assert_uint_eq(m->route_count, 2);
	ck_assert_uint_eq(m->max_forwards, 70);
	ck_assert(str_eq_z(sip_msg_header(m, "Event"), "presence"));
	ck_assert(str_eq_z(m->body, "hi"));
	sip_msg_free(m);
	free(out);
	r.from = "<sip:c@a>\r\nX: y";
	ck_assert_int_eq(sip_build(&r, &out, &len), EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_routes_are_taken_in_order_or_reversed)
{
	struct sip_msg *m = parse(REQUEST, sizeof(REQUEST) - 1);
	char **routes = NULL;
	size_t count = 0;

	ck_assert_int_eq(sip_routes_from(m, true, &routes, &count), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(routes[0], "<sip:r2;lr>");
	ck_assert_str_eq(routes[1], "<sip:r1;lr>");
	sip_routes_free(routes, count);
	ck_assert_int_eq(sip_routes_from(m, false, &routes, &count), 0);
	ck_assert_str_eq(routes[0], "<sip:r1;lr>");
	sip_routes_free(routes, count);
	sip_msg_free(m);
}
END_TEST

START_TEST(test_reasons)
{
	ck_assert_str_eq(sip_reason_text(200), "OK");
	ck_assert_str_eq(sip_reason_text(299), "");
}
END_TEST

int main(void)
{
	RUN_SUITE("sip/sip_reply", test_answer_repeats_what_it_must,
		test_100_gets_no_tag_others_a_random_one,
		test_S2_answers_take_no_line_ends_and_repeat_no_nul,
		test_answer_needs_the_headers_but_a_400_only_via,
		test_request_is_built_and_reads_back,
		test_routes_are_taken_in_order_or_reversed,
		test_reasons);
}
