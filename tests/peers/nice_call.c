/*
 * One end of a call as libnice makes it: a client that is not ours, which
 * speaks [MS-TURN] (compatibility OC2007R2, what sipe uses) or RFC 8656.
 * Only relayed candidates are used. Two of these, started in two network
 * namespaces, trade descriptions through files, then packets both ways.
 * FILE.ready and FILE.done say that an end has found the way, and that it has
 * sent all; neither speaks before both are ready or leaves before both are
 * done.
 *
 *	nice_call --mode=ms|rfc --relay=ADDR:PORT --user=U --password=P \
 *		--local=ADDR --mine=FILE --theirs=FILE [--controlling]
 *
 * The last line of the output says how it went; exit 0 = it did.
 */
#include <gio/gio.h>
#include <nice/agent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPONENT    1
#define POLL_MS      50
#define SEND_MS      20 /* as audio does */
#define DEADLINE_S   120
#define LINGER_TURNS 50 /* of SEND_MS, for what is still on its way */
#define SEND_TIMES   7  /* Rc of RFC 8489 section 6.2.1; libnice says 3 */
#define PACKET_LEN   172
#define PACKET_MAGIC 0x80 /* looks like RTP */

struct call {
	char *mode, *relay, *user, *password, *local, *mine, *theirs;
	char *transport;
	gboolean controlling;
	int packets;
	int least; /* to be received */

	NiceAgent *agent;
	GMainLoop *loop;
	guint stream;
	gboolean is_ready;
	unsigned sent, received, wrong, linger;
	gboolean is_done;
	uint8_t *seen; /* by number of packet */
	const char *failure;
};

static void end(struct call *c, const char *failure)
{
	c->failure = failure;
	g_main_loop_quit(c->loop);
}

/* ---- packets ----------------------------------------------------------- */

static void make_packet(const struct call *c, unsigned number,
	uint8_t out[static PACKET_LEN])
{
	unsigned i;

	memset(out, 0, PACKET_LEN);
	out[0] = PACKET_MAGIC;
	out[1] = c->controlling ? 1 : 2;
	out[2] = (uint8_t)(number >> 8);
	out[3] = (uint8_t)number;
	for (i = 4; i < PACKET_LEN; i++)
		out[i] = (uint8_t)(number * 7 + i);
}

/* libnice 0.1.21 hands some of the other end's connectivity checks, those
 * with the old checksum of Communicator, to whoever uses it. */
static gboolean is_check(const uint8_t *got, guint len)
{
	static const uint8_t cookie[] = {0x21, 0x12, 0xa4, 0x42};

	return len >= 20 && got[0] == 0 && got[1] == 1 &&
	    memcmp(got + 4, cookie, sizeof(cookie)) == 0;
}

static void on_packet(NiceAgent *agent, guint stream, guint component,
	guint len, gchar *data, gpointer arg)
{
	struct call *c = arg;
	struct call other = {.controlling = !c->controlling};
	const uint8_t *got = (const uint8_t *)data;
	uint8_t want[PACKET_LEN];
	unsigned number;

	(void)agent;
	(void)stream;
	(void)component;
	if (is_check(got, len))
		return;
	number = len == PACKET_LEN ? (unsigned)got[2] << 8 | got[3] : 0;
	make_packet(&other, number, want);
	if (len != PACKET_LEN || memcmp(got, want, len) != 0 ||
	    number >= (unsigned)c->packets || c->seen[number] != 0) {
		c->wrong++;
		return;
	}
	c->seen[number] = 1;
	c->received++;
}

/* ---- what the ends tell each other, beside the descriptions ------------- */

static char *word_file(const char *description, const char *word)
{
	return g_strconcat(description, ".", word, NULL);
}

static void say(const struct call *c, const char *word)
{
	char *name = word_file(c->mine, word);

	if (!g_file_set_contents(name, "", 0, NULL))
		fprintf(stderr, "nice_call: can't write %s\n", name);
	g_free(name);
}

static gboolean is_said(const struct call *c, const char *word)
{
	char *name = word_file(c->theirs, word);
	gboolean is_there = g_file_test(name, G_FILE_TEST_EXISTS);

	g_free(name);
	return is_there;
}

