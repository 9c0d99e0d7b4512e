/* The resolver against two tiny name servers on the same loop. */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/net/resolve.h"
#include "tests/unit/net/ends.h"

#define TYPE_A    1
#define TYPE_AAAA 28
#define TYPE_SRV  33

/* A name server: answers by the name it is asked for. */
struct server {
	int fd;
	struct loop_fd *watch;
	struct addr at;
	struct addr asker; /* of the last question */
	unsigned asked;
};

struct result {
	bool is_told;
	int err;
	size_t count;
	struct addr addrs[RESOLVE_ADDRS_MAX];
	struct resolve_srv rows[8];
	char detail[400];
};

struct bench {
	struct loop *loop;
	struct conf conf;
	struct server inside;
	struct server outside;
	struct resolver *resolver;
	struct result result;
	struct resolve_query *query;
};

static struct bench b;

static void put_answer(struct wbuf *w, unsigned type, const void *data,
	size_t len)
{
	wbuf_u16(w, 0xc00c);
	wbuf_u16(w, (uint16_t)type);
	wbuf_u16(w, 1);
	wbuf_u32(w, 60);
	wbuf_u16(w, (uint16_t)len);
	wbuf_bytes(w, data, len);
}

static unsigned put_addresses(struct wbuf *w, const char *name,
	unsigned type)
{
	static const uint8_t one[] = { 192, 0, 2, 1 };
	static const uint8_t two[] = { 192, 0, 2, 2 };
	static const uint8_t zero[4];
	static const uint8_t six[16] = { 0x20, 1, 0xd, 0xb8, [15] = 6 };
	uint8_t many[] = { 198, 51, 100, 0 };

	if (strcmp(name, "six.test") == 0 && type == TYPE_AAAA) {
		put_answer(w, type, six, sizeof(six));
		return 1;
	}
	if (type != TYPE_A)
		return 0;
	if (strcmp(name, "a.test") == 0) {
		put_answer(w, type, one, 4);
		put_answer(w, type, two, 4);
		return 2;
	}
	if (strcmp(name, "zero.test") == 0) {
		put_answer(w, type, zero, 4);
		return 1;
	}
	if (strcmp(name, "alias.test") == 0) {
		/* CNAME to real.<the question's last label> */
		put_answer(w, 5, "\4real\xc0\x12", 7);
		wbuf_bytes(w, "\4real\xc0\x12\0\1\0\1\0\0\0\74\0\4\300\0\2\2",
			21);
		return 2;
	}
	if (strcmp(name, "many.test") != 0)
		return 0;
	while (many[3] < 30) {
		many[3]++;
		put_answer(w, type, many, 4);
	}
	return many[3];
}

static unsigned put_services(struct wbuf *w, const char *name)
{
	static const uint8_t far[] = "\0\24\0\0\x13\xc5\3far\4test";
	static const uint8_t near[] = "\0\12\0\0\x01\xbb\4near\4test";
	static const uint8_t none[] = "\0\0\0\0\0\0";
	static const uint8_t torn[] = "\0\0\0";

	if (strcmp(name, "_sip._tls.srv.test") == 0) {
		put_answer(w, TYPE_SRV, far, sizeof(far));
		put_answer(w, TYPE_SRV, near, sizeof(near));
		return 2;
	}
	if (strcmp(name, "_sip._tls.declined.test") == 0) {
		put_answer(w, TYPE_SRV, none, sizeof(none));
		return 1;
	}
	if (strcmp(name, "_sip._tls.torn.test") == 0) {
		put_answer(w, TYPE_SRV, torn, sizeof(torn) - 1);
		return 1;
	}
	return 0;
}

/* The question's name with dots; its end (type, class) in *end. */
static void read_name(const uint8_t *p, size_t len, char *out, size_t *end)
{
	size_t at = 12;

	out[0] = '\0';
	while (at < len && p[at] != 0 && at + p[at] < len) {
		if (out[0] != '\0')
			strcat(out, ".");
		strncat(out, (const char *)p + at + 1, p[at]);
		at += p[at] + 1u;
	}
	*end = at + 5;
}

