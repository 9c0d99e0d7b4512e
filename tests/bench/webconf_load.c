/*
 * Load for the comparison of webconf-edge with a TLS proxy: both ends in one
 * program. Outside it is many clients; inside it is a conferencing server
 * that speaks WCE/1 itself, or with --plain the TLS server behind the proxy.
 * The inside echoes (E), swallows (U) or sends (D) as each client asks with
 * its first nine bytes. One JSON line at the end.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/list.h"
#include "common/base/log.h"
#include "common/base/rand.h"
#include "common/net/listener.h"
#include "common/net/relay.h"
#include "common/wce/ticket.h"
#include "common/wce/wce_frame.h"

#define URI    "sip:bench@contoso.test"
#define PIECE  65536u
#define SOURCES 8

struct options {
	struct addr edge;
	struct addr inside; /* WCE: the edge's 8057; --plain: we listen */
	const char *name;
	const char *inside_name;
	const char *ca;
	const char *inside_ca;
	const char *cert;
	const char *key;
	bool is_plain;
	unsigned pairs;
	unsigned rate;  /* joins a second, 0 = as fast as it goes */
	unsigned limit; /* joins under way at once */
	unsigned warm;
	uint64_t bytes; /* of each client, in `way` */
	char way;       /* 'E', 'U', 'D' */
	unsigned pings; /* per client, one after the other */
	const char *hold; /* file to make when all stand; then wait */
	unsigned skip_s;  /* joins of the first seconds are not measured */
};

struct load {
	struct options o;
	struct loop *loop;
	struct tls_ctx *outside;
	struct tls_ctx *inside;
	struct ticket_key *key;
	uint8_t server[WCE_ID_LEN];
	uint64_t epoch;
	struct stream *control;
	struct wce_reader reader;
	struct listener *listener;
	bool is_registered;
	unsigned warm; /* slots opened and not yet paired */
	unsigned begun;
	unsigned standing;
	unsigned under_way;
	unsigned finished;
	unsigned failed;
	uint64_t *join_us; /* until CLIENT_OK, or TLS with --plain */
	uint64_t *echo_us; /* until the first echo */
	size_t join_count;
	size_t echo_count;
	uint64_t *ping_us;
	size_t ping_count;
	uint64_t started_us;
	uint64_t ended_us;
	struct loop_timer *pace;
};

/* One inside end: a slot, or a connection from the proxy. */
struct inner {
	struct load *l;
	struct stream *s;
	struct wce_reader reader;
	bool is_raw;
	uint8_t head[9];
	size_t head_len;
	uint64_t left; /* to send, way D */
	uint64_t got;  /* way U */
	uint64_t want;
};

struct outer {
	struct load *l;
	struct stream *s;
	struct wce_reader reader;
	bool is_raw;
	uint64_t start_us;
	uint64_t ping_start_us;
	unsigned pings;
	uint64_t left; /* to send, way U */
	uint64_t got;
};

static uint8_t noise[PIECE];

static void die(const char *what)
{
	printf("{\"error\": \"%s\"}\n", what);
	exit(1);
}

static void done_one(struct load *l)
{
	l->finished++;
	if (l->finished + l->failed < l->o.pairs || l->o.hold != NULL)
		return;
	l->ended_us = mono_now_us();
	loop_stop(l->loop);
}

/* ---- inside -------------------------------------------------------------- */

static void open_slots(struct load *l);

static void pour(struct stream *s, uint64_t *left)
{
	while (*left > 0) {
		size_t n = *left < PIECE ? (size_t)*left : PIECE;
		int rc = stream_send(s, noise, n);

		if (rc < 0)
			return;
		*left -= n;
		if (rc > 0)
			return;
	}
}

static void inner_raw(struct inner *in, const uint8_t *p, size_t n)
{
	size_t take = sizeof(in->head) - in->head_len;

	if (take > n)
		take = n;
	memcpy(in->head + in->head_len, p, take);
	in->head_len += take;
	p += take;
	n -= take;
	if (in->head_len < sizeof(in->head))
		return;
	if (take > 0) {
		in->want = buf_load_u64(in->head + 1);
		if (in->head[0] == 'D')
			in->left = in->want;
		pour(in->s, &in->left);
		if (in->head[0] == 'E')
			(void)stream_send(in->s, "!", 1);
	}
	if (in->head[0] == 'E' && n > 0)
		(void)stream_send(in->s, p, n);
	in->got += n;
	if (in->head[0] == 'U' && n > 0 && in->got >= in->want)
		(void)stream_send(in->s, "!", 1);
}

