/*
 * Addresses and routes of the host, in a network namespace of our own (root
 * only; skipped else): threats T1 and T5.
 */
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/str.h"
#include "av-edge/host_net.h"
#include "tests/unit/av-edge/suite.h"

static struct host_net host;
static bool has_namespace;

static void sh(const char *command)
{
	ck_assert_msg(system(command) == 0, "%s", command);
}

static void setup(void)
{
	has_namespace = unshare(CLONE_NEWNET) == 0;
	if (!has_namespace)
		return;
	sh("ip link set lo up");
	sh("ip link add inside type veth peer name far");
	sh("ip address add 10.1.0.10/16 dev inside");
	sh("ip link set inside up && ip link set far up");
	sh("ip route add 172.30.0.0/16 via 10.1.0.1");
	sh("ip route add default via 10.1.0.1");
	sh("ip address add 192.0.2.77/24 dev far");
}

static void teardown(void)
{
	if (has_namespace)
		host_net_fini(&host);
}

static bool is_local(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(str_of(text), &a), 0);
	return host_net_is_local(&host, &a);
}

static bool is_inside(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(str_of(text), &a), 0);
	return netset_has(&host.inside, &a);
}

START_TEST(test_T1_routed_networks_are_inside_and_the_default_is_not)
{
	if (!has_namespace)
		return;
	ck_assert_int_eq(host_net_read(&host, "inside"), 0);
	ck_assert(is_inside("10.1.200.1"));
	ck_assert(is_inside("172.30.5.5"));
	ck_assert(!is_inside("8.8.8.8"));
	ck_assert(!is_inside("192.0.2.5")); /* another device's */
}
END_TEST

/* Such a route names its devices one level deeper. */
START_TEST(test_T1_network_with_several_ways_is_inside)
{
	if (!has_namespace)
		return;
	sh("ip route add 203.10.0.0/16 nexthop via 192.0.2.1 "
	   "nexthop via 10.1.0.1");
	sh("ip route add 203.11.0.0/16 nexthop via 192.0.2.1 "
	   "nexthop via 192.0.2.2");
	sh("ip -6 address add 2001:db8:1::10/64 dev inside nodad");
	sh("ip -6 route add 2600:aaaa::/32 nexthop via 2001:db8:1::1 "
	   "nexthop via 2001:db8:1::2");
	ck_assert_int_eq(host_net_read(&host, "inside"), 0);
	ck_assert(is_inside("203.10.5.5"));
	ck_assert(!is_inside("203.11.5.5"));
	ck_assert(is_inside("2600:aaaa::5"));
	ck_assert(is_inside("172.30.5.5"));
}
END_TEST

START_TEST(test_without_an_inside_device_nothing_is_inside)
{
	if (!has_namespace)
		return;
	ck_assert_int_eq(host_net_read(&host, ""), 0);
	ck_assert(!is_inside("10.1.200.1"));
	ck_assert(is_local("10.1.0.10"));
}
END_TEST

START_TEST(test_unknown_device_is_an_error)
{
	if (!has_namespace)
		return;
	ck_assert_int_lt(host_net_read(&host, "nosuch"), 0);
}
END_TEST

START_TEST(test_T5_address_added_later_is_noticed_and_local)
{
	struct pollfd p = {.events = POLLIN};

	if (!has_namespace)
		return;
	p.fd = host_net_watch_open();
	ck_assert_int_ge(p.fd, 0);
	host_net_watch_drain(p.fd);
	ck_assert_int_eq(host_net_read(&host, "inside"), 0);
	ck_assert(is_local("192.0.2.77"));
	ck_assert(!is_local("192.0.2.78"));
	sh("ip address add 192.0.2.78/24 dev far");
	ck_assert_int_eq(poll(&p, 1, 1000), 1);
	ck_assert(host_net_watch_drain(p.fd));
	ck_assert(!host_net_watch_drain(p.fd));
	host_net_fini(&host);
	ck_assert_int_eq(host_net_read(&host, "inside"), 0);
	ck_assert(is_local("192.0.2.78"));
	close(p.fd);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_T1_routed_networks_are_inside_and_the_default_is_not,
		test_T1_network_with_several_ways_is_inside,
		test_without_an_inside_device_nothing_is_inside,
		test_unknown_device_is_an_error,
		test_T5_address_added_later_is_noticed_and_local,
	};

	return suite_run("host_net", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