/* When all is sent, or nothing will be. */
static void say_done(struct call *c)
{
	if (!c->is_done)
		say(c, "done");
	c->is_done = TRUE;
}

/* When the other end is ready too, send what there is to send, wait until it
 * has sent its own, and a little longer: it may be long after this one. */
static gboolean on_send_timer(gpointer arg)
{
	struct call *c = arg;
	uint8_t packet[PACKET_LEN];
	char text[PACKET_LEN];

	if (c->sent == 0 && !is_said(c, "ready") && !is_said(c, "done"))
		return G_SOURCE_CONTINUE;
	if (c->sent < (unsigned)c->packets) {
		make_packet(c, c->sent, packet);
		memcpy(text, packet, sizeof(text));
		if (nice_agent_send(c->agent, c->stream, COMPONENT,
			    sizeof(text), text) == PACKET_LEN)
			c->sent++;
		return G_SOURCE_CONTINUE;
	}
	say_done(c);
	if (!is_said(c, "done") || c->linger++ < LINGER_TURNS)
		return G_SOURCE_CONTINUE;
	end(c, c->wrong > 0 ? "wrong packets" :
			c->received < (unsigned)c->least ? "packets lost" :
							   NULL);
	return G_SOURCE_REMOVE;
}

/* ---- the call ---------------------------------------------------------- */

static void on_state(NiceAgent *agent, guint stream, guint component,
	guint state, gpointer arg)
{
	struct call *c = arg;

	(void)agent;
	(void)stream;
	(void)component;
	printf("state %s\n",
		nice_component_state_to_string((NiceComponentState)state));
	fflush(stdout);
	if (state == NICE_COMPONENT_STATE_FAILED)
		end(c, "ICE failed");
	if (state != NICE_COMPONENT_STATE_READY || c->is_ready)
		return;
	c->is_ready = TRUE;
	say(c, "ready");
	g_timeout_add(SEND_MS, on_send_timer, c);
}

static gboolean on_poll_timer(gpointer arg)
{
	struct call *c = arg;
	char *text;

	if (!g_file_get_contents(c->theirs, &text, NULL, NULL)) {
		if (!is_said(c, "done"))
			return G_SOURCE_CONTINUE;
		end(c, "the other gave up");
		return G_SOURCE_REMOVE;
	}
	if (nice_agent_parse_remote_sdp(c->agent, text) <= 0)
		end(c, "the other's description can't be used");
	g_free(text);
	return G_SOURCE_REMOVE;
}

/* A description must hold a relayed candidate and no other kind. */
static void on_gathered(NiceAgent *agent, guint stream, gpointer arg)
{
	struct call *c = arg;
	char *text = nice_agent_generate_local_sdp(agent);
	char *part = g_strconcat(c->mine, ".part", NULL);

	(void)stream;
	printf("%s", text);
	fflush(stdout);
	if (strstr(text, " typ relay") == NULL)
		end(c, "no relayed candidate");
	else if (!g_file_set_contents(part, text, -1, NULL) ||
	    rename(part, c->mine) != 0)
		end(c, "can't write the description");
	else
		g_timeout_add(POLL_MS, on_poll_timer, c);
	g_free(part);
	g_free(text);
}

static gboolean on_deadline(gpointer arg)
{
	struct call *c = arg;

	end(c, c->is_done ? "the other took too long" :
			c->is_ready ? "took too long" : "ICE took too long");
	return G_SOURCE_REMOVE;
}

/* ---- set-up ------------------------------------------------------------ */

static NiceRelayType relay_type(const struct call *c)
{
	if (strcmp(c->transport, "tcp") == 0)
		return NICE_RELAY_TYPE_TURN_TCP;
	if (strcmp(c->transport, "tls") == 0)
		return NICE_RELAY_TYPE_TURN_TLS;
	return NICE_RELAY_TYPE_TURN_UDP;
}

static gboolean set_relay(struct call *c)
{
	char *colon = strrchr(c->relay, ':');
	guint port;

	if (colon == NULL)
		return FALSE;
	port = (guint)g_ascii_strtoull(colon + 1, NULL, 10);
	*colon = '\0';
	return nice_agent_set_relay_info(c->agent, c->stream, COMPONENT,
		c->relay, port, c->user, c->password, relay_type(c));
}

