/*
 * The transaction table. States and what is kept; what is done when a
 * message or a deadline comes is forward.c's and response.c's.
 */
#include "access-edge/txn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/sip/sip_edit.h"
#include "common/sip/sip_writer.h"

#define PARTNER_TIMES 16
#define TRYING_MS 200

const char *txn_state_name(enum txn_state state)
{
	static const char *const names[] = {
		[TXN_CONNECTING] = "connecting",
		[TXN_CALLING] = "calling",
		[TXN_PROCEEDING] = "proceeding",
		[TXN_ACCEPTED] = "accepted",
		[TXN_COMPLETED] = "completed",
	};

	return names[state];
}

void txn_table_bound(struct txn_table *t, const struct txn_bounds *bounds)
{
	t->bounds = *bounds;
}

int txn_table_init(struct txn_table *t, const struct txn_bounds *bounds)
{
	memset(t, 0, sizeof(*t));
	t->bounds = *bounds;
	list_init(&t->trying);
	list_init(&t->timed);
	if (map_init(&t->by_branch) != 0)
		return -ENOMEM;
	if (map_init(&t->by_key) != 0) {
		map_fini(&t->by_branch);
		return -ENOMEM;
	}
	if (map_init(&t->parties) != 0) {
		map_fini(&t->by_branch);
		map_fini(&t->by_key);
		return -ENOMEM;
	}
	return 0;
}

void txn_table_fini(struct txn_table *t)
{
	struct list *it;

	if (t->timed.next == NULL)
		return; /* never begun */
	while ((it = list_first(&t->timed)) != NULL)
		txn_free(container_of(it, struct txn, timed));
	map_fini(&t->by_branch);
	map_fini(&t->by_key);
	map_fini(&t->parties);
}

/* ---- connections --------------------------------------------------------- */

static bool is_party(const struct map_node *node, const void *key)
{
	return container_of(node, struct txn_party, node)->cid ==
		*(const uint64_t *)key;
}

static struct txn_party *party_find(const struct txn_table *t, uint64_t cid)
{
	struct map_node *node = map_find(&t->parties, map_hash(&t->parties,
		&cid, sizeof(cid)), is_party, &cid);

	return node == NULL ? NULL :
		container_of(node, struct txn_party, node);
}

static struct txn_party *party_get(struct txn_table *t, uint64_t cid)
{
	struct txn_party *p = party_find(t, cid);

	if (p != NULL)
		return p;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	p->cid = cid;
	list_init(&p->begun);
	list_init(&p->aimed);
	map_insert(&t->parties, &p->node, map_hash(&t->parties, &cid,
		sizeof(cid)));
	return p;
}

static void party_put(struct txn_table *t, struct txn_party *p)
{
	if (p->begun_count > 0 || p->aimed_count > 0)
		return;
	map_remove(&t->parties, &p->node);
	free(p);
}

static void leave_from(struct txn *txn)
{
	if (txn->from == NULL)
		return;
	list_remove(&txn->of_from);
	txn->from->begun_count--;
	party_put(txn->table, txn->from);
	txn->from = NULL;
}

static void leave_to(struct txn *txn)
{
	if (txn->to == NULL)
		return;
	list_remove(&txn->of_to);
	txn->to->aimed_count--;
	party_put(txn->table, txn->to);
	txn->to = NULL;
}

int txn_aim(struct txn *txn, uint64_t cid)
{
	struct txn_party *p = party_get(txn->table, cid);

	if (p == NULL)
		return -ENOMEM;
	p->aimed_count++; /* first: it may be the one that is left */
	leave_to(txn);
	list_push_back(&p->aimed, &txn->of_to);
	txn->to = p;
	txn->to_cid = cid;
	return 0;
}

const char *txn_full_by(const struct txn_table *t, uint64_t cid,
	enum origin_role role)
{
	const struct txn_bounds *b = &t->bounds;
	unsigned quarters = role == ORIGIN_INTERNAL ? 4 : 3;
	const struct txn_party *p;

	if (t->count >= b->count_max / 4 * quarters)
		return "max_transactions";
	if (t->bytes >= b->bytes_max / 4 * quarters)
		return "max_transaction_memory_mb";
	p = role == ORIGIN_INTERNAL ? NULL : party_find(t, cid);
	return p != NULL && p->begun_count >= b->client_max *
		(role == ORIGIN_PARTNER ? PARTNER_TIMES : 1) ?
		"max_transactions_per_client" : NULL;
}

