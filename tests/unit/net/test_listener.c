/* Listeners: binding, what errors say, limits, running out of descriptors. */
#include <check.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "common/base/log.h"
#include "common/net/listener.h"
#include "tests/unit/net/ends.h"

#define TAKEN_MAX 256

struct bench {
	struct loop *loop;
	struct listener *l;
	struct listener_spec spec;
	int fds[TAKEN_MAX];
	struct addr remotes[TAKEN_MAX];
	unsigned taken;
	int clients[TAKEN_MAX];
	unsigned client_count;
	unsigned paused_lines;
	unsigned resumed_lines;
};

static struct bench b;

static void on_log(const char *line, void *arg)
{
	(void)arg;
	b.paused_lines += strstr(line, "event=listener.paused") != NULL;
	b.resumed_lines += strstr(line, "event=listener.resumed") != NULL;
}

static void setup(void)
{
	memset(&b, 0, sizeof(b));
	log_capture(on_log, NULL);
	ck_assert_int_eq(loop_new(&b.loop), 0);
	ck_assert_int_eq(addr_parse_z("127.0.0.1", 0, &b.spec.address), 0);
}

static void hang_up(void)
{
	while (b.client_count > 0)
		close(b.clients[--b.client_count]);
	while (b.taken > 0)
		close(b.fds[--b.taken]);
}

static void teardown(void)
{
	hang_up();
	listener_free(b.l);
	loop_free(b.loop);
	log_capture(NULL, NULL);
}

static void on_connection(int fd, const struct addr *remote, void *arg)
{
	(void)arg;
	ck_assert_uint_lt(b.taken, TAKEN_MAX);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	b.remotes[b.taken] = *remote;
	b.fds[b.taken++] = fd;
}

static void start(void)
{
	struct why why = { "" };

	ck_assert_msg(listener_new(&b.l, &b.spec, &why) == 0, "%s", why.text);
	ck_assert_int_eq(listener_start(b.l, b.loop, on_connection, NULL), 0);
}

static int dial_from(const char *source)
{
	struct sockaddr_storage ss;
	struct addr local;
	socklen_t len;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(addr_parse_z(source, 0, &local), 0);
	len = addr_to_sockaddr(&local, &ss);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&ss, len), 0);
	len = addr_to_sockaddr(listener_address(b.l), &ss);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&ss, len), 0);
	ck_assert_uint_lt(b.client_count, TAKEN_MAX);
	b.clients[b.client_count++] = fd;
	return fd;
}

/* True when the other side closed it. */
static bool is_closed(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0 ||
		(errno != EAGAIN && errno != EINTR);
}

START_TEST(test_connections_are_handed_over_with_their_source)
{
	start();
	dial_from("127.0.3.1");
	dial_from("127.0.3.2");
	TURN_UNTIL(b.loop, b.taken == 2);
	ck_assert_uint_eq(listener_open_count(b.l), 2);
	ck_assert_uint_ne(listener_address(b.l)->port, 0);
	listener_gone(b.l, &b.remotes[0]);
	ck_assert_uint_eq(listener_open_count(b.l), 1);
}
END_TEST

START_TEST(test_port_in_use_names_its_holder)
{
	struct listener *second = NULL;
	struct why why = { "" };
	char want[64];

	start();
	b.spec.address = *listener_address(b.l);
	ck_assert_int_eq(listener_new(&second, &b.spec, &why), -EADDRINUSE);
	ck_assert_ptr_null(second);
	snprintf(want, sizeof(want), "in use by pid %d (", (int)getpid());
	ck_assert_ptr_nonnull(strstr(why.text, want));
	ck_assert_ptr_nonnull(strstr(why.text, "127.0.0.1:"));
}
END_TEST

START_TEST(test_foreign_address_is_named)
{
	struct why why = { "" };

	ck_assert_int_eq(addr_parse_z("192.0.2.1", 5061, &b.spec.address), 0);
	ck_assert_int_eq(listener_new(&b.l, &b.spec, &why), -EADDRNOTAVAIL);
	ck_assert_ptr_nonnull(strstr(why.text, "192.0.2.1:5061"));
	b.spec.bind_device = true;
	ck_assert_int_eq(listener_new(&b.l, &b.spec, &why), -ENODEV);
	ck_assert_ptr_nonnull(strstr(why.text, "192.0.2.1:5061"));
}
END_TEST

START_TEST(test_S19_the_port_is_bound_to_its_device)
{
	char name[16] = "";
	socklen_t len = sizeof(name);

	b.spec.bind_device = true;
	start();
	ck_assert_str_eq(listener_device(b.l), "lo");
	dial_from("127.0.0.1");
	TURN_UNTIL(b.loop, b.taken == 1);
	/* what it accepts is bound as well */
	ck_assert_int_eq(getsockopt(b.fds[0], SOL_SOCKET, SO_BINDTODEVICE,
		name, &len), 0);
	ck_assert_str_eq(name, "lo");
}
END_TEST

START_TEST(test_S8_one_source_has_a_cap)
{
	int refused;

	b.spec.max_per_source = 3;
	start();
	dial_from("127.0.3.1");
	dial_from("127.0.3.1");
	dial_from("127.0.3.1");
	TURN_UNTIL(b.loop, b.taken == 3);
	refused = dial_from("127.0.3.1");
	TURN_UNTIL(b.loop, is_closed(refused));
	ck_assert_uint_eq(b.taken, 3);
	ck_assert_uint_eq(listener_refused_count(b.l), 1);
	dial_from("127.0.3.2");
	TURN_UNTIL(b.loop, b.taken == 4);
	/* one goes, one may come */
	listener_gone(b.l, &b.remotes[0]);
	dial_from("127.0.3.1");
	TURN_UNTIL(b.loop, b.taken == 5);
	ck_assert_uint_eq(listener_open_count(b.l), 4);
}
END_TEST

