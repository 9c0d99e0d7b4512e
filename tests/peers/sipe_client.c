/*
 * A client that is not ours and speaks the dialect of Microsoft's: libpurple
 * with the SIPE plugin (pidgin-sipe). It signs in, says so, and answers what
 * it is told on its standard input:
 *
 *	sipe_client --user=alice --domain=DOMAIN --server=HOST:PORT \
 *		--home=DIR --tone=HZ
 *
 *	send WHO TEXT	an instant message to WHO
 *	call SIP-URI	a call; who is called takes it
 *	hangup
 *	quit		sign out and end
 *
 * Each thing that happens is one line of output (signed-on, signed-off,
 * message FROM TEXT, call WHO, call connected, hears HZ, call ended, error
 * TEXT) among libpurple's own, which show every SIP
 * message whole.
 */
#include <dlfcn.h>
#include <glib.h>
#include <libpurple/debug.h>
#include <libpurple/media-gst.h>
#include <libpurple/purple.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UI_ID      "sallyport-test"
#define DEADLINE_S 90

struct client {
	char *user, *domain, *server, *home;
	GMainLoop *loop;
	int tone; /* Hz, what the other side is to hear */
	PurpleAccount *account;
	PurpleMedia *media;
};

static struct client client; /* libpurple's callbacks carry no owner */

static void say(const char *what, const char *who, const char *text)
{
	char *plain = text != NULL ? purple_markup_strip_html(text) : NULL;

	printf("%s%s%s%s%s\n", what, who != NULL ? " " : "",
		who != NULL ? who : "", plain != NULL ? " " : "",
		plain != NULL ? plain : "");
	fflush(stdout);
	g_free(plain);
}

/*
 * Debian's libxml2 2.9.14+dfsg-1.3~deb12u6 calls nobody back who says "SAX2"
 * and brings SAX1's functions, as the plugin does: without this it would read
 * no XML at all.
 */
int xmlSAXUserParseMemory(xmlSAXHandlerPtr sax, void *user,
	const char *buffer, int size)
{
	int (*real)(xmlSAXHandlerPtr, void *, const char *, int);
	xmlSAXHandler copy = *sax;

	*(void **)&real = dlsym(RTLD_NEXT, "xmlSAXUserParseMemory");
	if (copy.startElement != NULL && copy.startElementNs == NULL)
		copy.initialized = 1;
	return real(&copy, user, buffer, size);
}

/* ---- libpurple's event loop over GLib's --------------------------------- */

struct watch {
	PurpleInputFunction call;
	gpointer arg;
};

static gboolean on_ready(GIOChannel *channel, GIOCondition condition,
	gpointer arg)
{
	struct watch *w = arg;
	int what = 0;

	if (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR))
		what |= PURPLE_INPUT_READ;
	if (condition & (G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL))
		what |= PURPLE_INPUT_WRITE;
	w->call(w->arg, g_io_channel_unix_get_fd(channel),
		(PurpleInputCondition)what);
	return TRUE;
}

static guint watch_add(gint fd, PurpleInputCondition condition,
	PurpleInputFunction call, gpointer arg)
{
	struct watch *w = g_new0(struct watch, 1);
	GIOChannel *channel = g_io_channel_unix_new(fd);
	int what = 0;
	guint id;

	w->call = call;
	w->arg = arg;
	if (condition & PURPLE_INPUT_READ)
		what |= G_IO_IN | G_IO_HUP | G_IO_ERR;
	if (condition & PURPLE_INPUT_WRITE)
		what |= G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL;
	id = g_io_add_watch_full(channel, G_PRIORITY_DEFAULT,
		(GIOCondition)what, on_ready, w, g_free);
	g_io_channel_unref(channel);
	return id;
}

static PurpleEventLoopUiOps loop_ops = {
	.timeout_add = g_timeout_add,
	.timeout_remove = g_source_remove,
	.input_add = watch_add,
	.input_remove = g_source_remove,
	.timeout_add_seconds = g_timeout_add_seconds,
};

/* ---- what happens ------------------------------------------------------- */

static void on_signed_on(PurpleConnection *gc)
{
	(void)gc;
	say("signed-on", NULL, NULL);
}

static void on_signed_off(PurpleConnection *gc)
{
	(void)gc;
	say("signed-off", NULL, NULL);
	g_main_loop_quit(client.loop);
}

static void on_error(PurpleConnection *gc, PurpleConnectionError error,
	const char *text)
{
	(void)gc;
	(void)error;
	say("error", NULL, text);
}

static void on_message(PurpleAccount *account, char *from, char *text,
	PurpleConversation *conversation, PurpleMessageFlags flags)
{
	(void)account;
	(void)conversation;
	(void)flags;
	say("message", from, text);
}

/* ---- calls: a tone out, the pitch of what comes in ---------------------- */

#define HEARD_RATE 8000