static void reply(struct server *s, uint8_t *p, struct wbuf *w,
	unsigned code, unsigned answers)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&s->asker, &ss);

	buf_store_u16(p + 2, (uint16_t)(0x8180 | code));
	buf_store_u16(p + 6, (uint16_t)answers);
	buf_store_u16(p + 8, 0);
	buf_store_u16(p + 10, 0); /* its EDNS record is not repeated */
	sendto(s->fd, p, w->len, 0, (struct sockaddr *)&ss, len);
}

static void on_question(unsigned ready, void *arg)
{
	struct server *s = arg;
	struct sockaddr_storage ss;
	socklen_t sslen = sizeof(ss);
	uint8_t p[2048];
	char name[256];
	struct wbuf w;
	unsigned type;
	unsigned n = 0;
	size_t end;
	ssize_t len = recvfrom(s->fd, p, 512, 0, (struct sockaddr *)&ss,
		&sslen);

	(void)ready;
	ck_assert_int_gt(len, 12);
	ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&ss, sslen,
		&s->asker), 0);
	s->asked++;
	read_name(p, (size_t)len, name, &end);
	type = buf_load_u16(p + end - 4);
	w = wbuf_of(p, sizeof(p));
	w.len = end;
	if (strcmp(name, "silent.test") == 0)
		return;
	if (strcmp(name, "none.test") == 0) {
		reply(s, p, &w, 3, 0);
		return;
	}
	if (strcmp(name, "broken.test") == 0) {
		reply(s, p, &w, 2, 0);
		return;
	}
	if (strcmp(name, "forged.test") == 0 && type == TYPE_A) {
		put_answer(&w, TYPE_A, "\300\0\2\102", 4);
		p[0] ^= 0x55; /* another id */
		reply(s, p, &w, 0, 1);
		p[0] ^= 0x55;
		w.len = end;
		put_answer(&w, TYPE_A, "\300\0\2\3", 4);
		reply(s, p, &w, 0, 1);
		return;
	}
	n = type == TYPE_SRV ? put_services(&w, name) :
		put_addresses(&w, name, type);
	reply(s, p, &w, 0, n);
}

static void server_start(struct server *s)
{
	struct sockaddr_storage ss;
	socklen_t len;

	ck_assert_int_eq(addr_parse_z("127.0.0.1", 0, &s->at), 0);
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	len = addr_to_sockaddr(&s->at, &ss);
	ck_assert_int_eq(bind(s->fd, (struct sockaddr *)&ss, len), 0);
	len = sizeof(ss);
	getsockname(s->fd, (struct sockaddr *)&ss, &len);
	ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&ss, len,
		&s->at), 0);
	ck_assert_int_eq(loop_fd_new(&s->watch, b.loop, s->fd, LOOP_READ,
		on_question, s), 0);
}

static struct addr host_addrs[2];
static char host_name[] = "front.contoso.test";
static struct conf_host hosts[1] = {
	{ host_name, host_addrs, 2 },
};

static void setup(void)
{
	struct addr local;

	memset(&b, 0, sizeof(b));
	ck_assert_int_eq(loop_new(&b.loop), 0);
	server_start(&b.inside);
	server_start(&b.outside);
	ck_assert_int_eq(addr_parse_z("10.1.1.1", 0, &host_addrs[0]), 0);
	ck_assert_int_eq(addr_parse_z("fd00::1", 0, &host_addrs[1]), 0);
	b.conf.hosts = hosts;
	b.conf.host_count = 1;
	b.conf.resolver_internal[0] = b.inside.at;
	b.conf.resolver_internal_count = 1;
	b.conf.resolver_external[0] = b.outside.at;
	b.conf.resolver_external_count = 1;
	ck_assert_int_eq(addr_parse_z("127.0.1.10", 0, &local), 0);
	ck_assert_int_eq(resolver_new(&b.resolver, b.loop, &b.conf, &local,
		NULL), 0);
}

static void teardown(void)
{
	resolver_free(b.resolver);
	loop_fd_free(b.inside.watch);
	loop_fd_free(b.outside.watch);
	close(b.inside.fd);
	close(b.outside.fd);
	loop_free(b.loop);
}

static void on_host(int err, const struct addr *addrs, size_t count,
	const char *detail, void *arg)
{
	struct result *r = arg;

	ck_assert(!r->is_told);
	r->is_told = true;
	r->err = err;
	r->count = count;
	memcpy(r->addrs, addrs, count * sizeof(*addrs));
	snprintf(r->detail, sizeof(r->detail), "%s", detail);
}