static void inner_pair(struct inner *in, const struct wce_frame *frame)
{
	uint8_t room[WCE_SHORT_MAX];
	struct wbuf w = wbuf_of(room, sizeof(room));
	struct wce_fields f;
	uint8_t id[WCE_ID_LEN];
	size_t at;

	if (wce_fields_read(&f, frame) < 0)
		die("PAIR");
	wce_copy(&f, WCE_SESSION, id, sizeof(id));
	at = wce_begin(&w, WCE_PAIR_OK);
	wce_put(&w, WCE_SESSION, id, sizeof(id));
	wce_end(&w, at);
	(void)stream_send(in->s, room, w.len);
	in->is_raw = true;
	in->l->warm--;
	open_slots(in->l);
}

static void inner_data(struct stream *s, const uint8_t *p, size_t n, void *arg)
{
	struct str rest = {(const char *)p, n};
	struct inner *in = arg;
	uint8_t room[WCE_SHORT_MAX];
	struct wce_frame frame;

	while (!in->is_raw &&
		wce_reader_next(&in->reader, &rest, &frame) == 1) {
		if (frame.type == WCE_PING)
			(void)stream_send(s, room, wce_ping(room, WCE_PONG,
				frame.payload));
		else if (frame.type == WCE_PAIR)
			inner_pair(in, &frame);
	}
	if (in->is_raw && rest.n > 0)
		inner_raw(in, (const uint8_t *)rest.p, rest.n);
}

static void inner_drained(struct stream *s, void *arg)
{
	struct inner *in = arg;

	pour(s, &in->left);
}

static void inner_ready(struct stream *s, void *arg)
{
	struct inner *in = arg;
	struct load *l = in->l;
	uint8_t room[128];
	struct wbuf w = wbuf_of(room, sizeof(room));
	size_t at;

	if (in->is_raw)
		return;
	at = wce_begin(&w, WCE_SRV_READY);
	wce_put(&w, WCE_SERVER, l->server, sizeof(l->server));
	wce_put_u64(&w, WCE_EPOCH, l->epoch);
	wce_put_u64(&w, WCE_SLOT, 1);
	wce_end(&w, at);
	(void)stream_send(s, room, w.len);
}

static void inner_end(struct stream *s, enum stream_end end,
	const char *detail, void *arg)
{
	struct inner *in = arg;

	(void)s;
	(void)end;
	(void)detail;
	if (!in->is_raw)
		in->l->warm--;
	wce_reader_fini(&in->reader);
	free(in);
}

static const struct stream_ops INNER = {
	.on_ready = inner_ready,
	.on_data = inner_data,
	.on_drained = inner_drained,
	.on_end = inner_end,
};

static struct inner *inner_new(struct load *l)
{
	struct inner *in = calloc(1, sizeof(*in));

	if (in == NULL)
		die("memory");
	in->l = l;
	in->is_raw = l->o.is_plain;
	wce_reader_init(&in->reader, WCE_HELLO_MAX);
	return in;
}

static void open_slots(struct load *l)
{
	const struct stream_target target = {.remote = l->o.inside,
		.name = l->o.inside_name};
	const struct stream_limits limits = {.handshake_ms = 60000};

	while (l->is_registered && l->warm < l->o.warm) {
		struct inner *in = inner_new(l);

		if (stream_connect(&in->s, l->loop, &target, l->inside,
			    &limits, &INNER, in) < 0)
			die("slot");
		l->warm++;
	}
}

static void on_inside_accept(int fd, const struct addr *remote, void *arg)
{
	struct load *l = arg;
	struct inner *in = inner_new(l);

	if (stream_accept(&in->s, l->loop, fd, remote, l->inside, NULL, &INNER,
		    in) < 0)
		die("accept");
}

/* ---- registration -------------------------------------------------------- */

static void control_ready(struct stream *s, void *arg)
{
	struct load *l = arg;
	uint8_t key[3 + TICKET_PUBLIC_MAX] = {0, 1, TICKET_ED25519};
	uint8_t room[512];
	struct wbuf w = wbuf_of(room, sizeof(room));
	size_t at = wce_begin(&w, WCE_SRV_REGISTER);
	size_t len = ticket_key_public(l->key, key + 3);

	wce_put(&w, WCE_SERVER, l->server, sizeof(l->server));
	wce_put_text(&w, WCE_POOL, "bench.contoso.test");
	wce_put_u32(&w, WCE_CAPABILITIES, 0);
	wce_put(&w, WCE_KEY, key, len + 3);
	wce_put_u32(&w, WCE_SESSIONS_MAX, 100000);
	wce_put_u64(&w, WCE_EPOCH, l->epoch);
	wce_end(&w, at);
	(void)stream_send(s, room, w.len);
}