static struct {
	gboolean was_above;
	unsigned samples, crossings;
} heard;

/* Once for each second of sound; silence has no pitch. In GStreamer's
 * thread. */
static void on_sound(GstElement *sink, GstBuffer *buffer, GstPad *pad,
	gpointer arg)
{
	GstMapInfo map;

	(void)sink;
	(void)pad;
	(void)arg;
	if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
		return;
	for (gsize i = 0; i + 1 < map.size; i += 2) {
		int16_t value = (int16_t)(map.data[i] | map.data[i + 1] << 8);
		gboolean is_above = heard.was_above ? value > -500 :
			value > 500;

		heard.crossings += is_above != heard.was_above;
		heard.was_above = is_above;
		if (++heard.samples < HEARD_RATE)
			continue;
		if (heard.crossings > 0)
			printf("hears %u\n", heard.crossings / 2);
		fflush(stdout);
		heard.samples = 0;
		heard.crossings = 0;
	}
	gst_buffer_unmap(buffer, &map);
}

static GstElement *bin(const char *text)
{
	GError *error = NULL;
	GstElement *e = gst_parse_bin_from_description(text, TRUE, &error);

	if (e == NULL)
		say("error", NULL, error->message);
	return e;
}

static GstElement *make_source(PurpleMediaElementInfo *info,
	PurpleMedia *media, const gchar *session, const gchar *who)
{
	char text[200];

	(void)info;
	(void)media;
	(void)session;
	(void)who;
	snprintf(text, sizeof(text), "audiotestsrc is-live=true freq=%d ! "
		"capsfilter caps=audio/x-raw,rate=16000,channels=1",
		client.tone);
	return bin(text);
}

static GstElement *make_sink(PurpleMediaElementInfo *info,
	PurpleMedia *media, const gchar *session, const gchar *who)
{
	GstElement *e = bin("audioconvert ! audioresample ! "
		"audio/x-raw,format=S16LE,rate=8000,channels=1 ! "
		"fakesink name=ear signal-handoffs=true sync=false "
		"async=false");
	GstElement *ear = gst_bin_get_by_name(GST_BIN(e), "ear");

	(void)info;
	(void)media;
	(void)session;
	(void)who;
	g_signal_connect(ear, "handoff", G_CALLBACK(on_sound), NULL);
	gst_object_unref(ear);
	return e;
}

static gboolean accept_call(gpointer media)
{
	purple_media_stream_info(media, PURPLE_MEDIA_INFO_ACCEPT, NULL, NULL,
		TRUE);
	return FALSE;
}

static void on_media_state(PurpleMedia *media, PurpleMediaState state,
	gchar *session, gchar *who, gpointer arg)
{
	(void)arg;
	if (state == PURPLE_MEDIA_STATE_NEW && session != NULL &&
	    who != NULL && !purple_media_is_initiator(media, session, who))
		g_idle_add(accept_call, media);
	if (state == PURPLE_MEDIA_STATE_CONNECTED && session != NULL)
		say("call connected", NULL, NULL);
	if (state == PURPLE_MEDIA_STATE_END && session == NULL)
		say("call ended", NULL, NULL);
}

static gboolean on_media(PurpleMediaManager *manager, PurpleMedia *media,
	PurpleAccount *account, gchar *who, gpointer arg)
{
	(void)manager;
	(void)account;
	(void)arg;
	say("call", who, NULL);
	client.media = media;
	g_signal_connect(media, "state-changed", G_CALLBACK(on_media_state),
		NULL);
	return TRUE;
}

static void add_element(const char *id, PurpleMediaElementType type,
	gpointer make)
{
	PurpleMediaManager *manager = purple_media_manager_get();
	PurpleMediaElementInfo *info = g_object_new(
		PURPLE_TYPE_MEDIA_ELEMENT_INFO, "id", id, "name", id,
		"type", type | PURPLE_MEDIA_ELEMENT_AUDIO, "create-cb", make,
		NULL);

	purple_media_manager_register_element(manager, info);
	purple_media_manager_set_active_element(manager, info);
}

static void start_media(void)
{
	PurpleMediaManager *manager = purple_media_manager_get();

	purple_media_manager_set_ui_caps(manager, PURPLE_MEDIA_CAPS_AUDIO |
		PURPLE_MEDIA_CAPS_AUDIO_SINGLE_DIRECTION |
		PURPLE_MEDIA_CAPS_MODIFY_SESSION);
	add_element("tone", PURPLE_MEDIA_ELEMENT_SRC |
		PURPLE_MEDIA_ELEMENT_ONE_SRC, make_source);
	add_element("ear", PURPLE_MEDIA_ELEMENT_SINK |
		PURPLE_MEDIA_ELEMENT_ONE_SINK, make_sink);
	g_signal_connect(manager, "init-media", G_CALLBACK(on_media), NULL);
}

/* ---- what it is told ---------------------------------------------------- */

