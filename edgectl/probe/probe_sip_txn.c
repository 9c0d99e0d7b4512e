/*
 * A client's own requests, one at a time: sent, challenged, sent again,
 * answered. Lives here: the transaction and what is made of its answer. Does
 * not live here: the connection (probe_sip.c), digests (probe_digest.c).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/rand.h"
#include "edgectl/probe/probe_digest.h"
#include "edgectl/probe/probe_sip_priv.h"

#define ANSWER_MS 12000

/* ---- sending ---- */

static int send_request(struct probe_sip *s, const struct probe_sip_ask *ask,
	const char *branch, uint32_t cseq, const char *credentials_name,
	const char *credentials)
{
	const char *const proxy[] = {s->route};
	struct sip_field fields[8];
	struct sip_request request = {
		.method = ask->method,
		.uri = ask->uri,
		.via_host = s->via,
		.branch = branch,
		.via_params = ";rport",
		.routes = ask->routes != NULL ? ask->routes : proxy,
		.route_count = ask->routes != NULL ? ask->route_count :
			s->route[0] != '\0'        ? 1 :
						     0,
		.from = ask->from,
		.to = ask->to,
		.call_id = ask->call_id,
		.cseq = cseq,
		.contact = ask->contact,
		.fields = fields,
		.content_type = ask->content_type,
		.body = ask->body,
	};
	char *text;
	size_t len;
	int err;

	for (size_t i = 0; i < ask->field_count && i < 6; i++)
		fields[request.field_count++] = ask->fields[i];
	if (credentials != NULL)
		fields[request.field_count++] =
			(struct sip_field){credentials_name,
				str_of(credentials)};
	fields[request.field_count++] = (struct sip_field){"User-Agent",
		STR_LIT("sallyport-edgectl/" EDGE_VERSION)};
	err = sip_build(&request, &text, &len);
	if (err != 0)
		return err;
	probe_trace(s->probe, s->label, s->server_label, "%s", ask->method);
	err = probe_sip_send_text(s, text, len);
	free(text);
	return err;
}

/* A non-2xx answer to INVITE is acknowledged in its own transaction (RFC
 * 3261 section 17.1.1.3). */
static int acknowledge(struct probe_sip *s, const struct sip_msg *reply)
{
	const struct probe_sip_ask *ask = s->txn.ask;
	char to[2 * URI_LEN];
	struct probe_sip_ask ack = *ask;

	snprintf(to, sizeof(to), "%.*s", STR_ARG(sip_msg_header(reply, "To")));
	ack.method = "ACK";
	ack.to = to;
	ack.contact = NULL;
	ack.field_count = 0;
	ack.content_type = NULL;
	ack.body = (struct str){"", 0};
	return send_request(s, &ack, s->txn.branch, *ask->cseq, NULL, NULL);
}

static int send_again(struct probe_sip *s)
{
	(*s->txn.ask->cseq)++;
	sip_branch(s->txn.branch);
	return send_request(s, s->txn.ask, s->txn.branch, *s->txn.ask->cseq,
		s->txn.credentials_name, s->txn.credentials);
}

/* ---- answers ---- */

/* The first challenge whose scheme we know, answered. */
static bool answer_challenge(struct probe_sip *s, const struct sip_msg *m)
{
	const bool is_proxy = m->status == 407;
	const char *name = is_proxy ? "Proxy-Authenticate" : "WWW-Authenticate";
	char cnonce[17];

	rand_token(cnonce, sizeof(cnonce) - 1);
	for (size_t i = 0; i < m->line_count; i++) {
		const struct probe_digest d = {
			.challenge = m->lines[i].value,
			.user = s->user,
			.password = s->password,
			.method = s->txn.ask->method,
			.uri = s->txn.ask->uri,
			.cnonce = cnonce,
		};

		if (!str_ieq_z(m->lines[i].name, name) ||
			probe_digest_answer(&d, &s->txn.credentials) != 0)
			continue;
		s->txn.credentials_name =
			is_proxy ? "Proxy-Authorization" : "Authorization";
		return true;
	}
	return false;
}