static void control_data(struct stream *s, const uint8_t *p, size_t n,
	void *arg)
{
	struct str rest = {(const char *)p, n};
	struct load *l = arg;
	uint8_t room[WCE_SHORT_MAX];
	struct wce_frame frame;

	while (wce_reader_next(&l->reader, &rest, &frame) == 1) {
		if (frame.type == WCE_PING)
			(void)stream_send(s, room, wce_ping(room, WCE_PONG,
				frame.payload));
		if (frame.type == WCE_SRV_REGISTERED)
			l->is_registered = true;
		if (frame.type == WCE_ERROR)
			die("registration");
	}
	open_slots(l);
}

static void control_end(struct stream *s, enum stream_end end,
	const char *detail, void *arg)
{
	(void)s;
	(void)end;
	(void)arg;
	die(detail);
}

static const struct stream_ops CONTROL = {
	.on_ready = control_ready,
	.on_data = control_data,
	.on_end = control_end,
};

/* ---- outside ------------------------------------------------------------- */

static void outer_begin(struct load *l);

static void outer_ask(struct outer *o)
{
	struct load *l = o->l;
	uint8_t head[9] = {(uint8_t)l->o.way};

	buf_store_u64(head + 1, l->o.bytes);
	(void)stream_send(o->s, head, sizeof(head));
	if (l->o.way == 'U')
		o->left = l->o.bytes;
	pour(o->s, &o->left);
}

static bool is_measured(const struct load *l)
{
	return mono_now_us() - l->started_us >=
		(uint64_t)l->o.skip_s * 1000000;
}

static void outer_joined(struct outer *o)
{
	struct load *l = o->l;

	o->is_raw = true;
	l->standing++;
	if (is_measured(l))
		l->join_us[l->join_count++] = mono_now_us() - o->start_us;
	outer_ask(o);
}

static void ping(struct outer *o)
{
	uint8_t bytes[64] = {0};

	o->got = 0;
	o->ping_start_us = mono_now_us();
	(void)stream_send(o->s, bytes, sizeof(bytes));
}

static void outer_over(struct outer *o)
{
	struct load *l = o->l;

	if (l->o.hold == NULL)
		stream_close(o->s);
	done_one(l);
}

static void outer_first_echo(struct outer *o)
{
	struct load *l = o->l;

	l->under_way--;
	if (is_measured(l))
		l->echo_us[l->echo_count++] = mono_now_us() - o->start_us;
	if (l->o.rate == 0)
		outer_begin(l);
	if (l->o.pings > 0)
		ping(o);
	else
		outer_over(o);
}

static void outer_raw(struct outer *o, size_t n)
{
	struct load *l = o->l;
	bool is_first = o->got == 0 && o->pings == 0 && o->ping_start_us == 0;

	o->got += n;
	if (l->o.way == 'D') {
		if (o->got >= l->o.bytes)
			outer_over(o);
		return;
	}
	if (l->o.way == 'U') {
		outer_over(o);
		return;
	}
	if (is_first) {
		outer_first_echo(o);
		return;
	}
	if (o->got < 64)
		return;
	l->ping_us[l->ping_count++] = mono_now_us() - o->ping_start_us;
	if (++o->pings < l->o.pings)
		ping(o);
	else
		outer_over(o);
}

static void outer_data(struct stream *s, const uint8_t *p, size_t n, void *arg)
{
	struct str rest = {(const char *)p, n};
	struct outer *o = arg;
	struct wce_frame frame;

	(void)s;
	if (!o->is_raw && wce_reader_next(&o->reader, &rest, &frame) == 1) {
		if (frame.type != WCE_CLIENT_OK)
			die("refused");
		outer_joined(o);
	}
	if (o->is_raw && rest.n > 0)
		outer_raw(o, rest.n);
}

static void outer_ready(struct stream *s, void *arg)
{
	struct outer *o = arg;
	struct load *l = o->l;
	struct ticket t = {.is_single_use = true,
		.not_before = {wall_now().s - 30},
		.not_after = {wall_now().s + 300}};
	uint8_t bytes[TICKET_MAX_LEN];
	uint8_t room[1024];
	struct wbuf w = wbuf_of(room, sizeof(room));
	uint8_t nonce[16] = {0};
	size_t len;
	size_t at;

	if (l->o.is_plain) {
		outer_joined(o);
		return;
	}
	rand_bytes(t.id, sizeof(t.id));
	memcpy(t.server, l->server, sizeof(t.server));
	ticket_hash(str_of(URI), t.conference);
	snprintf(t.audience, sizeof(t.audience), "%s", l->o.name);
	if (ticket_sign(&t, l->key, bytes, &len) < 0)
		die("ticket");
	at = wce_begin(&w, WCE_CLIENT_HELLO);
	wce_put(&w, WCE_TICKET, bytes, len);
	wce_put_text(&w, WCE_CONFERENCE, URI);
	wce_put(&w, WCE_NONCE, nonce, sizeof(nonce));
	wce_end(&w, at);
	(void)stream_send(s, room, w.len);
}

