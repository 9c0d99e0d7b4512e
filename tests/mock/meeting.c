/*
 * The meeting stand-in: a TCP service inside that greets whoever connects
 * and says every line back, where a conferencing server would be. See
 * tests/mock/README.md.
 *
 *	meeting ADDR:PORT
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/net/listener.h"
#include "common/net/stream.h"

static const char GREETING[] = "welcome to the meeting\r\n";

struct meeting {
	struct loop *loop;         /* owned, as the rest */
	struct listener *listener;
	struct loop_signal *term;
	struct loop_signal *interrupt;
};

struct guest {
	struct meeting *meeting; /* borrowed */
	struct addr from;
};

static void on_data(struct stream *s, const uint8_t *data, size_t len,
	void *arg)
{
	(void)arg;
	/* Who does not hear is not heard either. */
	if (stream_send(s, data, len) > 0)
		stream_pause(s);
}

static void on_drained(struct stream *s, void *arg)
{
	(void)arg;
	stream_resume(s);
}

static void on_end(struct stream *s, enum stream_end end, const char *detail,
	void *arg)
{
	struct guest *g = arg;

	(void)s;
	(void)end;
	(void)detail;
	listener_gone(g->meeting->listener, &g->from);
	free(g);
}

static const struct stream_ops OPS = {
	.on_data = on_data,
	.on_drained = on_drained,
	.on_end = on_end,
};

static void on_accept(int fd, const struct addr *remote, void *arg)
{
	const struct stream_limits limits = {.queue_max = 0};
	struct meeting *m = arg;
	struct guest *g = calloc(1, sizeof(*g));
	struct stream *s;

	if (g == NULL || stream_accept(&s, m->loop, fd, remote, NULL, &limits,
			&OPS, g) < 0) {
		listener_gone(m->listener, remote);
		free(g);
		return;
	}
	g->meeting = m;
	g->from = *remote;
	(void)stream_send(s, GREETING, sizeof(GREETING) - 1);
}

static void on_signal(void *arg)
{
	loop_stop(arg);
}

static int start(struct meeting *m, const char *at, struct why *why)
{
	struct listener_spec spec = {.max_open = 1000};
	int err = loop_new(&m->loop);

	if (err < 0)
		return err;
	if (addr_parse(str_of(at), &spec.address) < 0)
		return why_set(why, EDGE_ECONFIG, "%s: ADDR:PORT is expected",
			at);
	err = loop_signal_new(&m->term, m->loop, SIGTERM, on_signal, m->loop);
	if (err == 0)
		err = loop_signal_new(&m->interrupt, m->loop, SIGINT,
			on_signal, m->loop);
	if (err == 0)
		err = listener_new(&m->listener, &spec, why);
	return err < 0 ? err : listener_start(m->listener, m->loop, on_accept,
		m);
}

int main(int argc, char **argv)
{
	struct meeting m = {.loop = NULL};
	struct why why = {""};
	int err;

	if (argc != 2) {
		fputs("usage: meeting ADDR:PORT\n", stderr);
		return 2;
	}
	log_init("meeting", LOG_LEVEL_INFO, false);
	err = start(&m, argv[1], &why);
	if (err == 0)
		loop_run(m.loop);
	else
		log_error("meeting.failed", "reason=%s",
			log_qz(why_text(&why, err)));
	/* Guests go with the process. */
	return err == 0 ? 0 : 1;
}