static void on_srv(int err, const struct resolve_srv *rows, size_t count,
	const char *detail, void *arg)
{
	struct result *r = arg;

	ck_assert(!r->is_told);
	r->is_told = true;
	r->err = err;
	r->count = count;
	if (count > 0)
		memcpy(r->rows, rows, count * sizeof(*rows));
	snprintf(r->detail, sizeof(r->detail), "%s", detail);
}

static void ask(const char *name, enum resolve_side side)
{
	memset(&b.result, 0, sizeof(b.result));
	ck_assert_int_eq(resolve_host(&b.query, b.resolver, name, 5061, side,
		on_host, &b.result), 0);
	ck_assert(!b.result.is_told);
}

static void host(const char *name, enum resolve_side side)
{
	ask(name, side);
	TURN_UNTIL(b.loop, b.result.is_told);
}

static void service(const char *name)
{
	memset(&b.result, 0, sizeof(b.result));
	ck_assert_int_eq(resolve_srv(&b.query, b.resolver, name,
		RESOLVE_OUTSIDE, on_srv, &b.result), 0);
	TURN_UNTIL(b.loop, b.result.is_told);
}

static void assert_addr(size_t i, const char *text)
{
	char got[ADDR_TEXT_LEN];

	ck_assert_str_eq(addr_text(&b.result.addrs[i], got), text);
}

START_TEST(test_a_name_gives_its_addresses_with_the_port)
{
	host("a.test", RESOLVE_OUTSIDE);
	ck_assert_int_eq(b.result.err, 0);
	ck_assert_uint_eq(b.result.count, 2);
	assert_addr(0, "192.0.2.1:5061");
	assert_addr(1, "192.0.2.2:5061");
	host("six.test.", RESOLVE_OUTSIDE);
	ck_assert_uint_eq(b.result.count, 1);
	assert_addr(0, "[2001:db8::6]:5061");
	host("alias.test", RESOLVE_OUTSIDE);
	ck_assert_uint_eq(b.result.count, 1);
	assert_addr(0, "192.0.2.2:5061");
}
END_TEST

START_TEST(test_literals_and_hosts_need_no_server)
{
	host("192.0.2.77", RESOLVE_OUTSIDE);
	assert_addr(0, "192.0.2.77:5061");
	host("2001:db8::1", RESOLVE_INSIDE);
	assert_addr(0, "[2001:db8::1]:5061");
	host("FRONT.contoso.test", RESOLVE_OUTSIDE);
	ck_assert_uint_eq(b.result.count, 2);
	assert_addr(0, "10.1.1.1:5061");
	assert_addr(1, "[fd00::1]:5061");
	ck_assert_uint_eq(b.inside.asked + b.outside.asked, 0);
}
END_TEST

START_TEST(test_each_side_has_its_servers)
{
	host("a.test", RESOLVE_INSIDE);
	ck_assert_uint_gt(b.inside.asked, 0);
	ck_assert_uint_eq(b.outside.asked, 0);
	b.inside.asked = 0;
	host("a.test", RESOLVE_OUTSIDE);
	ck_assert_uint_eq(b.inside.asked, 0);
	ck_assert_uint_gt(b.outside.asked, 0);
}
END_TEST

/* A name of /etc/hosts that only that file can know. */
static bool name_of_file(char out[static 128])
{
	FILE *f = fopen("/etc/hosts", "re");
	char line[512];
	bool found = false;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = sscanf(line, "%*[0-9.] %127s", out) == 1 &&
			strstr(out, "localhost") == NULL;
	if (f != NULL)
		fclose(f);
	return found;
}

START_TEST(test_outside_names_never_meet_the_hosts_file)
{
	char name[128];

	if (!name_of_file(name))
		return;
	host(name, RESOLVE_INSIDE);
	ck_assert_int_eq(b.result.err, 0);
	ck_assert_uint_eq(b.inside.asked, 0);
	host(name, RESOLVE_OUTSIDE);
	ck_assert_int_eq(b.result.err, EDGE_EUNKNOWN);
	ck_assert_uint_gt(b.outside.asked, 0);
}
END_TEST

