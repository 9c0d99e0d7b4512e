/* edgectl test: synthetic users that do what real ones do. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "edgectl/call/call.h"
#include "edgectl/commands.h"
#include "edgectl/output.h"
#include "edgectl/probe/probe_replica.h"
#include "edgectl/probe/probe_webconf.h"
#include "edgectl/test_av.h"
#include "edgectl/test_partner.h"
#include "edgectl/webconf_plan.h"

static int finish(struct cmd_call *call, json_t *report)
{
	const bool ok = json_is_true(json_object_get(report, "ok"));

	output_print(call, report, call_text);
	return ok ? CMD_OK : CMD_FAILED;
}

static int run(struct cmd_call *call, bool is_call)
{
	struct test_plan plan;
	struct why why = {""};
	int err = test_plan_make(&plan, call, is_call, &why);
	int status = CMD_USAGE;

	if (err == 0)
		status = finish(call,
			is_call ? call_run(&plan) : call_register(&plan));
	else if (err != -ECANCELED)
		status = cmd_fail(call, CMD_USAGE, err, &why);
	test_plan_fini(&plan);
	return status;
}

static int run_call(struct cmd_call *call)
{
	return run(call, true);
}

static int run_webconf(struct cmd_call *call)
{
	struct why why = { "" };
	json_t *report = NULL;
	int err = probe_webconf_run(&report, call, &why);
	bool ok;

	if (err == -ECANCELED)
		return CMD_USAGE;
	if (err != 0)
		return cmd_fail(call, CMD_USAGE, err, &why);
	ok = json_is_true(json_object_get(report, "ok"));
	output_print(call, report, probe_webconf_text);
	return ok ? CMD_OK : CMD_FAILED;
}

static int run_replica(struct cmd_call *call)
{
	struct conf *conf = NULL;
	struct why why = {""};
	json_t *report = NULL;
	bool ok;
	int err;

	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	err = probe_replica(&report, conf, &why);
	conf_free(conf);
	if (err < 0)
		return cmd_fail(call, CMD_USAGE, err, &why);
	ok = json_is_true(json_object_get(report, "ok"));
	output_print(call, report, probe_replica_text);
	return ok ? CMD_OK : CMD_FAILED;
}

static int run_registration(struct cmd_call *call)
{
	return run(call, false);
}

#define OUTSIDE_OPTIONS \
	{.name = "access", \
		.arg = "ADDR:PORT", \
		.help = "where access-edge listens (default: topology)"}, \
		{.name = "access-name", \
			.arg = "NAME", \
			.help = "name its certificate must have"}, \
		{.name = "trust", \
			.arg = "FILE", \
			.help = "who signed it (default: trust.external)"}, \
		{.name = "outside-address", \
			.arg = "ADDR", \
			.help = "address to connect from outside"}, \
		{.name = "password-file", \
			.arg = "FILE", \
			.help = "password of the user outside is its first " \
				"line; - is the standard input (default: " \
				"$EDGECTL_PASSWORD)"}, \
	{ \
		.name = "ask-password", \
		.help = "ask for it on the terminal" \
	}

static const struct cmd_option REGISTRATION_OPTIONS[] = {
	{.name = "user", .arg = "SIP-URI", .help = "who signs in"},
	OUTSIDE_OPTIONS,
	{.name = "timeout",
		.arg = "SECONDS",
		.fallback = "30",
		.help = "for everything"},
};

static const struct cmd_option CALL_OPTIONS[] = {
	{.name = "from", .arg = "SIP-URI", .help = "the user outside"},
	{.name = "to", .arg = "SIP-URI", .help = "the user inside"},
	OUTSIDE_OPTIONS,
	{.name = "inside",
		.arg = "ADDR:PORT",
		.help = "the SIP server inside (default: next hop)"},
	{.name = "inside-name",
		.arg = "NAME",
		.help = "name its certificate must have"},
	{.name = "inside-trust",
		.arg = "FILE",
		.help = "who signed it (default: trust.internal)"},
	{.name = "inside-address",
		.arg = "ADDR",
		.help = "address to connect from inside"},
	{.name = "inside-password-file",
		.arg = "FILE",
		.help = "the same of the user inside (default: "
			"$EDGECTL_INSIDE_PASSWORD)"},
	{.name = "mras-uri",
		.arg = "SIP-URI",
		.help = "where to ask for relay credentials"},
	{.name = "outside-relay",
		.arg = "ADDR:PORT",
		.help = "relay outside, if not as the credentials say"},
	{.name = "inside-relay",
		.arg = "ADDR:PORT",
		.help = "relay inside, if not as the credentials say"},
	{.name = "seconds",
		.arg = "N",
		.fallback = "3",
		.help = "how long to talk"},
	{.name = "reverse", .help = "the user inside calls"},
	{.name = "max-loss",
		.arg = "PERCENT",
		.fallback = "5",
		.help = "more lost packets are a failure"},
	{.name = "timeout",
		.arg = "SECONDS",
		.fallback = "60",
		.help = "for everything but the talking"},
	{.name = "inside-trace",
		.arg = "FILE",
		.help = "trace of the inside server to put into the ladder"},
};

static const struct cmd_option WEBCONF_OPTIONS[] = {
	{ .name = "conference", .arg = "URI",
		.help = "URI of the meeting" },
	{ .name = "ticket", .arg = "TEXT",
		.help = "a ticket, or @FILE with one (default: ask the "
			"connector)" },
	{ .name = "connector", .arg = "SOCKET",
		.fallback = WEBCONF_CONNECTOR_SOCKET,
		.help = "changing socket of webconf-connector" },
	{ .name = "user", .arg = "URI",
		.help = "who joins (default: anonymous)" },
	{ .name = "lifetime", .arg = "SECONDS",
		.help = "how long the ticket is good" },
	{ .name = "rate", .arg = "N",
		.help = "most KiB/s in each direction" },
	{ .name = "reusable", .help = "ask for a reusable ticket" },
	{ .name = "edge", .arg = "HOST:PORT",
		.help = "where webconf-edge listens (default: topology)" },
	{ .name = "name", .arg = "NAME",
		.help = "name its certificate must have" },
	{ .name = "trust", .arg = "FILE",
		.help = "who signed it (default: trust.external)" },
	{ .name = "local-address", .arg = "ADDR",
		.help = "address to connect from" },
	{ .name = "send", .arg = "TEXT",
		.help = "say this once joined; \\r and \\n are known" },
	{ .name = "expect", .arg = "TEXT",
		.help = "wait for this in the answer" },
	{ .name = "timeout", .arg = "SECONDS", .fallback = "10",
		.help = "for everything" },
};

static const struct cmd_option PARTNER_OPTIONS[] = {
	{.name = "proxy",
		.arg = "NAME",
		.help = "their edge, if not as the topology or DNS says"},
};

static const struct cmd_verb VERBS[] = {
	{
		.name = "federated-partner",
		.words = "DOMAIN",
		.words_min = 1,
		.words_max = 1,
		.help = "walk the way of a request to another organisation",
		.options = PARTNER_OPTIONS,
		.option_count = ARRAY_COUNT(PARTNER_OPTIONS),
		.more = "Lists, DNS, addresses, connection, certificate, and "
			"an OPTIONS at the end; what\neach step found.",
		.examples = "edgectl test federated-partner example.org\n"
			    "edgectl test federated-partner example.org "
			    "--proxy sip.example.org\n",
		.run = test_partner_run,
	},
	{
		.name = "registration",
		.words = "",
		.help = "sign a user in through the edge, and out again",
		.options = REGISTRATION_OPTIONS,
		.option_count = ARRAY_COUNT(REGISTRATION_OPTIONS),
		.examples = "edgectl test registration --user "
			    "sip:alice@example.com --ask-password\n",
		.run = run_registration,
	},
	{
		.name = "call",
		.words = "",
		.help = "call from outside to inside, with sound both ways",
		.options = CALL_OPTIONS,
		.option_count = ARRAY_COUNT(CALL_OPTIONS),
		.more = "Two synthetic users sign in, one through "
			"access-edge, one at the SIP server\n"
			"inside; both get relay credentials by SERVICE, "
			"allocate on av-edge, exchange\n"
			"relay candidates, check connectivity, talk SRTP "
			"both ways, hang up. Each step\n"
			"is timed; a failure names the step and the cause. "
			"On an edge with edge.yaml\n"
			"and a topology the two users are enough.",
		.examples =
			"edgectl test call --from sip:alice@example.com --to "
			"sip:bob@example.com\n"
			"edgectl test call --from sip:alice@example.com --to "
			"sip:bob@example.com \\\n"
			"    --password-file a --inside-password-file b "
			"--inside "
			"10.0.0.20:5061 --seconds 10 "
			"--json\n",
		.run = run_call,
	},
	{
		.name = "av",
		.words = "",
		.help = "try every way to the media relay, on both sides",
		.options = TEST_AV_OPTIONS,
		.option_count = TEST_AV_OPTION_COUNT,
		.more = "Allocates over UDP, TCP, TLS, MS-TURN and MS-TURN "
			"behind pseudo-TLS, sends data\n"
			"through the relay and compares the address it "
			"advertises with the one that the\n"
			"data comes from. Run it on the edge, and from a "
			"machine outside with a credential\n"
			"made on the edge: from there a wrong public address "
			"or a closed port shows.\n"
			"On the edge TLS is tried where edge.yaml names a "
			"certificate external-av, or with\n"
			"--way tls.",
		.examples = "edgectl test av\n"
			    "(umask 077; edgectl credentials issue --user "
			    "sip:alice@example.com --json >cred.json)\n"
			    "edgectl test av --side external --credential "
			    "cred.json\n",
		.run = test_av_run,
	},
	{
		.name = "webconf",
		.words = "",
		.help = "join a conference through the edge",
		.options = WEBCONF_OPTIONS,
		.option_count = ARRAY_COUNT(WEBCONF_OPTIONS),
		.more =
"Gets a ticket from webconf-connector, connects to webconf-edge as a client\n"
"outside would, and waits until it is joined to the server inside.",
		.examples =
"edgectl test webconf --conference sip:test@example.com\n"
"edgectl test webconf --conference sip:test@example.com --expect HTTP \\\n"
"    --send 'GET / HTTP/1.0\\r\\n\\r\\n'\n",
		.run = run_webconf,
	},
	{
		.name = "replica",
		.words = "",
		.help = "see whether a publisher could reach this edge",
		.more =
"Asks the replication agent, and port 4443 as a publisher would, with the\n"
"internal certificate of this machine; a refusal for want of the right is a\n"
"good answer. Status 0 also where nobody is meant to publish: no publisher's\n"
"keys here, and none in the topology.",
		.examples = "edgectl test replica\n",
		.run = run_replica,
	},
};

const struct cmd cmd_test = {
	.noun = "test",
	.help = "do what a user does: registration, call, conference; or ask a "
		"partner",
	.verbs = VERBS,
	.verb_count = ARRAY_COUNT(VERBS),
};
