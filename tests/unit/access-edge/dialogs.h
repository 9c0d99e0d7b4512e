/*
 * Dialogs out of a string of bytes: two clients, a server inside, and all
 * that they can do to each other in any order. Each pair of bytes is one
 * step. What must hold is checked on the way: signed fields are compared by
 * the recorder, what arrives is whole SIP, and nothing stays open when all
 * have gone. Needs texts.h.
 */
#ifndef TEST_ACCESS_EDGE_DIALOGS_H
#define TEST_ACCESS_EDGE_DIALOGS_H

#include "tests/unit/access-edge/texts.h"

#define DIALOG_CLIENTS 2
#define DIALOG_CALLS   4
#define DIALOG_STEPS   64

#define DIALOG_SETTINGS \
	"settings:\n  access-edge: {transaction_timeout: 1s, " \
	"invite_timeout: 1s, client_rate: 100000, client_burst: 100000, " \
	"failed_logon_limit: 1000, new_connections_per_source: 100000}\n"

struct dialogs {
	struct lab lab;
	struct party *fe;
	struct party *client[DIALOG_CLIENTS];
	unsigned serial; /* makes Call-IDs and branches differ */
	unsigned call[DIALOG_CLIENTS][DIALOG_CALLS];
	char routes[DIALOG_CLIENTS][2048];
	char last[DIALOG_CLIENTS][8192]; /* a client got it last */
	char asked[8192];                /* the server got it last */
	char path[DIALOG_CLIENTS][600];
};

static inline void dialogs_turn(struct dialogs *d)
{
	for (int i = 0; i < 3; i++)
		loop_turn(d->lab.loop, 0);
}

static inline void dialogs_send(struct party *p, const char *text)
{
	if (p != NULL && p->stream != NULL && p->is_ready)
		party_send(p, text);
}

static inline struct party *dialogs_client(struct dialogs *d, unsigned c)
{
	if (d->client[c] != NULL && !d->client[c]->is_ended)
		return d->client[c];
	if (d->lab.party_count == PARTIES_MAX)
		return NULL;
	d->client[c] = party_client(&d->lab);
	d->path[c][0] = '\0';
	d->routes[c][0] = '\0';
	return d->client[c];
}

/* Keep what tells how to go on, forget the rest. */
static inline void dialogs_read(struct dialogs *d)
{
	for (unsigned c = 0; c < DIALOG_CLIENTS; c++) {
		struct party *p = d->client[c];

		if (p == NULL || p->got == 0)
			continue;
		snprintf(d->last[c], sizeof(d->last[c]), "%s",
			p->inbox[p->got - 1]);
		routes_from(d->last[c], true, d->routes[c],
			sizeof(d->routes[c]));
		party_forget(p);
	}
	if (d->fe == NULL || d->fe->got == 0)
		return;
	snprintf(d->asked, sizeof(d->asked), "%s",
		d->fe->inbox[d->fe->got - 1]);
	party_forget(d->fe);
}

static inline void dialogs_request(struct dialogs *d, unsigned c,
	const char *method, unsigned n, const char *extra)
{
	char text[6000];

	snprintf(text, sizeof(text), "%s sip:bob@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 192.168.1.5%s%u\r\n%s"
		"From: <sip:c%u@example.com>;tag=t%u\r\n"
		"To: <sip:bob@example.com>%s\r\nCall-ID: d-%u-%u\r\n"
		"CSeq: 1 %s\r\nContent-Length: 0\r\n\r\n", method,
		n % 2 == 0 ? ";branch=z9hG4bK" : ";x=", n, extra, c, n,
		strstr(extra, "Route:") != NULL || strcmp(method, "ACK") ==
			0 ? ";tag=answerer" : "", c, n, method);
	dialogs_send(dialogs_client(d, c), text);
}

static inline void dialogs_answer(struct party *p, const char *asked,
	unsigned arg)
{
	static const char *const statuses[] = {"100 Trying", "180 Ringing",
		"183 Session Progress", "200 OK", "200 OK", "202 Accepted",
		"302 Moved", "401 Unauthorized", "407 Proxy", "408 Late",
		"486 Busy", "487 Terminated", "503 Full", "603 No",
		"699 Odd", "200 OK"};

	if (p == NULL || p->stream == NULL || !p->is_ready ||
		strncmp(asked, "SIP/2.0 ", 8) == 0 || strstr(asked,
		"\r\nVia: ") == NULL)
		return;
	party_answer(p, asked, statuses[arg % ARRAY_COUNT(statuses)],
		arg % 3 == 0 ? "Contact: <sip:x@fe.int.test>\r\n" : "", "");
}

/* A call from inside by the Path of who registered. */
static inline void dialogs_from_inside(struct dialogs *d, unsigned c,
	const char *method)
{
	char text[2048];
	unsigned n = ++d->serial;

	snprintf(text, sizeof(text), "%s sip:c%u@192.168.1.5 SIP/2.0\r\n"
		"Via: SIP/2.0/TLS fe.int.test;branch=z9hG4bKfe%u\r\n%s"
		"From: <sip:bob@example.com>;tag=b\r\n"
		"To: <sip:c%u@example.com>\r\nCall-ID: fe-%u\r\n"
		"CSeq: 1 %s\r\nContent-Length: 0\r\n\r\n", method, c,
		n, d->path[c], c, n, method);
	dialogs_send(d->fe, text);
}