START_TEST(test_questions_leave_from_the_outside_address)
{
	struct addr want;

	ck_assert_int_eq(addr_parse_z("127.0.1.10", 0, &want), 0);
	host("a.test", RESOLVE_OUTSIDE);
	ck_assert(addr_ip_eq(&b.outside.asker, &want));
}
END_TEST

START_TEST(test_ports_change_from_question_to_question)
{
	unsigned same = 0;
	uint16_t last = 0;
	int i;

	for (i = 0; i < 10; i++) {
		host("a.test", RESOLVE_OUTSIDE);
		same += b.outside.asker.port == last;
		last = b.outside.asker.port;
	}
	ck_assert_uint_lt(same, 3);
}
END_TEST

START_TEST(test_failures_are_told_apart)
{
	host("none.test", RESOLVE_OUTSIDE);
	ck_assert_int_eq(b.result.err, EDGE_EUNKNOWN);
	ck_assert_str_eq(b.result.detail, "none.test: no such name");
	host("empty.test", RESOLVE_OUTSIDE);
	ck_assert_int_eq(b.result.err, EDGE_EUNKNOWN);
	host("zero.test", RESOLVE_OUTSIDE);
	ck_assert_int_eq(b.result.err, EDGE_EUNKNOWN);
	host("broken.test", RESOLVE_OUTSIDE);
	ck_assert_int_eq(b.result.err, EDGE_EPEER);
}
END_TEST

START_TEST(test_a_silent_server_meets_the_deadline)
{
	struct mono begin = mono_now();

	host("silent.test", RESOLVE_OUTSIDE);
	ck_assert_int_eq(b.result.err, -ETIMEDOUT);
	ck_assert_int_lt(mono_since_ms(begin, mono_now()), 5500);
	ck_assert_uint_gt(b.outside.asked, 2);
}
END_TEST

START_TEST(test_answers_are_bounded)
{
	host("many.test", RESOLVE_OUTSIDE);
	ck_assert_int_eq(b.result.err, 0);
	ck_assert_uint_eq(b.result.count, RESOLVE_ADDRS_MAX);
}
END_TEST

START_TEST(test_an_answer_with_another_id_is_not_believed)
{
	host("forged.test", RESOLVE_OUTSIDE);
	ck_assert_int_eq(b.result.err, 0);
	ck_assert_uint_eq(b.result.count, 1);
	assert_addr(0, "192.0.2.3:5061");
}
END_TEST

START_TEST(test_services_come_in_the_order_to_try)
{
	service("_sip._tls.srv.test");
	ck_assert_int_eq(b.result.err, 0);
	ck_assert_uint_eq(b.result.count, 2);
	ck_assert_str_eq(b.result.rows[0].target, "near.test");
	ck_assert_uint_eq(b.result.rows[0].port, 443);
	ck_assert_uint_eq(b.result.rows[0].ttl_s, 60);
	ck_assert_str_eq(b.result.rows[1].target, "far.test");
	service("_sip._tls.declined.test");
	ck_assert_int_eq(b.result.err, EDGE_EUNKNOWN);
	service("_sip._tls.torn.test");
	ck_assert_int_eq(b.result.err, EDGE_EPEER);
	service("_sip._tls.nothing.test");
	ck_assert_int_eq(b.result.err, EDGE_EUNKNOWN);
}
END_TEST

