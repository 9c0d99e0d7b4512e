/* Tests of edgectl/ports.c: topology, daemons and kernel side by side. */
#include <errno.h>
#include <string.h>

#include <check.h>

#include "edgectl/output.h"
#include "edgectl/ports.h"

static struct topology topology;
static struct topology_listener listeners[2];
static struct topology_media media;
static struct daemons daemons;
/* What the kernel has on 443: 0 nothing, else a pid. */
static pid_t holder;

static int owner(const struct addr *address, bool is_udp,
	struct port_owner *out)
{
	if (holder == 0 || is_udp || address->port != 443)
		return -ENOENT;
	*out = (struct port_owner){.pid = holder, .name = "somebody"};
	return 0;
}

static void setup(const char *status)
{
	memset(&topology, 0, sizeof(topology));
	memset(listeners, 0, sizeof(listeners));
	memset(&daemons, 0, sizeof(daemons));
	holder = 0;
	listeners[0].usage = TOPOLOGY_SIP_CLIENT;
	listeners[0].side = TOPOLOGY_EXTERNAL;
	ck_assert_int_eq(addr_parse_z("192.0.2.1", 443, &listeners[0].address),
		0);
	topology.listeners = listeners;
	topology.listener_count = 1;
	topology.media = &media;
	for (size_t i = 0; i < CONF_DAEMON_COUNT; i++)
		daemons.is_installed[i] = true;
	if (status != NULL)
		daemons.status[CONF_ACCESS_EDGE] = json_loads(status, 0, NULL);
}

#define STATUS(open) \
	"{\"daemon\":\"access-edge\",\"pid\":7,\"ports\":[" \
	"{\"usage\":\"sip-client\",\"address\":\"192.0.2.1\"," \
	"\"port\":443,\"open\":" open ",\"connections\":3}]}"

/* State of the first row, and whether the table is good. */
static void expect(const char *state, bool ok)
{
	json_t *table = ports_table(&topology, &daemons, owner);
	const json_t *row = json_array_get(json_object_get(table, "ports"), 0);

	ck_assert_str_eq(output_str(row, "service", ""), "Access Edge");
	ck_assert_msg(strcmp(output_str(row, "state", ""), state) == 0,
		"%s, not %s", output_str(row, "state", ""), state);
	ck_assert(json_is_true(json_object_get(table, "ok")) == ok);
	json_decref(table);
	daemons_fini(&daemons);
}

START_TEST(test_open_and_ours)
{
	setup(STATUS("true"));
	holder = 7;
	expect("open", true);
}
END_TEST

START_TEST(test_told_open_but_the_kernel_has_nothing)
{
	setup(STATUS("true"));
	expect("closed", false);
}
END_TEST

START_TEST(test_held_by_another_process)
{
	setup(STATUS("true"));
	holder = 99;
	expect("taken", false);
	setup(NULL);
	holder = 99;
	expect("taken", false);
	setup("{\"daemon\":\"access-edge\",\"pid\":7,\"ports\":[]}");
	holder = 99;
	expect("taken", false);
}
END_TEST

START_TEST(test_daemon_does_not_run)
{
	setup(NULL);
	expect("down", false);
}
END_TEST

START_TEST(test_program_is_not_installed)
{
	setup(NULL);
	daemons.is_installed[CONF_ACCESS_EDGE] = false;
	expect("absent", true);
}
END_TEST

START_TEST(test_daemon_has_no_service_for_it)
{
	setup("{\"daemon\":\"access-edge\",\"pid\":7,\"ports\":[]}");
	expect("absent", true);
}
END_TEST

START_TEST(test_every_service_has_a_row)
{
	json_t *table;
	json_t *rows;

	setup(STATUS("true"));
	table = ports_table(&topology, &daemons, owner);
	rows = json_object_get(table, "ports");
	ck_assert_uint_eq(json_array_size(rows), CONF_DAEMON_COUNT);
	for (size_t i = 1; i < CONF_DAEMON_COUNT; i++)
		ck_assert_str_eq(output_str(json_array_get(rows, i), "state",
					 ""),
			"unset");
	json_decref(table);
	daemons_fini(&daemons);
}
END_TEST

/* Rows of the relay range with this transport. */
static size_t relay_rows(const char *transport)
{
	json_t *table = ports_table(&topology, &daemons, owner);
	const json_t *row;
	size_t count = 0;
	size_t i;

	json_array_foreach(json_object_get(table, "ports"), i, row)
		count += strcmp(output_str(row, "usage", ""),
				 "media-relay") == 0 &&
			strcmp(output_str(row, "transport", ""),
				transport) == 0;
	json_decref(table);
	return count;
}

START_TEST(test_relay_range_over_tcp_as_the_setting_says)
{
	struct setting_set *set;
	struct why why = {""};

	setup(NULL);
	listeners[0].usage = TOPOLOGY_TURN_UDP;
	topology.media_count = 1;
	ck_assert_int_eq(setting_set_new(&set, "av-edge"), 0);
	topology.settings[CONF_AV_EDGE] = set;
	ck_assert_uint_eq(relay_rows("udp"), 1);
	ck_assert_uint_eq(relay_rows("tcp"), 1);
	ck_assert_int_eq(setting_set_put(set, "tcp_relays", "false", &why), 0);
	ck_assert_uint_eq(relay_rows("udp"), 1);
	ck_assert_uint_eq(relay_rows("tcp"), 0);
	setting_set_free(set);
	daemons_fini(&daemons);
}
END_TEST

/* The wire of the web conference is our own (docs/protocol/webconf.md). */
START_TEST(test_each_port_says_what_is_spoken_there)
{
	ck_assert_str_eq(ports_protocol(TOPOLOGY_SIP_CLIENT), "SIP/TLS");
	ck_assert_str_eq(ports_protocol(TOPOLOGY_WEBCONF_CLIENT), "WCE/TLS");
	ck_assert_str_eq(ports_protocol(TOPOLOGY_WEBCONF_SERVER), "WCE/mTLS");
	for (size_t i = 0; i < TOPOLOGY_USAGE_COUNT; i++)
		ck_assert_ptr_nonnull(ports_protocol((enum topology_usage)i));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/ports");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_open_and_ours);
	tcase_add_test(tc, test_told_open_but_the_kernel_has_nothing);
	tcase_add_test(tc, test_held_by_another_process);
	tcase_add_test(tc, test_daemon_does_not_run);
	tcase_add_test(tc, test_program_is_not_installed);
	tcase_add_test(tc, test_daemon_has_no_service_for_it);
	tcase_add_test(tc, test_each_port_says_what_is_spoken_there);
	tcase_add_test(tc, test_every_service_has_a_row);
	tcase_add_test(tc, test_relay_range_over_tcp_as_the_setting_says);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
