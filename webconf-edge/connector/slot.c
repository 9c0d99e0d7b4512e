/*
 * One slot. Lives here: READY towards the edge, PAIR, the answer. Does not
 * live here: whether the client may come and where it is led (session.c),
 * how many slots there are (warm.c). It ends when its client is joined.
 */
#include "webconf-edge/connector/slot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/net/relay.h"
#include "webconf-edge/connector/session.h"

enum slot_state {
	SLOT_OPENING,
	SLOT_READY,
	SLOT_DIALLING, /* PAIR came; the target is being asked */
	SLOT_OVER,
};

struct slot {
	struct list node;      /* warm->slots */
	struct warm *warm;     /* borrowed */
	uint64_t id;
	enum slot_state state;
	struct stream *stream; /* owned */
	struct session *session; /* owned in SLOT_DIALLING */
	struct wce_reader reader;
	uint8_t asked[WCE_ID_LEN]; /* session of the last PAIR */
	bool *is_gone; /* borrowed: told by who holds us on the stack */
};

struct slot *slot_of(struct list *at)
{
	return container_of(at, struct slot, node);
}

void slot_free(struct slot *s)
{
	enum slot_state state = s->state;

	s->state = SLOT_OVER;
	list_remove(&s->node);
	if (s->session != NULL)
		session_free(s->session);
	stream_free(s->stream);
	wce_reader_fini(&s->reader);
	if (s->is_gone != NULL)
		*s->is_gone = true;
	if (state == SLOT_OPENING)
		warm_tell(s->warm, WARM_FAILED);
	else if (state == SLOT_READY)
		warm_tell(s->warm, WARM_LOST);
	free(s);
}

void slot_retire(struct slot *s)
{
	if (s->state != SLOT_DIALLING)
		slot_free(s);
}

/* ---- PAIR ---------------------------------------------------------------- */

static void reject(struct slot *s, enum wce_code code)
{
	uint8_t frame[WCE_SHORT_MAX];
	struct wbuf w = wbuf_of(frame, sizeof(frame));
	size_t at = wce_begin(&w, WCE_PAIR_REJECT);

	wce_put(&w, WCE_SESSION, s->asked, sizeof(s->asked));
	wce_put_u16(&w, WCE_CODE, (uint16_t)code);
	wce_end(&w, at);
	(void)stream_send(s->stream, frame, w.len);
}

static void on_session_ready(struct session *session, void *arg)
{
	struct slot *s = arg;
	struct stream *stream = s->stream;
	uint8_t frame[WCE_SHORT_MAX];
	struct wbuf w = wbuf_of(frame, sizeof(frame));
	size_t at = wce_begin(&w, WCE_PAIR_OK);

	wce_put(&w, WCE_SESSION, s->asked, sizeof(s->asked));
	wce_end(&w, at);
	(void)stream_send(stream, frame, w.len);
	s->session = NULL;
	s->stream = NULL;
	slot_free(s);
	session_join(session, leg_of_stream(stream));
}

static void on_session_refused(enum wce_code code, void *arg)
{
	struct slot *s = arg;

	s->session = NULL;
	s->state = SLOT_READY;
	reject(s, code);
	warm_tell(s->warm, WARM_RETURNED);
}

static const struct session_ops SESSION_OPS = {
	.on_ready = on_session_ready,
	.on_refused = on_session_refused,
};

static void take_pair(struct slot *s, const struct wce_fields *f)
{
	enum wce_code code;

	wce_copy(f, WCE_SESSION, s->asked, sizeof(s->asked));
	code = session_new(&s->session, warm_upstream(s->warm), f,
		&SESSION_OPS, s);
	if (code != WCE_E_NONE) {
		reject(s, code);
		return;
	}
	s->state = SLOT_DIALLING;
	warm_tell(s->warm, WARM_TAKEN);
}

static void take_frame(struct slot *s, const struct wce_frame *frame)
{
	uint8_t reply[WCE_SHORT_MAX];
	struct wce_fields f;

	if (frame->type >= 0x80 || frame->type == WCE_PONG)
		return;
	if (frame->type == WCE_PING && frame->len == WCE_PING_LEN) {
		(void)stream_send(s->stream, reply, wce_ping(reply, WCE_PONG,
			frame->payload));
		return;
	}
	if (wce_fields_read(&f, frame) == 0 && frame->type == WCE_PAIR &&
		s->state == SLOT_READY) {
		take_pair(s, &f);
		return;
	}
	/* ERROR, GOODBYE, or what does not belong here. */
	slot_free(s);
}

static void on_data(struct stream *stream, const uint8_t *data, size_t len,
	void *arg)
{
	struct str rest = {(const char *)data, len};
	struct slot *s = arg;
	struct wce_frame frame;
	bool is_gone = false;
	int rc;

	(void)stream;
	s->is_gone = &is_gone;
	while ((rc = wce_reader_next(&s->reader, &rest, &frame)) == 1) {
		take_frame(s, &frame);
		if (is_gone)
			return;
	}
	s->is_gone = NULL;
	if (rc < 0)
		slot_free(s);
}

/* ---- towards the edge ---------------------------------------------------- */

static void on_ready(struct stream *stream, void *arg)
{
	struct slot *s = arg;

	warm_send_ready(s->warm, stream, s->id, 0);
	s->state = SLOT_READY;
	warm_tell(s->warm, WARM_READY);
}

static void on_end(struct stream *stream, enum stream_end end,
	const char *detail, void *arg)
{
	struct slot *s = arg;

	(void)stream;
	log_debug("slot.ended", "edge=%s reason=%s detail=%s",
		log_qz(upstream_name(warm_upstream(s->warm))),
		stream_end_name(end), log_qz(detail));
	s->stream = NULL;
	slot_free(s);
}

static const struct stream_ops OPS = {
	.on_ready = on_ready,
	.on_data = on_data,
	.on_end = on_end,
};

int slot_new(struct warm *w, uint64_t id)
{
	struct slot *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->warm = w;
	s->id = id;
	list_init(&s->node);
	wce_reader_init(&s->reader, WCE_HELLO_MAX);
	err = warm_dial(w, &s->stream, &OPS, s);
	if (err < 0) {
		free(s);
		return err;
	}
	list_push_back(&w->slots, &s->node);
	return 0;
}
