/*
 * A client that is not ours and speaks the dialect of Microsoft's: libpurple
 * with the SIPE plugin (pidgin-sipe). It signs in, says so, and answers what
 * it is told on its standard input:
 *
 *	sipe_client --user=alice --domain=DOMAIN --server=HOST:PORT \
 *		--home=DIR
 *
 *	send WHO TEXT	an instant message to WHO
 *	quit		sign out and end
 *
 * Each thing that happens is one line of output (signed-on, signed-off,
 * message FROM TEXT, error TEXT) among libpurple's own, which show every SIP
 * message whole.
 */
#include <dlfcn.h>
#include <glib.h>
#include <libpurple/debug.h>
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
	PurpleAccount *account;
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
	client.loop = g_main_loop_new(NULL, FALSE);
	if (!start_purple())
		return 1;
	g_timeout_add_seconds(DEADLINE_S, on_deadline, NULL);
	g_io_add_watch(g_io_channel_unix_new(0),
		(GIOCondition)(G_IO_IN | G_IO_HUP), on_order, NULL);
	sign_in();
	g_main_loop_run(client.loop);
	return 0;
}