static gboolean set_up(struct call *c)
{
	/* TCP relay ports are [MS-TURN]'s alone; else TCP ends at the relay. */
	gboolean is_ms = strcmp(c->mode, "ms") == 0;
	gboolean is_udp = !is_ms ||
	    relay_type(c) == NICE_RELAY_TYPE_TURN_UDP;
	NiceAddress local;

	c->agent = nice_agent_new(g_main_loop_get_context(c->loop),
		is_ms ? NICE_COMPATIBILITY_OC2007R2 :
			NICE_COMPATIBILITY_RFC5245);
	g_object_set(c->agent, "controlling-mode", c->controlling,
		"force-relay", TRUE, "upnp", FALSE, "ice-udp", is_udp,
		"ice-tcp", !is_udp, "stun-max-retransmissions", SEND_TIMES,
		NULL);
	nice_address_init(&local);
	if (!nice_address_set_from_string(&local, c->local) ||
	    !nice_agent_add_local_address(c->agent, &local))
		return FALSE;
	g_signal_connect(c->agent, "candidate-gathering-done",
		G_CALLBACK(on_gathered), c);
	g_signal_connect(c->agent, "component-state-changed",
		G_CALLBACK(on_state), c);
	c->stream = nice_agent_add_stream(c->agent, 1);
	return c->stream != 0 &&
	    nice_agent_set_stream_name(c->agent, c->stream, "audio") &&
	    set_relay(c) &&
	    nice_agent_attach_recv(c->agent, c->stream, COMPONENT,
		    g_main_loop_get_context(c->loop), on_packet, c) &&
	    nice_agent_gather_candidates(c->agent, c->stream);
}

static gboolean read_options(struct call *c, int *argc, char ***argv)
{
	const GOptionEntry entries[] = {
		{"mode", 0, 0, G_OPTION_ARG_STRING, &c->mode, NULL, NULL},
		{"relay", 0, 0, G_OPTION_ARG_STRING, &c->relay, NULL, NULL},
		{"transport", 0, 0, G_OPTION_ARG_STRING, &c->transport, NULL,
			NULL},
		{"user", 0, 0, G_OPTION_ARG_STRING, &c->user, NULL, NULL},
		{"password", 0, 0, G_OPTION_ARG_STRING, &c->password, NULL,
			NULL},
		{"local", 0, 0, G_OPTION_ARG_STRING, &c->local, NULL, NULL},
		{"mine", 0, 0, G_OPTION_ARG_STRING, &c->mine, NULL, NULL},
		{"theirs", 0, 0, G_OPTION_ARG_STRING, &c->theirs, NULL, NULL},
		{"packets", 0, 0, G_OPTION_ARG_INT, &c->packets, NULL, NULL},
		{"least", 0, 0, G_OPTION_ARG_INT, &c->least, NULL, NULL},
		{"controlling", 0, 0, G_OPTION_ARG_NONE, &c->controlling,
			NULL, NULL},
		{NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
	};
	GOptionContext *context = g_option_context_new(NULL);
	gboolean is_good;

	g_option_context_add_main_entries(context, entries, NULL);
	is_good = g_option_context_parse(context, argc, argv, NULL);
	g_option_context_free(context);
	return is_good && c->mode && c->relay && c->user && c->password &&
	    c->local && c->mine && c->theirs && c->packets > 0 &&
	    c->packets < 65536;
}

int main(int argc, char **argv)
{
	struct call c = {.packets = 200, .least = 200};

	c.transport = g_strdup("udp");
	if (!read_options(&c, &argc, &argv)) {
		fprintf(stderr, "nice_call: wrong usage; see the source\n");
		return 2;
	}
	c.seen = g_new0(uint8_t, c.packets);
	c.loop = g_main_loop_new(NULL, FALSE);
	g_timeout_add_seconds(DEADLINE_S, on_deadline, &c);
	if (set_up(&c))
		g_main_loop_run(c.loop);
	else
		c.failure = "set-up";
	say_done(&c);
	printf("%s sent=%u received=%u wrong=%u\n",
		c.failure != NULL ? c.failure : "ok", c.sent, c.received,
		c.wrong);
	return c.failure != NULL;
}