static void outer_drained(struct stream *s, void *arg)
{
	struct outer *o = arg;

	pour(s, &o->left);
}

static void outer_end(struct stream *s, enum stream_end end,
	const char *detail, void *arg)
{
	struct outer *o = arg;

	(void)s;
	if (!o->is_raw || o->l->o.hold != NULL) {
		fprintf(stderr, "client: %s %s\n", stream_end_name(end),
			detail);
		o->l->failed++;
	}
	wce_reader_fini(&o->reader);
	free(o);
}

static const struct stream_ops OUTER = {
	.on_ready = outer_ready,
	.on_data = outer_data,
	.on_drained = outer_drained,
	.on_end = outer_end,
};

static void outer_begin(struct load *l)
{
	const struct stream_limits limits = {.handshake_ms = 60000};
	struct stream_target target = {.remote = l->o.edge,
		.name = l->o.name};
	struct outer *o;
	char from[32];

	if (l->begun >= l->o.pairs)
		return;
	snprintf(from, sizeof(from), "127.0.3.%u", 1 + l->begun % SOURCES);
	o = calloc(1, sizeof(*o));
	if (o == NULL || addr_parse_z(from, 0, &target.local) < 0)
		die("memory");
	l->begun++;
	l->under_way++;
	o->l = l;
	o->start_us = mono_now_us();
	wce_reader_init(&o->reader, WCE_HELLO_MAX);
	if (stream_connect(&o->s, l->loop, &target, l->outside, &limits,
		    &OUTER, o) < 0)
		die("connect");
}

/* So many a second, evenly; or a few at once, each followed by the next. */
static void on_pace(void *arg)
{
	struct load *l = arg;
	uint64_t due = l->o.pairs;

	if (!l->o.is_plain && (!l->is_registered || l->warm < l->o.warm / 2)) {
		if (l->begun == 0)
			l->started_us = mono_now_us();
	}
	if (l->begun == 0 && !l->o.is_plain && mono_now_us() -
			l->started_us < 500000) {
		loop_timer_start(l->pace, 50);
		return;
	}
	if (l->begun == 0)
		l->started_us = mono_now_us();
	if (l->o.rate > 0)
		due = (mono_now_us() - l->started_us) * l->o.rate / 1000000 +
			1;
	while (l->begun < due && l->begun < l->o.pairs &&
		(l->o.rate > 0 || l->under_way < l->o.limit))
		outer_begin(l);
	if (l->o.hold != NULL && l->finished >= l->o.pairs) {
		FILE *file = fopen(l->o.hold, "w");

		if (file != NULL)
			fclose(file);
		l->o.pairs = UINT32_MAX; /* once */
		l->begun = UINT32_MAX;
	}
	/* Held until the file is taken away. */
	if (l->o.pairs == UINT32_MAX && access(l->o.hold, F_OK) != 0)
		loop_stop(l->loop);
	loop_timer_start(l->pace, l->o.rate > 0 ? 1 : 20);
}