START_TEST(test_names_that_are_none_are_refused_at_once)
{
	static const char *const bad[] = { "", ".", "a..test", "a b.test",
		"a_b.test", "-a.test", "1.2.3", "a.test..", "[::1" };
	size_t i;

	for (i = 0; i < ARRAY_COUNT(bad); i++)
		ck_assert_int_lt(resolve_host(&b.query, b.resolver, bad[i],
			1, RESOLVE_INSIDE, on_host, &b.result), 0);
	ck_assert_int_eq(resolve_srv(&b.query, b.resolver, "_sip",
		RESOLVE_OUTSIDE, on_srv, &b.result), EDGE_EMALFORMED);
	ck_assert_int_eq(resolve_srv(&b.query, b.resolver, "_a b.c.test",
		RESOLVE_OUTSIDE, on_srv, &b.result), EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_without_servers_the_answer_names_the_setting)
{
	resolver_free(b.resolver);
	b.resolver = NULL;
	b.conf.resolver_external_count = 0;
	b.conf.resolver_internal_count = 0;
	ck_assert_int_eq(resolver_new(&b.resolver, b.loop, &b.conf, NULL,
		NULL), 0);
	host("a.test", RESOLVE_OUTSIDE);
	ck_assert_int_eq(b.result.err, EDGE_EUNKNOWN);
	ck_assert_ptr_nonnull(strstr(b.result.detail, "resolver.external"));
	host("surely-not-in-the-file.test", RESOLVE_INSIDE);
	ck_assert_int_lt(b.result.err, 0);
	service("_sip._tls.srv.test");
	ck_assert_int_eq(b.result.err, EDGE_EUNKNOWN);
}
END_TEST

START_TEST(test_cancelled_queries_say_nothing)
{
	ask("a.test", RESOLVE_OUTSIDE);
	resolve_cancel(b.query);
	ask("127.0.0.9", RESOLVE_OUTSIDE);
	resolve_cancel(b.query);
	ask("silent.test", RESOLVE_OUTSIDE);
	turn_for_ms(b.loop, 50);
	resolve_cancel(b.query);
	turn_for_ms(b.loop, 100);
	ck_assert(!b.result.is_told);
	resolve_cancel(NULL);
}
END_TEST

START_TEST(test_freeing_the_resolver_ends_queries_silently)
{
	ask("silent.test", RESOLVE_OUTSIDE);
	turn_for_ms(b.loop, 20);
	ask("127.0.0.9", RESOLVE_OUTSIDE);
	resolver_free(b.resolver);
	b.resolver = NULL;
	turn_for_ms(b.loop, 30);
	ck_assert(!b.result.is_told);
}
END_TEST

static void free_in_answer(int err, const struct addr *addrs, size_t count,
	const char *detail, void *arg)
{
	(void)addrs;
	(void)count;
	(void)detail;
	ck_assert_int_eq(err, 0);
	resolver_free(b.resolver);
	b.resolver = NULL;
	*(bool *)arg = true;
}

START_TEST(test_the_resolver_may_be_freed_in_an_answer)
{
	bool is_told = false;

	ck_assert_int_eq(resolve_host(&b.query, b.resolver, "a.test", 1,
		RESOLVE_OUTSIDE, free_in_answer, &is_told), 0);
	TURN_UNTIL(b.loop, is_told);
}
END_TEST

START_TEST(test_a_flood_of_questions_is_refused)
{
	struct resolve_query *all[1100];
	size_t count = 0;
	int err = 0;

	while (err == 0 && count < ARRAY_COUNT(all)) {
		err = resolve_host(&all[count], b.resolver, "127.0.0.9", 1,
			RESOLVE_INSIDE, on_host, &b.result);
		if (err == 0)
			count++;
	}
	ck_assert_int_eq(err, EDGE_EBUSY);
	ck_assert_uint_eq(count, 1000);
	while (count > 0)
		resolve_cancel(all[--count]);
	host("127.0.0.9", RESOLVE_INSIDE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resolve");
	TCase *tc = tcase_create("resolve");
	SRunner *sr = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, test_a_name_gives_its_addresses_with_the_port);
	tcase_add_test(tc, test_literals_and_hosts_need_no_server);
	tcase_add_test(tc, test_each_side_has_its_servers);
	tcase_add_test(tc, test_outside_names_never_meet_the_hosts_file);
	tcase_add_test(tc, test_questions_leave_from_the_outside_address);
	tcase_add_test(tc, test_ports_change_from_question_to_question);
	tcase_add_test(tc, test_failures_are_told_apart);
	tcase_add_test(tc, test_a_silent_server_meets_the_deadline);
	tcase_add_test(tc, test_answers_are_bounded);
	tcase_add_test(tc, test_an_answer_with_another_id_is_not_believed);
	tcase_add_test(tc, test_services_come_in_the_order_to_try);
	tcase_add_test(tc, test_names_that_are_none_are_refused_at_once);
	tcase_add_test(tc, test_without_servers_the_answer_names_the_setting);
	tcase_add_test(tc, test_cancelled_queries_say_nothing);
	tcase_add_test(tc, test_freeing_the_resolver_ends_queries_silently);
	tcase_add_test(tc, test_the_resolver_may_be_freed_in_an_answer);
	tcase_add_test(tc, test_a_flood_of_questions_is_refused);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