void probe_sip_take_response(struct probe_sip *s, struct probe_sip_msg *m)
{
	const struct sip_msg *msg = m->msg;
	struct transaction *t = &s->txn;

	probe_trace(s->probe, s->server_label, s->label, "%u %.*s (%.*s)",
		msg->status, STR_ARG(msg->reason), STR_ARG(msg->method));
	if (t->ask == NULL || t->is_done || msg->status < 200 ||
		!str_eq_z(msg->via.branch, t->branch) ||
		!str_eq_z(msg->method, t->ask->method))
		return;
	if (msg->status >= 300 && strcmp(t->ask->method, "INVITE") == 0 &&
		acknowledge(s, msg) != 0)
		return;
	if ((msg->status == 401 || msg->status == 407) && s->has_password &&
		!t->was_challenged && answer_challenge(s, msg)) {
		t->was_challenged = true;
		if (send_again(s) == 0)
			return;
	}
	t->reply = *m;
	t->is_done = true;
	m->msg = NULL;
	m->text = NULL;
}

/* ---- one after the other ---- */

int probe_sip_begin(struct probe_sip *s, const struct probe_sip_ask *ask,
	struct why *why)
{
	int err;

	probe_sip_msg_free(&s->txn.reply);
	free(s->txn.credentials);
	s->txn = (struct transaction){.ask = ask};
	err = send_again(s);
	if (err == -ENOTCONN)
		return probe_sip_lost(s, ask->method, why);
	if (err != 0)
		return why_set(why, err, "%s can't be built: %s", ask->method,
			err_text(err));
	return 0;
}

bool probe_sip_is_answered(const struct probe_sip *s)
{
	return s->txn.is_done || s->stream == NULL;
}

static bool is_answered(void *arg)
{
	return probe_sip_is_answered(arg);
}

/* "403 Forbidden (1008 \"...\")": what administrators look for. */
static int refused(const struct probe_sip *s, const char *method,
	struct why *why)
{
	const struct sip_msg *m = s->txn.reply.msg;
	struct str detail = sip_msg_header(m, "ms-diagnostics");

	if (detail.n == 0)
		detail = sip_msg_header(m, "ms-diagnostics-public");
	if (detail.n == 0)
		detail = sip_msg_header(m, "Warning");
	if ((m->status == 401 || m->status == 407) && !s->has_password)
		detail = STR_LIT("a password is needed");
	else if (m->status == 401 || m->status == 407)
		detail = STR_LIT("wrong user or password, or no scheme that "
				 "we know");
	return why_set(why, EDGE_EREFUSED, "%s: answered %u %.*s%s%.*s%s",
		method, m->status, STR_ARG(m->reason), detail.n > 0 ? " (" : "",
		STR_ARG(detail), detail.n > 0 ? ")" : "");
}

int probe_sip_finish(struct probe_sip *s, struct why *why,
	struct probe_sip_msg *reply)
{
	const char *method = s->txn.ask->method;
	int err = probe_wait(s->probe, ANSWER_MS, is_answered, s);

	s->txn.ask = NULL;
	if (err != 0)
		return why_set(why, err, "%s: no final answer from %s in %d s",
			method, s->server_label, ANSWER_MS / 1000);
	if (!s->txn.is_done)
		return probe_sip_lost(s, method, why);
	if (s->txn.reply.msg->status >= 300)
		return refused(s, method, why);
	if (reply != NULL) {
		*reply = s->txn.reply;
		memset(&s->txn.reply, 0, sizeof(s->txn.reply));
	}
	return 0;
}

int probe_sip_ask(struct probe_sip *s, const struct probe_sip_ask *ask,
	struct probe_sip_msg *reply, struct why *why)
{
	int err = probe_sip_begin(s, ask, why);

	return err != 0 ? err : probe_sip_finish(s, why, reply);
}

int probe_sip_tell(struct probe_sip *s, const struct probe_sip_ask *ask,
	struct why *why)
{
	char branch[SIP_BRANCH_LEN];
	int err = send_request(s, ask, sip_branch(branch), *ask->cseq, NULL,
		NULL);

	if (err == -ENOTCONN)
		return probe_sip_lost(s, ask->method, why);
	return err != 0 ? why_set(why, err, "%s can't be built: %s",
				  ask->method, err_text(err)) :
			  0;
}
