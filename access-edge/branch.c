/*
 * Branches and loops. The hash leaves out the Via on top, which differs on
 * each round; same hash below a Via of ours means a loop, another hash a
 * spiral, which is fine: one remote user calling another passes twice.
 */
#include "access-edge/branch.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/rand.h"
#include "common/sip/sip_text.h"

#define PARTS_MAX 64
#define COOKIE    "z9hG4bK"
#define RANDOM_AT (sizeof(COOKIE) - 1)
#define HASH_AT   (RANDOM_AT + 32 + 1)

struct parts {
	struct digest_part list[PARTS_MAX];
	size_t count;
};

/* A length in front would be cleaner; a NUL does as well: no part has one. */
static void add(struct parts *p, struct str s)
{
	if (p->count + 2 > PARTS_MAX)
		return;
	p->list[p->count++] = (struct digest_part){s.p, s.n};
	p->list[p->count++] = (struct digest_part){"", 1};
}

static void add_lines(struct parts *p, const struct sip_msg *m,
	const char *name)
{
	for (size_t i = 0; i < m->line_count; i++) {
		if (str_ieq_z(m->lines[i].name, name))
			add(p, m->lines[i].value);
	}
}

uint64_t branch_loop_hash(const struct sip_msg *m,
	const struct branch_key *key)
{
	struct parts p = {.count = 0};
	uint8_t hash[DIGEST_SHA256_LEN];
	char cseq[16];

	snprintf(cseq, sizeof(cseq), "%u", m->cseq);
	add(&p, (struct str){(const char *)key->secret,
		sizeof(key->secret)});
	add(&p, m->uri.text);
	add(&p, m->to_tag);
	add(&p, m->from_tag);
	add(&p, m->call_id);
	add(&p, str_of(cseq));
	add_lines(&p, m, "Route");
	add_lines(&p, m, "Proxy-Require");
	add_lines(&p, m, "Proxy-Authorization");
	digest_sha256(p.list, p.count, hash);
	return buf_load_u64(hash);
}

const char *branch_make(uint64_t loop_hash, char out[static BRANCH_LEN])
{
	uint8_t random[16];
	char hex[33];

	rand_bytes(random, sizeof(random));
	str_hex(random, sizeof(random), hex);
	/* All of z9hG4bK, 32 digits, '-', 16 digits. */
	snprintf(out, BRANCH_LEN, COOKIE "%s-%016" PRIx64, hex, loop_hash);
	return out;
}

static bool is_our_sent_by(const struct policy_side *side,
	const struct sip_via *via)
{
	return via->port == side->port &&
		sip_host_eq(via->host, str_of(side->fqdn));
}

bool branch_is_loop(struct sip_msg *m, uint64_t loop_hash,
	const struct policy *p)
{
	char mine[20];
	struct sip_walk w = sip_walk_begin(m, SIP_HEADER_VIA);
	struct str value;
	struct sip_via via;

	snprintf(mine, sizeof(mine), "-%016" PRIx64, loop_hash);
	while (sip_walk_next(&w, &value)) {
		if (sip_msg_via_of(m, value, &via) != 0)
			continue; /* not read: not our business */
		if (!is_our_sent_by(&p->inside, &via) &&
			!is_our_sent_by(&p->outside, &via))
			continue;
		if (via.branch.n == HASH_AT - 1 + 17 &&
			str_eq_z(str_skip(via.branch, HASH_AT - 1), mine))
			return true;
	}
	return false;
}
