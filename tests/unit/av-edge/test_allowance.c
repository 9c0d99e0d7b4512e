/* Bandwidth of ports and users, packet by packet (R16). */
#include <errno.h>

#include "av-edge/allowance.h"
#include "tests/unit/av-edge/lab.h"
#include "tests/unit/av-edge/suite.h"

#define FIRST  "203.0.113.7:4000"
#define SECOND "203.0.113.7:4001"
#define SIZE   1000 /* bytes a packet, on the wire of IPv4 */
#define EMPTY  28   /* the same of one without payload */

static struct lab lab;
static struct lab_ask ask;
static struct lab_cred alice, bob;

static void setup(void)
{
	lab_init(&lab, 16);
	alice = lab_user(&lab, "sip:alice@contoso.test");
	bob = lab_user(&lab, "sip:bob@contoso.test");
	ck_assert_uint_eq(lab_allocate(&ask, &lab, FIRST, &alice, 1), 0);
	ck_assert_uint_eq(lab_allocate(&ask, &lab, SECOND, &alice, 1), 0);
}

static void teardown(void)
{
	lab_check(&lab);
	lab_fini(&lab);
}

/* Packets with that much payload that pass when as many as possible come, each
 * millisecond. */
static unsigned pass_of(const char *client, enum quota_way way, unsigned ms,
	size_t payload_len)
{
	unsigned n = 0;

	for (; ms > 0; ms--) {
		while (n < 1000000 && allowance_take(&lab.turn,
			lab_alloc(&lab, client), way, payload_len))
			n++;
		lab_advance(&lab, 1);
	}
	return n;
}

static unsigned pass(const char *client, enum quota_way way, unsigned ms)
{
	return pass_of(client, way, ms, SIZE - EMPTY);
}

/* So many seconds' worth, give or take what was drawn and not spent. */
static void assert_seconds(unsigned packets, unsigned kbps, unsigned seconds)
{
	unsigned want = kbps * 125 / SIZE * seconds;

	ck_assert_uint_ge(packets, want - 20);
	ck_assert_uint_le(packets, want + 20);
}

START_TEST(test_R16_port_carries_its_rate_and_one_second_at_once)
{
	assert_seconds(pass(FIRST, QUOTA_UP, 10000), 3000, 11);
	/* The other way has a budget of its own. */
	assert_seconds(pass(FIRST, QUOTA_DOWN, 1000), 3000, 2);
}
END_TEST

START_TEST(test_R16_user_carries_its_rate_over_all_ports)
{
	unsigned n;

	lab.rules->user_kbps = 4000;
	n = pass(FIRST, QUOTA_UP, 1);
	n += pass(SECOND, QUOTA_UP, 1);
	assert_seconds(n, 4000, 1);
	/* Another user is not hurt. */
	ck_assert_uint_eq(lab_allocate(&ask, &lab, "203.0.113.8:1", &bob, 1),
		0);
	assert_seconds(pass("203.0.113.8:1", QUOTA_UP, 1), 3000, 1);
}
END_TEST

START_TEST(test_what_is_refused_costs_nothing)
{
	unsigned i;

	(void)pass(FIRST, QUOTA_UP, 1);
	for (i = 0; i < 100000; i++)
		ck_assert(!allowance_take(&lab.turn, lab_alloc(&lab, FIRST),
			QUOTA_UP, SIZE));
	lab_advance(&lab, 1000);
	assert_seconds(pass(FIRST, QUOTA_UP, 1), 3000, 1);
}
END_TEST

START_TEST(test_longest_datagram_passes_at_the_lowest_rate)
{
	struct alloc *a = lab_alloc(&lab, FIRST);

	lab.rules->port_kbps = 1;
	ck_assert(allowance_take(&lab.turn, a, QUOTA_UP, 65507));
	ck_assert(allowance_take(&lab.turn, a, QUOTA_UP, 100)); /* drawn */
	ck_assert(!allowance_take(&lab.turn, a, QUOTA_UP, 65507));
}
END_TEST

/* Else somebody without bounds sends for the price of nothing. */
START_TEST(test_R16_empty_datagrams_cost_their_headers)
{
	struct alloc *a = lab_alloc(&lab, FIRST);
	unsigned n = pass_of(FIRST, QUOTA_UP, 1, 0);

	/* One second of 3000 kbit, and what was drawn for the last one. */
	ck_assert_uint_ge(n, 375000 / EMPTY);
	ck_assert_uint_le(n, (375000 + 2 * 8192) / EMPTY);
	ck_assert(!allowance_take(&lab.turn, a, QUOTA_UP, 0));
	/* Of IPv6 they are longer. */
	a->family = 6;
	n = pass_of(FIRST, QUOTA_DOWN, 1, 0);
	ck_assert_uint_ge(n, 375000 / 48);
	ck_assert_uint_le(n, (375000 + 2 * 8192) / 48);
	a->family = 4;
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_R16_port_carries_its_rate_and_one_second_at_once,
		test_R16_user_carries_its_rate_over_all_ports,
		test_what_is_refused_costs_nothing,
		test_longest_datagram_passes_at_the_lowest_rate,
		test_R16_empty_datagrams_cost_their_headers,
	};

	return suite_run("allowance", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
