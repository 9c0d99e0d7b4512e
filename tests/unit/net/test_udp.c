/* Opening datagram sockets. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/net/udp.h"

static struct udp_spec on(const char *ip, uint16_t port)
{
	struct udp_spec spec = { .bind_device = false };

	ck_assert_int_eq(addr_parse_z(ip, port, &spec.address), 0);
	return spec;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr a;

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&ss, len, &a),
		0);
	return a.port;
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

START_TEST(test_socket_is_nonblocking_and_closed_on_exec)
{
	struct udp_spec spec = on("127.0.0.1", 0);
	int fd = udp_open(&spec, NULL);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_uint_ne(port_of(fd), 0);
	close(fd);
}
END_TEST

START_TEST(test_S19_device_buffers_and_gro_are_set)
{
	struct udp_spec spec = on("127.0.1.12", 0);
	char name[16] = "";
	socklen_t len = sizeof(name);
	int fd;

	spec.bind_device = true;
	spec.buffer_bytes = 100000;
	spec.gro = true;
	fd = udp_open(&spec, NULL);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name,
		&len), 0);
	ck_assert_str_eq(name, "lo");
	/* the kernel counts its own book-keeping in: twice */
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_RCVBUF), 200000);
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_SNDBUF), 200000);
	close(fd);
}
END_TEST

START_TEST(test_port_in_use_is_told_with_its_holder)
{
	struct udp_spec spec = on("127.0.0.1", 0);
	struct why why = { "" };
	char want[48];
	int fd = udp_open(&spec, NULL);

	spec.address.port = port_of(fd);
	ck_assert_int_eq(udp_open(&spec, &why), -EADDRINUSE);
	snprintf(want, sizeof(want), "/udp is in use by pid %d", getpid());
	ck_assert_ptr_nonnull(strstr(why.text, want));
	close(fd);
}
END_TEST

START_TEST(test_workers_may_share_a_port)
{
	struct udp_spec spec = on("127.0.0.1", 0);
	int a;
	int b;

	spec.reuse_port = true;
	a = udp_open(&spec, NULL);
	spec.address.port = port_of(a);
	b = udp_open(&spec, NULL);
	ck_assert_int_ge(b, 0);
	close(a);
	close(b);
}
END_TEST

START_TEST(test_ipv6_and_ipv4_do_not_meet)
{
	struct udp_spec six = on("::", 0);
	struct udp_spec four = on("0.0.0.0", 0);
	int a = udp_open(&six, NULL);
	int b;

	ck_assert_int_ge(a, 0);
	ck_assert_int_eq(option(a, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	four.address.port = port_of(a);
	b = udp_open(&four, NULL);
	ck_assert_int_ge(b, 0);
	close(a);
	close(b);
}
END_TEST

START_TEST(test_foreign_addresses_are_told)
{
	struct udp_spec spec = on("192.0.2.1", 3478);
	struct why why = { "" };

	ck_assert_int_eq(udp_open(&spec, &why), -EADDRNOTAVAIL);
	ck_assert_ptr_nonnull(strstr(why.text, "192.0.2.1:3478/udp"));
	spec.bind_device = true;
	ck_assert_int_eq(udp_open(&spec, &why), -ENODEV);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("udp");
	TCase *tc = tcase_create("udp");
	SRunner *sr = srunner_create(suite);
	int failures;

	tcase_add_test(tc, test_socket_is_nonblocking_and_closed_on_exec);
	tcase_add_test(tc, test_S19_device_buffers_and_gro_are_set);
	tcase_add_test(tc, test_port_in_use_is_told_with_its_holder);
	tcase_add_test(tc, test_workers_may_share_a_port);
	tcase_add_test(tc, test_ipv6_and_ipv4_do_not_meet);
	tcase_add_test(tc, test_foreign_addresses_are_told);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