/* ---- main ---------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a;
	const uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void show(const char *name, uint64_t *us, size_t count)
{
	if (count == 0)
		return;
	qsort(us, count, sizeof(*us), by_size);
	printf(", \"%s\": {\"count\": %zu, \"p50_us\": %llu, \"p99_us\": "
	       "%llu, \"max_us\": %llu}", name, count,
		(unsigned long long)us[count / 2],
		(unsigned long long)us[count * 99 / 100],
		(unsigned long long)us[count - 1]);
}

static struct tls_ctx *context(enum tls_role role, bool with_cert,
	const struct options *o, const char *ca)
{
	const struct tls_spec spec = {.role = role,
		.verify = TLS_VERIFY_REQUIRE,
		.chain_path = with_cert ? o->cert : NULL,
		.key_path = with_cert ? o->key : NULL,
		.trust_path = ca,
		.alpn = o->is_plain ? NULL : WCE_ALPN};
	struct tls_ctx *ctx = NULL;
	struct why why = {""};

	if (tls_ctx_new(&ctx, &spec, &why) < 0)
		die(why.text);
	return ctx;
}

static const struct option LONGS[] = {
	{"edge", 1, NULL, 'e'}, {"name", 1, NULL, 'n'}, {"ca", 1, NULL, 'a'},
	{"inside", 1, NULL, 'i'}, {"inside-name", 1, NULL, 'I'},
	{"inside-ca", 1, NULL, 'A'}, {"cert", 1, NULL, 'c'},
	{"key", 1, NULL, 'k'}, {"plain", 0, NULL, 'P'},
	{"pairs", 1, NULL, 'p'}, {"rate", 1, NULL, 'r'},
	{"limit", 1, NULL, 'l'}, {"warm", 1, NULL, 'w'},
	{"mb", 1, NULL, 'm'}, {"way", 1, NULL, 'W'}, {"pings", 1, NULL, 'g'},
	{"hold", 1, NULL, 'h'}, {"skip", 1, NULL, 's'}, {NULL, 0, NULL, 0},
};

static unsigned number(const char *text)
{
	uint32_t n = 0;

	if (str_to_u32(str_of(text), &n) < 0)
		die("a number is wanted");
	return n;
}

static void read_option(struct options *o, int letter)
{
	switch (letter) {
	case 'e':
		if (addr_parse(str_of(optarg), &o->edge) < 0)
			die("--edge");
		break;
	case 'i':
		if (addr_parse(str_of(optarg), &o->inside) < 0)
			die("--inside");
		break;
	case 'n': o->name = optarg; break;
	case 'I': o->inside_name = optarg; break;
	case 'a': o->ca = optarg; break;
	case 'A': o->inside_ca = optarg; break;
	case 'c': o->cert = optarg; break;
	case 'k': o->key = optarg; break;
	case 'P': o->is_plain = true; break;
	case 'p': o->pairs = number(optarg); break;
	case 'r': o->rate = number(optarg); break;
	case 'l': o->limit = number(optarg); break;
	case 'w': o->warm = number(optarg); break;
	case 'm': o->bytes = (uint64_t)number(optarg) << 20; break;
	case 'W': o->way = optarg[0]; break;
	case 'g': o->pings = number(optarg); break;
	case 'h': o->hold = optarg; break;
	case 's': o->skip_s = number(optarg); break;
	default: die("usage");
	}
}

static void open_inside(struct load *l)
{
	const struct listener_spec spec = {.address = l->o.inside};
	const struct stream_target target = {.remote = l->o.inside,
		.name = l->o.inside_name};
	struct why why = {""};

	if (l->o.is_plain) {
		if (listener_new(&l->listener, &spec, &why) < 0 ||
			listener_start(l->listener, l->loop, on_inside_accept,
				l) < 0)
			die(why.text);
		return;
	}
	if (stream_connect(&l->control, l->loop, &target, l->inside, NULL,
		    &CONTROL, l) < 0)
		die("control");
}

int main(int argc, char **argv)
{
	static struct load l = {.o = {.pairs = 1, .limit = 8, .warm = 64,
		.way = 'E', .inside_name = "edge.int.contoso.test"}};
	struct rlimit limit;
	int letter;

	log_init("webconf_load", LOG_LEVEL_ERROR, false);
	while ((letter = getopt_long(argc, argv, "", LONGS, NULL)) != -1)
		read_option(&l.o, letter);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	l.join_us = calloc(l.o.pairs + 1, 8);
	l.echo_us = calloc(l.o.pairs + 1, 8);
	l.ping_us = calloc((size_t)l.o.pairs * l.o.pings + 1, 8);
	l.epoch = (uint64_t)wall_now_ms();
	rand_bytes(l.server, sizeof(l.server));
	wce_reader_init(&l.reader, WCE_HELLO_MAX);
	if (loop_new(&l.loop) < 0 || ticket_key_make(&l.key, TICKET_ED25519,
			1) < 0 || loop_timer_new(&l.pace, l.loop, on_pace,
			&l) < 0)
		die("memory");
	l.outside = context(TLS_ROLE_CLIENT, false, &l.o, l.o.ca);
	l.inside = context(l.o.is_plain ? TLS_ROLE_SERVER : TLS_ROLE_CLIENT,
		true, &l.o, l.o.inside_ca);
	open_inside(&l);
	l.started_us = mono_now_us();
	loop_timer_start(l.pace, 50);
	loop_run(l.loop);
	printf("{\"pairs\": %u, \"failed\": %u, \"seconds\": %.3f", l.standing,
		l.failed, (double)(l.ended_us - l.started_us) / 1e6);
	show("join", l.join_us, l.join_count);
	show("echo", l.echo_us, l.echo_count);
	show("ping", l.ping_us, l.ping_count);
	printf("}\n");
	return l.failed > 0;
}