START_TEST(test_all_together_have_a_cap)
{
	int refused;

	b.spec.max_open = 2;
	start();
	dial_from("127.0.3.1");
	dial_from("127.0.3.2");
	TURN_UNTIL(b.loop, b.taken == 2);
	refused = dial_from("127.0.3.3");
	TURN_UNTIL(b.loop, is_closed(refused));
	listener_gone(b.l, &b.remotes[1]);
	dial_from("127.0.3.3");
	TURN_UNTIL(b.loop, b.taken == 3);
}
END_TEST

START_TEST(test_new_ones_of_one_source_have_a_rate)
{
	int i;

	b.spec.new_per_s_per_source = 5;
	start();
	for (i = 0; i < 20; i++)
		dial_from("127.0.3.1");
	turn_for_ms(b.loop, 50);
	ck_assert_uint_ge(b.taken, 5);
	ck_assert_uint_lt(b.taken, 8);
	dial_from("127.0.3.2");
	i = (int)b.taken;
	TURN_UNTIL(b.loop, b.taken == (unsigned)i + 1);
}
END_TEST

/* Use descriptors up until left are free. */
static int fill_descriptors(int *fds, int cap)
{
	int n = 0;

	while (n < cap) {
		fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fds[n] < 0)
			break;
		n++;
	}
	return n;
}

START_TEST(test_out_of_descriptors_refuses_says_so_once_and_recovers)
{
	struct rlimit old;
	struct rlimit few;
	struct mono begin;
	int fds[128];
	int count;
	int a;
	int c;

	start();
	a = dial_from("127.0.3.1");
	c = dial_from("127.0.3.2");
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = old;
	few.rlim_cur = 64;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	count = fill_descriptors(fds, 128);
	/* they wait in the backlog; nobody is left hanging */
	begin = mono_now();
	TURN_UNTIL(b.loop, is_closed(a) && is_closed(c));
	turn_for_ms(b.loop, 500);
	ck_assert_uint_eq(b.taken, 0);
	ck_assert_uint_eq(b.paused_lines, 1);
	/* valgrind refuses one of them itself */
	ck_assert_uint_ge(listener_refused_count(b.l), 1);
	ck_assert_int_lt(mono_since_ms(begin, mono_now()), 3000);
	while (count > 0)
		close(fds[--count]);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	dial_from("127.0.3.1");
	TURN_UNTIL(b.loop, b.taken == 1);
	ck_assert_uint_eq(b.resumed_lines, 1);
}
END_TEST

START_TEST(test_while_starved_the_loop_rests)
{
	struct rlimit old;
	struct rlimit few;
	struct mono begin;
	int fds[128];
	int count;
	unsigned turns = 0;

	start();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	dial_from("127.0.3.1");
	few = old;
	few.rlim_cur = 64;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	count = fill_descriptors(fds, 128);
	begin = mono_now();
	while (mono_since_ms(begin, mono_now()) < 300) {
		loop_turn(b.loop, 50);
		turns++;
	}
	ck_assert_uint_lt(turns, 30);
	while (count > 0)
		close(fds[--count]);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
}
END_TEST

START_TEST(test_stop_closes_the_port_and_keeps_connections)
{
	struct sockaddr_storage ss;
	struct addr at;
	socklen_t len;
	int fd;

	start();
	dial_from("127.0.3.1");
	TURN_UNTIL(b.loop, b.taken == 1);
	at = *listener_address(b.l);
	listener_stop(b.l);
	len = addr_to_sockaddr(&at, &ss);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_lt(connect(fd, (struct sockaddr *)&ss, len), 0);
	close(fd);
	ck_assert(!is_closed(b.clients[0]));
	listener_gone(b.l, &b.remotes[0]);
	ck_assert_uint_eq(listener_open_count(b.l), 0);
}
END_TEST

START_TEST(test_ipv6_does_not_take_ipv4)
{
	struct sockaddr_storage ss;
	struct addr at;
	socklen_t len;
	int fd;

	ck_assert_int_eq(addr_parse_z("::", 0, &b.spec.address), 0);
	start();
	ck_assert_int_eq(addr_parse_z("127.0.0.1",
		listener_address(b.l)->port, &at), 0);
	len = addr_to_sockaddr(&at, &ss);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_lt(connect(fd, (struct sockaddr *)&ss, len), 0);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("listener");
	TCase *tc = tcase_create("listener");
	SRunner *sr = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc,
		test_connections_are_handed_over_with_their_source);
	tcase_add_test(tc, test_port_in_use_names_its_holder);
	tcase_add_test(tc, test_foreign_address_is_named);
	tcase_add_test(tc, test_S19_the_port_is_bound_to_its_device);
	tcase_add_test(tc, test_S8_one_source_has_a_cap);
	tcase_add_test(tc, test_all_together_have_a_cap);
	tcase_add_test(tc, test_new_ones_of_one_source_have_a_rate);
	tcase_add_test(tc,
		test_out_of_descriptors_refuses_says_so_once_and_recovers);
	tcase_add_test(tc, test_while_starved_the_loop_rests);
	tcase_add_test(tc, test_stop_closes_the_port_and_keeps_connections);
	tcase_add_test(tc, test_ipv6_does_not_take_ipv4);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