/* ---- keys ---------------------------------------------------------------- */

void txn_key(const struct sip_msg *m, uint64_t cid,
	uint8_t key[static DIGEST_SHA256_LEN])
{
	bool is_new_style = str_starts(m->via.branch, "z9hG4bK") &&
		m->via.branch.n > 7;
	struct str method = m->method;
	struct str none = STR_LIT("");
	char numbers[48];

	if (m->method_id == SIP_ACK || m->method_id == SIP_CANCEL)
		method = STR_LIT("INVITE");
	snprintf(numbers, sizeof(numbers), "%llx %u %u",
		(unsigned long long)cid, m->via.port, m->cseq);
	/* A NUL between the parts: none of them can hold one. */
	const struct digest_part parts[] = {
		{numbers, strlen(numbers) + 1},
		{method.p, method.n}, {"", 1},
		{m->via.host.p, m->via.host.n}, {"", 1},
		{m->via.branch.p, m->via.branch.n}, {"", 1},
		is_new_style ? (struct digest_part){none.p, 0} :
			(struct digest_part){m->uri.text.p, m->uri.text.n},
		{"", 1},
		is_new_style ? (struct digest_part){none.p, 0} :
			(struct digest_part){m->from_tag.p, m->from_tag.n},
		{"", 1},
		is_new_style ? (struct digest_part){none.p, 0} :
			(struct digest_part){m->call_id.p, m->call_id.n},
	};

	digest_sha256(parts, ARRAY_COUNT(parts), key);
}

static bool has_key(const struct map_node *node, const void *key)
{
	const struct txn *txn = container_of(node, struct txn, by_key);

	return memcmp(txn->key, key, DIGEST_SHA256_LEN) == 0;
}

static bool has_branch(const struct map_node *node, const void *key)
{
	const struct txn *txn = container_of(node, struct txn, by_branch);

	return str_eq_z(*(const struct str *)key, txn->branch);
}

struct txn *txn_find_key(const struct txn_table *t,
	const uint8_t key[static DIGEST_SHA256_LEN])
{
	struct map_node *node = map_find(&t->by_key, map_hash(&t->by_key,
		key, DIGEST_SHA256_LEN), has_key, key);

	return node == NULL ? NULL : container_of(node, struct txn, by_key);
}

struct txn *txn_find_branch(const struct txn_table *t, struct str branch)
{
	struct map_node *node = map_find(&t->by_branch,
		map_hash(&t->by_branch, branch.p, branch.n), has_branch,
		&branch);

	return node == NULL ? NULL :
		container_of(node, struct txn, by_branch);
}

/* ---- what is kept -------------------------------------------------------- */

static void copy_raw(struct sip_writer *w, const struct sip_msg *m,
	enum sip_header id, size_t max)
{
	const struct sip_line *line;

	for (size_t n = 0; n < max && (line = sip_msg_line(m, id, n)) !=
		NULL; n++)
		sip_write(w, line->raw);
}

/* The headers that answers (all Vias) or CANCEL and ACK (Routes) need. */
static int keep(const struct sip_msg *m, bool is_sent, char **out,
	size_t *len)
{
	struct sip_writer w = {NULL, 0, 0, 0};

	sip_write(&w, m->start);
	copy_raw(&w, m, SIP_HEADER_VIA, is_sent ? 1 : SIZE_MAX);
	if (is_sent)
		copy_raw(&w, m, SIP_HEADER_ROUTE, SIZE_MAX);
	copy_raw(&w, m, SIP_HEADER_FROM, 1);
	copy_raw(&w, m, SIP_HEADER_TO, 1);
	copy_raw(&w, m, SIP_HEADER_CALL_ID, 1);
	copy_raw(&w, m, SIP_HEADER_CSEQ, 1);
	sip_write_body(&w, NULL, STR_LIT(""));
	return sip_write_end(&w, out, len);
}