static inline void dialogs_register(struct dialogs *d, unsigned c)
{
	unsigned n = ++d->serial;
	struct party *p = dialogs_client(d, c);

	if (p == NULL || d->fe->stream == NULL)
		return;
	dialogs_request(d, c, "REGISTER", n, "Contact: <sip:192.168.1.5>;"
		"proxy=replace\r\n");
	for (int i = 0; i < 50 && d->fe->got == 0 && !p->is_ended; i++)
		loop_turn(d->lab.loop, 2);
	if (d->fe->got == 0)
		return;
	d->asked[0] = '\0';
	dialogs_read(d);
	if (strstr(d->asked, "\r\nPath: ") != NULL)
		path_route(d->asked, d->path[c], sizeof(d->path[c]));
	dialogs_answer(d->fe, d->asked, 3);
}

/* Bytes of what somebody got, bent. */
static inline void dialogs_bend(struct dialogs *d, unsigned c, unsigned arg)
{
	char text[8192];
	size_t n;

	snprintf(text, sizeof(text), "%s", arg % 2 == 0 ? d->asked :
		d->last[c]);
	n = strlen(text);
	if (n < 20 || dialogs_client(d, c) == NULL)
		return;
	text[arg * 31 % n] = (char)(arg * 7);
	party_record(d->client[c], "", 0);
	d->client[c]->side = PARTY_OTHER; /* it lies from now on */
	if (d->client[c]->stream != NULL)
		(void)stream_send(d->client[c]->stream, text, n);
}

static inline void dialogs_step(struct dialogs *d, unsigned op, unsigned arg)
{
	unsigned c = arg & 1, k = arg >> 1 & (DIALOG_CALLS - 1);
	unsigned *call = &d->call[c][k];

	if (*call == 0)
		*call = ++d->serial;
	switch (op % 14) {
	case 0:
		*call = ++d->serial;
		dialogs_request(d, c, "INVITE", *call, "");
		break;
	case 1:
		dialogs_request(d, c, "INVITE", *call, ""); /* again */
		break;
	case 2:
		dialogs_request(d, c, "CANCEL", *call, "");
		break;
	case 3:
		dialogs_request(d, c, "ACK", *call, arg & 16 ?
			d->routes[c] : "");
		break;
	case 4:
		dialogs_request(d, c, "BYE", ++d->serial, d->routes[c]);
		break;
	case 5:
		dialogs_request(d, c, arg & 16 ? "MESSAGE" : "BENOTIFY",
			++d->serial, "");
		break;
	case 6:
	case 7:
		dialogs_answer(d->fe, d->asked, arg);
		break;
	case 8:
		dialogs_answer(d->client[c], d->last[c], arg);
		break;
	case 9:
		dialogs_register(d, c);
		break;
	case 10:
		dialogs_from_inside(d, c, arg & 16 ? "INVITE" : "BENOTIFY");
		break;
	case 11:
		dialogs_bend(d, c, arg);
		break;
	case 12:
		if (arg < 64 && d->client[c] != NULL &&
			d->client[c]->stream != NULL)
			stream_close(d->client[c]->stream);
		break;
	default:
		dialogs_send(dialogs_client(d, c), "\r\n\r\n");
		break;
	}
	dialogs_turn(d);
	dialogs_read(d);
}

static inline void dialogs_init(struct dialogs *d)
{
	memset(d, 0, sizeof(*d));
	d->fe = lab_start(&d->lab, DIALOG_SETTINGS);
}

/* False when there is no room for more clients: make another lab. */
static inline bool dialogs_play(struct dialogs *d, const uint8_t *script,
	size_t len)
{
	for (size_t i = 0; i + 1 < len && i < DIALOG_STEPS * 2; i += 2)
		dialogs_step(d, script[i], script[i + 1]);
	return d->lab.party_count + 4 < PARTIES_MAX && !d->fe->is_ended;
}

/* All go; nothing may stay. */
static inline void dialogs_fini(struct dialogs *d)
{
	for (unsigned c = 0; c < DIALOG_CLIENTS; c++) {
		if (d->client[c] != NULL && d->client[c]->stream != NULL)
			stream_close(d->client[c]->stream);
	}
	for (int i = 0; i < 400 && (d->lab.edge->txns.count > 0 ||
		d->lab.edge->stray_count > 0); i++)
		loop_turn(d->lab.loop, 20);
	ck_assert_uint_eq(d->lab.edge->txns.count, 0);
	ck_assert_uint_eq(d->lab.edge->txns.bytes, 0);
	ck_assert_uint_eq(d->lab.edge->stray_count, 0);
	lab_fini(&d->lab);
}

#endif
