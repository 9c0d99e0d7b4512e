/*
 * The whole range of relay ports over real sockets: used to the last one,
 * whole again after release, and never one port for two (R4, T10, T17).
 */
#include <errno.h>
#include <sys/resource.h>

#include "av-edge/relay.h"
#include "tests/unit/av-edge/client.h"
#include "tests/unit/av-edge/suite.h"

#define SERVER "127.0.1.12:23478"
#define RELAY  "127.0.1.12"
#define FIRST  50000
#define PORTS  10000

static struct relay *relay;
static struct rules *rules;
static struct lab_cred alice;

/* A socket for each port and a few more. */
static bool may_open_all(void)
{
	struct rlimit limit = {PORTS + 500, PORTS + 500};
	struct rlimit now;

	lab_must(getrlimit(RLIMIT_NOFILE, &now) == 0, "limit");
	if (now.rlim_max > limit.rlim_max)
		limit.rlim_max = now.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static void setup(void)
{
	struct av_key_ring ring = {.count = 0};
	struct addr at = lab_addr(SERVER);
	struct why why = {""};

	log_set_level(LOG_LEVEL_ERROR);
	av_key_ring_rotate(&ring, wall_now());
	rules = lab_rules(PORTS, &ring);
	rules->media[RULES_V4].bind = lab_addr(RELAY);
	rules->media[RULES_V4].shown = lab_addr(RELAY);
	rules->media[RULES_V4].port = FIRST;
	rules->allocations_per_user = PORTS + 1;
	lab_must(relay_new(&relay, rules, 2) == 0, "relay");
	lab_must(relay_open_port(relay, &at, TOPOLOGY_EXTERNAL, false,
		&why) == 0, why.text);
	lab_must(relay_start(relay) == 0, "start");
	alice = lab_cred_for(&rules->keys, "sip:alice@contoso.test", 1000);
}

static void teardown(void)
{
	relay_stop(relay);
	relay_free(relay);
	rules_unref(rules);
}

/* The n-th client, whose socket is open only while it asks. */
static unsigned ask_as(unsigned n, bool ends, uint16_t *port)
{
	static struct client c;
	char at[32];
	unsigned code;

	snprintf(at, sizeof(at), "127.0.3.%u:%u", 1 + n / 5000,
		20000 + n % 5000);
	client_open(&c, at, SERVER, &alice);
	code = ends ? client_end(&c) : client_allocate(&c);
	*port = c.relayed.port;
	close(c.fd);
	return code;
}

static struct port_count ports(void)
{
	return port_pool_count(relay->shared.ports[RULES_V4]);
}

START_TEST(test_R4_range_is_used_to_the_last_port_and_whole_again)
{
	static bool seen[65536];
	uint16_t port;
	unsigned n;

	if (!may_open_all())
		return; /* not so many descriptors here */
	for (n = 0; n < PORTS; n++) {
		ck_assert_uint_eq(ask_as(n, false, &port), 0);
		ck_assert(port >= FIRST && port < FIRST + PORTS);
		ck_assert(!seen[port]);
		seen[port] = true;
	}
	ck_assert_uint_eq(ports().free, 0);
	ck_assert_uint_eq(ask_as(PORTS, false, &port), 508);
	ck_assert_uint_eq(relay_allocations(relay), PORTS);
	ck_assert(port_pool_is_sound(relay->shared.ports[RULES_V4]));
	for (n = 0; n < PORTS; n++)
		ck_assert_uint_eq(ask_as(n, true, &port), 0);
	ck_assert_uint_eq(ports().free, PORTS);
	ck_assert_uint_eq(quota_held(relay->shared.quota), 0);
	ck_assert(port_pool_is_sound(relay->shared.ports[RULES_V4]));
	ck_assert_uint_eq(ask_as(PORTS, false, &port), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_R4_range_is_used_to_the_last_port_and_whole_again,
	};

	return suite_run("relay_range", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
