/*
 * What servers and clients of the original sign ([MS-SIPAE]; the list in
 * docs/protocol/access-edge.md, "Fidelity"): a recorder on both sides of the
 * edge hashes those values of every whole message that goes in, and of every
 * message that comes out; they must be the same. Needs <check.h>.
 */
#ifndef TEST_ACCESS_EDGE_SIGNED_H
#define TEST_ACCESS_EDGE_SIGNED_H

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/sip/sip_frame.h"
#include "common/sip/sip_msg.h"

#define SIGNED_MAX 512

struct signed_note {
	char key[160]; /* which message this is */
	uint8_t hash[DIGEST_SHA256_LEN];
};

struct signed_log {
	struct signed_note notes[SIGNED_MAX]; /* went in, latest last */
	size_t count;
	size_t compared;
	size_t with_signature; /* of those: with Authentication-Info */
};

static inline struct digest_part signed_part(struct str s)
{
	return (struct digest_part){s.p != NULL ? s.p : "", s.n};
}

/* From, To, tags, Call-ID, CSeq, P-Asserted-Identity, Expires, status, and
 * the fields of Authentication-Info and (Proxy-)Authorization themselves.
 * What a client asserts is no part of it: that must go. */
static inline void signed_hash(struct sip_msg *m, bool from_client,
	uint8_t out[static DIGEST_SHA256_LEN])
{
	struct digest_part parts[64];
	struct str pai = STR_LIT("P-Asserted-Identity");
	static const struct str end = STR_LIT("\n");
	char numbers[32];
	size_t n = 0;

	snprintf(numbers, sizeof(numbers), "%u %u", m->cseq, m->status);
	parts[n++] = signed_part(str_of(numbers));
	parts[n++] = signed_part(m->method);
	parts[n++] = signed_part(end);
	parts[n++] = signed_part(m->call_id);
	parts[n++] = signed_part(end);
	parts[n++] = signed_part(m->from.text); /* with name, tag and epid */
	parts[n++] = signed_part(end);
	parts[n++] = signed_part(m->to.text);
	parts[n++] = signed_part(end);
	for (size_t i = 0; i < m->line_count && n + 2 < 64; i++) {
		const struct sip_line *l = &m->lines[i];

		if (!str_ieq_z(l->name, "Authentication-Info") &&
			!str_ieq_z(l->name, "Authorization") &&
			!str_ieq_z(l->name, "Proxy-Authorization") &&
			!str_ieq_z(l->name, "Expires") &&
			(from_client || !str_ieq(l->name, pai)))
			continue;
		parts[n++] = signed_part(l->value);
		parts[n++] = signed_part(end);
	}
	digest_sha256(parts, n, out);
}

static inline void signed_key(const struct sip_msg *m, bool from_client,
	char *out, size_t cap)
{
	snprintf(out, cap, "%d %u %u %.*s %.*s", from_client, m->status,
		m->cseq, STR_ARG(m->method), STR_ARG(m->call_id));
}

/* A message went in on the client's or the servers' side. */
static inline void signed_sent(struct signed_log *log, struct str text,
	bool by_client)
{
	struct signed_note *note = &log->notes[log->count % SIGNED_MAX];
	struct sip_fault fault;
	struct sip_msg *m = NULL;

	/* 100 goes one hop; who gets one got it from the edge. */
	if (sip_msg_parse(&m, text, &fault) == 0 && m->status != 100) {
		signed_key(m, by_client, note->key, sizeof(note->key));
		signed_hash(m, by_client, note->hash);
		log->count++;
	}
	sip_msg_free(m);
}

/* One came out on the other side. What the edge made itself was never sent
 * by anybody, and is not compared. */
static inline void signed_received(struct signed_log *log, const char *text,
	bool by_client)
{
	size_t from = log->count > SIGNED_MAX ? log->count - SIGNED_MAX : 0;
	struct sip_fault fault;
	struct sip_msg *m = NULL;
	uint8_t hash[DIGEST_SHA256_LEN];
	char key[160];
	bool is_known = false, is_same = false;

	/* Answers to broken requests repeat what is broken. */
	if (sip_msg_parse(&m, str_of(text), &fault) != 0) {
		sip_msg_free(m);
		return;
	}
	/* It came from the other side than who got it. */
	signed_key(m, !by_client, key, sizeof(key));
	signed_hash(m, !by_client, hash);
	for (size_t i = from; i < log->count; i++) {
		const struct signed_note *note = &log->notes[i % SIGNED_MAX];

		if (strcmp(note->key, key) != 0)
			continue;
		is_known = true;
		is_same = is_same || memcmp(note->hash, hash,
			sizeof(hash)) == 0;
	}
	ck_assert_msg(!is_known || is_same,
		"a signed field was touched in:\n%s", text);
	log->compared += is_known;
	log->with_signature += is_known &&
		sip_msg_has_header(m, "Authentication-Info");
	sip_msg_free(m);
}

#endif