int txn_new(struct txn **out, struct txn_table *t, const struct sip_msg *m,
	const struct txn_begin *begin)
{
	struct txn *txn = calloc(1, sizeof(*txn));
	int err;

	if (txn == NULL)
		return -ENOMEM;
	list_init(&txn->trying);
	list_init(&txn->timed);
	list_init(&txn->wait.node);
	list_init(&txn->of_from);
	list_init(&txn->of_to);
	err = keep(m, false, &txn->received, &txn->received_len);
	if (err == 0 &&
		(txn->from = party_get(t, begin->from_cid)) == NULL)
		err = -ENOMEM;
	if (err != 0) {
		txn_free(txn);
		return err;
	}
	txn->table = t;
	txn->from->begun_count++;
	list_push_back(&txn->from->begun, &txn->of_from);
	t->bytes += txn->received_len;
	txn->is_invite = m->method_id == SIP_INVITE;
	txn->method = m->method_id;
	snprintf(txn->method_name, sizeof(txn->method_name), "%.*s",
		STR_ARG(m->method));
	snprintf(txn->branch, sizeof(txn->branch), "%s",
		begin->branch);
	snprintf(txn->call_id, sizeof(txn->call_id), "%.*s",
		STR_ARG(m->call_id));
	txn->from_cid = begin->from_cid;
	txn->begun = begin->now;
	memcpy(txn->key, begin->key, sizeof(txn->key));
	map_insert(&t->by_key, &txn->by_key, map_hash(&t->by_key, txn->key,
		sizeof(txn->key)));
	map_insert(&t->by_branch, &txn->by_branch, map_hash(&t->by_branch,
		txn->branch, strlen(txn->branch)));
	list_push_back(&t->timed, &txn->timed);
	if (txn->is_invite)
		list_push_back(&t->trying, &txn->trying);
	t->count++;
	*out = txn;
	return 0;
}

void txn_free(struct txn *txn)
{
	if (txn == NULL)
		return;
	if (txn->table != NULL) {
		map_remove(&txn->table->by_key, &txn->by_key);
		map_remove(&txn->table->by_branch, &txn->by_branch);
		txn->table->count--;
		txn->table->bytes -= txn->received_len + txn->sent_len;
		txn_drop_held(txn);
		leave_from(txn);
		leave_to(txn);
	}
	list_remove(&txn->trying);
	list_remove(&txn->timed);
	peer_cancel(&txn->wait);
	outbound_free(txn->outbound);
	free(txn->partner);
	free(txn->received);
	free(txn->sent);
	free(txn);
}

int txn_set_partner(struct txn *txn, const struct partner *partner)
{
	if (txn->partner == NULL)
		txn->partner = malloc(sizeof(*txn->partner));
	if (txn->partner == NULL)
		return -ENOMEM;
	*txn->partner = *partner;
	return 0;
}

void txn_hold(struct txn *txn, char *text, size_t len)
{
	txn_drop_held(txn);
	txn->pending = text;
	txn->pending_len = len;
	txn->table->bytes += len;
}

void txn_drop_held(struct txn *txn)
{
	free(txn->pending);
	txn->pending = NULL;
	txn->table->bytes -= txn->pending_len;
	txn->pending_len = 0;
}

int txn_keep_sent(struct txn *txn, const struct sip_msg *out)
{
	int err;

	free(txn->sent);
	txn->sent = NULL;
	txn->table->bytes -= txn->sent_len;
	txn->sent_len = 0;
	err = keep(out, true, &txn->sent, &txn->sent_len);
	txn->table->bytes += txn->sent_len;
	return err;
}

void txn_set_state(struct txn *txn, enum txn_state state,
	struct mono deadline)
{
	txn->state = state;
	txn->deadline = deadline;
	/* Back of the list: with one delay per state it stays nearly sorted,
	 * and the sweep looks at all that could be due. */
	list_remove(&txn->timed);
	list_push_back(&txn->table->timed, &txn->timed);
}

void txn_stop_trying(struct txn *txn)
{
	list_remove(&txn->trying);
}

/* ---- requests of our own ------------------------------------------------- */