static void send_message(const char *who, const char *text)
{
	PurpleConversation *c = purple_conversation_new(PURPLE_CONV_TYPE_IM,
		client.account, who);

	purple_conv_im_send(purple_conversation_get_im_data(c), text);
}

static gboolean on_order(GIOChannel *in, GIOCondition condition, gpointer arg)
{
	char *line = NULL;
	char **word;

	(void)condition;
	(void)arg;
	if (g_io_channel_read_line(in, &line, NULL, NULL, NULL) !=
	    G_IO_STATUS_NORMAL) {
		g_main_loop_quit(client.loop);
		return FALSE;
	}
	word = g_strsplit(g_strchomp(line), " ", 3);
	if (g_strcmp0(word[0], "send") == 0 && word[1] && word[2])
		send_message(word[1], word[2]);
	else if (g_strcmp0(word[0], "call") == 0 && word[1])
		purple_prpl_initiate_media(client.account, word[1],
			PURPLE_MEDIA_AUDIO);
	else if (g_strcmp0(word[0], "hangup") == 0 && client.media != NULL)
		purple_media_stream_info(client.media,
			PURPLE_MEDIA_INFO_HANGUP, NULL, NULL, TRUE);
	else if (g_strcmp0(word[0], "quit") == 0)
		purple_account_disconnect(client.account);
	g_strfreev(word);
	g_free(line);
	return TRUE;
}

static gboolean on_deadline(gpointer arg)
{
	(void)arg;
	say("error", NULL, "took too long");
	g_main_loop_quit(client.loop);
	return FALSE;
}

/* ---- set-up ------------------------------------------------------------- */

static gboolean start_purple(void)
{
	static int handle;
	void *connections = purple_connections_get_handle();

	purple_util_set_user_dir(client.home);
	purple_debug_set_enabled(TRUE);
	purple_debug_set_unsafe(TRUE); /* prints whole messages */
	purple_eventloop_set_ui_ops(&loop_ops);
	purple_plugins_add_search_path("/usr/lib/purple-2");
	if (!purple_core_init(UI_ID))
		return FALSE;
	purple_set_blist(purple_blist_new());
	purple_prefs_load();
	purple_signal_connect(connections, "signed-on", &handle,
		PURPLE_CALLBACK(on_signed_on), NULL);
	purple_signal_connect(connections, "signed-off", &handle,
		PURPLE_CALLBACK(on_signed_off), NULL);
	purple_signal_connect(connections, "connection-error", &handle,
		PURPLE_CALLBACK(on_error), NULL);
	purple_signal_connect(purple_conversations_get_handle(),
		"received-im-msg", &handle, PURPLE_CALLBACK(on_message),
		NULL);
	return TRUE;
}

static void sign_in(void)
{
	/* SIPE's form: address, comma, log-on name. */
	char *name = g_strdup_printf("%s@%s,%s", client.user, client.domain,
		client.user);
	char *password = g_strdup_printf("secret-%s", client.user);
	PurpleAccount *a = purple_account_new(name, "prpl-sipe");

	purple_account_set_password(a, password);
	purple_account_set_string(a, "server", client.server);
	purple_account_set_string(a, "transport", "tls");
	purple_account_set_string(a, "authentication", "ntlm");
	purple_accounts_add(a);
	purple_account_set_enabled(a, UI_ID, TRUE);
	purple_savedstatus_activate(purple_savedstatus_new(NULL,
		PURPLE_STATUS_AVAILABLE));
	client.account = a;
	g_free(password);
	g_free(name);
}

int main(int argc, char **argv)
{
	const GOptionEntry entries[] = {
		{"user", 0, 0, G_OPTION_ARG_STRING, &client.user, NULL, NULL},
		{"domain", 0, 0, G_OPTION_ARG_STRING, &client.domain, NULL,
			NULL},
		{"server", 0, 0, G_OPTION_ARG_STRING, &client.server, NULL,
			NULL},
		{"home", 0, 0, G_OPTION_ARG_STRING, &client.home, NULL, NULL},
		{"tone", 0, 0, G_OPTION_ARG_INT, &client.tone, NULL, NULL},
		{NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
	};
	GOptionContext *context = g_option_context_new(NULL);

	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, NULL) ||
	    !client.user || !client.domain || !client.server ||
	    !client.home) {
		fprintf(stderr, "sipe_client: wrong usage; see the source\n");
		return 2;
	}
	gst_init(&argc, &argv);
	client.loop = g_main_loop_new(NULL, FALSE);
	if (!start_purple())
		return 1;
	g_timeout_add_seconds(DEADLINE_S, on_deadline, NULL);
	g_io_add_watch(g_io_channel_unix_new(0),
		(GIOCondition)(G_IO_IN | G_IO_HUP), on_order, NULL);
	start_media();
	sign_in();
	g_main_loop_run(client.loop);
	return 0;
}
