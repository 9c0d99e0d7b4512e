/*
 * What the table of trust takes out is gone, in every direction and in
 * every spelling; what it leaves is there octet for octet, in its order
 * (threat S1).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "access-edge/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static const struct policy *policy(void)
{
	static struct topology t;
	static char domains[1][256] = {"a.test"};
	static struct policy p;

	t.domains = domains;
	t.domain_count = 1;
	p.topology = &t;
	p.hide_history = true;
	return &p;
}

static bool is_kept(const struct sip_line *line, enum trust_way way)
{
	for (size_t i = 0; i < trust_rule_count(); i++) {
		const char *name = trust_rule_name(i);

		if (str_ieq_z(line->name, name) &&
			trust_rule_act(i, way) == TRUST_REMOVE)
			return false;
	}
	return true;
}

/* The same, but where part of a line goes: the mark of a Route, comments. */
static bool is_left(const struct sip_line *now, const struct sip_line *was)
{
	bool is_edited = was->id == SIP_HEADER_ROUTE ||
		str_ieq_z(was->name, "Server") ||
		str_ieq_z(was->name, "User-Agent");

	return str_eq(now->raw, was->raw) ||
		(is_edited && str_ieq(now->name, was->name));
}

static void run(struct str text, enum trust_way way)
{
	const struct trust_peer peer = {.policy = policy(),
		.domain = STR_LIT("example.org")};
	struct sip_msg *m = NULL, *was = NULL;
	struct sip_fault fault;
	size_t at = 0;
	int gone;

	if (sip_msg_parse(&m, text, &fault) == 0 &&
		sip_msg_parse(&was, text, &fault) == 0) {
		gone = trust_strip(m, way, &peer);
		must(gone >= 0);
		for (size_t i = 0; i < m->line_count; i++)
			must(is_kept(&m->lines[i], way));
		/* The rest is a subsequence of what was there. */
		for (size_t i = 0; i < was->line_count; i++) {
			if (at < m->line_count && is_left(&m->lines[at],
				&was->lines[i]))
				at++;
		}
		must(at == m->line_count);
		must(str_eq(m->body, was->body));
	}
	sip_msg_free(m);
	sip_msg_free(was);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct str text = {(const char *)data, len};

	for (unsigned way = 0; way < TRUST_WAY_COUNT; way++)
		run(text, (enum trust_way)way);
	return 0;
}