/* The kept INVITE under another method, with this To. */
static int derive(const struct txn *txn, const char *method,
	const struct sip_line *to, char **out, size_t *len)
{
	struct sip_writer w = {NULL, 0, 0, 0};
	struct sip_fault fault;
	struct sip_msg *m = NULL;
	int err;

	if (txn->sent == NULL)
		return EDGE_EUNKNOWN;
	err = sip_msg_parse(&m, (struct str){txn->sent, txn->sent_len},
		&fault);
	if (err == 0) {
		sip_write_z(&w, method);
		sip_write(&w, str_skip(m->start, m->method.n));
		copy_raw(&w, m, SIP_HEADER_VIA, 1);
		copy_raw(&w, m, SIP_HEADER_ROUTE, SIZE_MAX);
		sip_write_z(&w, "Max-Forwards: 70\r\n");
		copy_raw(&w, m, SIP_HEADER_FROM, 1);
		if (to != NULL)
			sip_write(&w, to->raw);
		else
			copy_raw(&w, m, SIP_HEADER_TO, 1);
		copy_raw(&w, m, SIP_HEADER_CALL_ID, 1);
		sip_write_z(&w, "CSeq: ");
		sip_write_number(&w, m->cseq);
		sip_write_z(&w, " ");
		sip_write_z(&w, method);
		sip_write_z(&w, "\r\n");
		sip_write_body(&w, NULL, STR_LIT(""));
		err = sip_write_end(&w, out, len);
	}
	sip_msg_free(m);
	return err;
}

int txn_make_cancel(const struct txn *txn, char **out, size_t *len)
{
	return derive(txn, "CANCEL", NULL, out, len);
}

int txn_make_ack(const struct txn *txn, const struct sip_msg *response,
	char **out, size_t *len)
{
	return derive(txn, "ACK", sip_msg_line(response, SIP_HEADER_TO, 0),
		out, len);
}

size_t txn_open_count(const struct txn_table *t)
{
	struct list *it;
	size_t n = 0;

	list_for_each(it, &t->timed) {
		if (container_of(it, struct txn, timed)->state <=
			TXN_PROCEEDING)
			n++;
	}
	return n;
}

/* ---- time ---------------------------------------------------------------- */

void txn_sweep(struct txn_table *t, struct mono now, txn_cb *on_trying,
	txn_cb *on_deadline)
{
	struct list *it, *next;
	struct list due;

	while ((it = list_first(&t->trying)) != NULL) {
		struct txn *txn = container_of(it, struct txn, trying);

		if (mono_since_ms(txn->begun, now) < TRYING_MS)
			break;
		txn_stop_trying(txn);
		on_trying(txn, t->arg);
	}
	list_init(&due);
	list_for_each_safe(it, next, &t->timed) {
		struct txn *txn = container_of(it, struct txn, timed);

		if (!mono_is_past(txn->deadline, now))
			continue;
		list_remove(it);
		list_push_back(&due, it);
	}
	while ((it = list_first(&due)) != NULL) {
		struct txn *txn = container_of(it, struct txn, timed);

		list_remove(it);
		list_push_back(&t->timed, it);
		on_deadline(txn, t->arg);
	}
}

/* Call cb for each of a list that moves out of the way first: cb may free
 * what it likes. */
static void each_begun(struct txn_party *p, txn_cb *cb, void *arg)
{
	struct list hit;
	struct list *it;

	list_init(&hit);
	list_move_all(&p->begun, &hit);
	while ((it = list_first(&hit)) != NULL) {
		struct txn *txn = container_of(it, struct txn, of_from);

		list_remove(it);
		list_push_back(&txn->from->begun, it);
		cb(txn, arg);
	}
}

static void each_aimed(struct txn_party *p, txn_cb *cb, void *arg)
{
	struct list hit;
	struct list *it;

	list_init(&hit);
	list_move_all(&p->aimed, &hit);
	while ((it = list_first(&hit)) != NULL) {
		struct txn *txn = container_of(it, struct txn, of_to);

		list_remove(it);
		list_push_back(&txn->to->aimed, it);
		cb(txn, arg);
	}
}

void txn_for_connection(struct txn_table *t, uint64_t cid, txn_cb *cb,
	void *arg)
{
	struct txn_party *p = party_find(t, cid);

	if (p != NULL)
		each_begun(p, cb, arg);
	p = party_find(t, cid); /* the last one may have taken it along */
	if (p != NULL)
		each_aimed(p, cb, arg);
}
