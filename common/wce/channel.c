/*
 * One channel. Lives here: credit both ways, what waits to be said, last
 * words, the end, and how all that looks to a relay. Does not live here:
 * whose turn it is (mux.c).
 */
#include "common/wce/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/wce/mux_priv.h"

#define CREDIT_MAX 0x7fffffffu
/* As a stream of a relay has them. */
#define HIGH_MARK  262144u
#define LOW_MARK   131072u
#define FIELDS_MAX 1024u
#define CLOSE_MS   2000

/* ---- the end ------------------------------------------------------------- */

/* Out of everything; the memory is still there. */
static void leave(struct channel *ch)
{
	mux_remove(ch->mux, ch);
	loop_timer_free(ch->timer);
	sendq_fini(&ch->out);
}

void channel_free(struct channel *ch)
{
	struct mux *m = ch->mux;

	leave(ch);
	free(ch);
	mux_tell_gone(m);
}

static void send_code(const struct channel *ch, enum wce_code code)
{
	uint8_t p[2];

	buf_store_u16(p, (uint16_t)code);
	mux_send_raw(ch->mux, WCE_CH_RESET, ch->id, p, sizeof(p));
}

static bool is_all_said(const struct channel *ch)
{
	return ch->is_shut && ch->is_eof;
}

void channel_reset(struct channel *ch, enum wce_code code)
{
	if (!is_all_said(ch))
		send_code(ch, code);
	channel_free(ch);
}

/* The owner's last call. */
static void finish(struct channel *ch, enum wce_code code,
	enum stream_end end, const char *detail)
{
	struct mux *m = ch->mux;

	leave(ch);
	if (ch->side != NULL)
		relay_side_end(ch->side, end, detail);
	else
		ch->ops->on_end(ch, code, ch->arg);
	free(ch);
	mux_tell_gone(m);
}

void channel_lost(struct channel *ch)
{
	finish(ch, WCE_E_NONE, STREAM_END_RESET,
		"the connection that carried it is gone");
}

/* The peer broke the rules of this channel, and hears so. */
static void fault(struct channel *ch, const char *what)
{
	send_code(ch, WCE_E_MALFORMED);
	finish(ch, WCE_E_MALFORMED, STREAM_END_RESET, what);
}

/* The time to close is over, or there is nothing left to say. */
static void on_timer(void *arg)
{
	struct channel *ch = arg;
	const char *detail = ch->is_shut ? "" : "not all could be sent";
	enum stream_end end = STREAM_END_LOCAL;

	if (ch->is_failed) {
		end = STREAM_END_MEMORY;
		detail = "no memory to send";
	}
	if (!is_all_said(ch))
		send_code(ch, WCE_E_BROKEN);
	finish(ch, WCE_E_NONE, end, detail);
}

/* ---- sending ------------------------------------------------------------- */

bool channel_has_turn(const struct channel *ch)
{
	if (ch->state == CHANNEL_OPENING || ch->is_shut || ch->is_failed)
		return false;
	return ch->out.len > 0 ? ch->credit > 0 : ch->is_shutting;
}

static void say_last_word(struct channel *ch)
{
	mux_send_raw(ch->mux, WCE_CH_EOF, ch->id, NULL, 0);
	ch->is_shut = true;
	ch->is_above = false;
	if (ch->state == CHANNEL_CLOSING) {
		if (ch->is_eof)
			loop_timer_start(ch->timer, 0);
		return;
	}
	relay_side_drained(ch->side);
}

/* How much of len may go in one frame now. */
static size_t piece_of(const struct channel *ch, size_t len)
{
	if (len > WCE_DATA_MAX)
		len = WCE_DATA_MAX;
	return len < ch->credit ? len : ch->credit;
}

static void send_data(struct channel *ch, const void *data, size_t len)
{
	mux_send_raw(ch->mux, WCE_CH_DATA, ch->id, data, len);
	ch->credit -= (uint32_t)len;
}

void channel_write(struct channel *ch)
{
	struct relay_side *side = ch->side;
	size_t len = 0;
	const uint8_t *p = sendq_peek(&ch->out, &len);

	if (p == NULL) {
		say_last_word(ch);
		return;
	}
	len = piece_of(ch, len);
	send_data(ch, p, len);
	sendq_drop(&ch->out, len);
	mux_queue(ch->mux, ch);
	if (!ch->is_above || ch->out.len > LOW_MARK)
		return;
	ch->is_above = false;
	if (ch->state == CHANNEL_OPEN)
		relay_side_drained(side);
}

/* Nobody else waits: no need to queue it first. */
static void write_through(struct channel *ch, const uint8_t **p, size_t *len)
{
	while (*len > 0 && ch->credit > 0 && !ch->mux->is_full) {
		size_t n = piece_of(ch, *len);

		send_data(ch, *p, n);
		*p += n;
		*len -= n;
	}
}

static int send_leg(void *leg, const void *data, size_t len)
{
	struct channel *ch = leg;
	const uint8_t *p = data;

	if (ch->state != CHANNEL_OPEN || ch->is_shutting || ch->is_failed)
		return -ENOTCONN;
	if (ch->out.len == 0 && list_is_empty(&ch->mux->turn))
		write_through(ch, &p, &len);
	if (len == 0)
		return 0;
	if (sendq_push(&ch->out, p, len) < 0) {
		/* As a stream without memory: it ends, but not in here. */
		ch->is_failed = true;
		list_remove(&ch->place);
		loop_timer_start(ch->timer, 0);
		return -ENOBUFS;
	}
	mux_queue(ch->mux, ch);
	mux_pump(ch->mux);
	if (ch->out.len <= HIGH_MARK)
		return 0;
	ch->is_above = true;
	return 1;
}

/* ---- receiving ----------------------------------------------------------- */

/* Half the window at a time, and none while enough waits behind us. */
void channel_give_credit(struct channel *ch)
{
	uint8_t p[4];

	if (ch->is_paused || ch->is_eof || ch->state != CHANNEL_OPEN ||
		ch->owed < MUX_WINDOW / 2)
		return;
	buf_store_u32(p, ch->owed);
	ch->owed = 0;
	mux_send_raw(ch->mux, WCE_CH_CREDIT, ch->id, p, sizeof(p));
}

static void take_accept(struct channel *ch, const struct wce_frame *frame)
{
	struct wce_fields fields;

	if (ch->state != CHANNEL_OPENING || !ch->mux->is_opener ||
		wce_fields_read(&fields, frame) < 0 ||
		wce_number(&fields, WCE_CREDIT) > CREDIT_MAX) {
		fault(ch, "an answer to nothing");
		return;
	}
	ch->credit = (uint32_t)wce_number(&fields, WCE_CREDIT);
	ch->state = CHANNEL_OPEN;
	ch->ops->on_accept(ch, ch->arg);
}

static void take_data(struct channel *ch, const struct wce_frame *frame)
{
	struct relay_side *side = ch->side;

	if (ch->is_eof || ch->state == CHANNEL_OPENING ||
		frame->len > MUX_WINDOW - ch->owed) {
		fault(ch, "more than its credit, or out of turn");
		return;
	}
	ch->owed += (uint32_t)frame->len;
	if (ch->state == CHANNEL_CLOSING)
		return; /* nobody is there to hear it */
	relay_side_data(side, frame->payload, frame->len);
}

static void take_credit(struct channel *ch, const struct wce_frame *frame)
{
	uint32_t more = buf_load_u32(frame->payload);

	if (ch->state == CHANNEL_OPENING || more == 0 ||
		more > CREDIT_MAX - ch->credit) {
		fault(ch, "credit beyond all bounds");
		return;
	}
	ch->credit += more;
	mux_queue(ch->mux, ch);
	mux_pump(ch->mux);
}

static void take_eof(struct channel *ch)
{
	if (ch->is_eof || ch->state == CHANNEL_OPENING) {
		fault(ch, "a last word out of turn");
		return;
	}
	ch->is_eof = true;
	if (ch->state == CHANNEL_OPEN)
		relay_side_eof(ch->side);
	else if (ch->is_shut)
		loop_timer_start(ch->timer, 0);
}

void channel_take(struct channel *ch, const struct wce_frame *frame)
{
	enum wce_code code;

	switch (frame->type) {
	case WCE_CH_ACCEPT:
		take_accept(ch, frame);
		break;
	case WCE_CH_DATA:
		take_data(ch, frame);
		break;
	case WCE_CH_CREDIT:
		take_credit(ch, frame);
		break;
	case WCE_CH_EOF:
		take_eof(ch);
		break;
	case WCE_CH_RESET:
		code = (enum wce_code)buf_load_u16(frame->payload);
		finish(ch, code, STREAM_END_RESET, wce_code_name(code));
		break;
	default:
		break;
	}
}

/* ---- as a leg ------------------------------------------------------------ */

static void join_leg(void *leg, struct relay_side *side)
{
	((struct channel *)leg)->side = side;
}

static void pause_leg(void *leg)
{
	((struct channel *)leg)->is_paused = true;
}

static void resume_leg(void *leg)
{
	struct channel *ch = leg;

	ch->is_paused = false;
	channel_give_credit(ch);
}

static void shut_leg(void *leg)
{
	struct channel *ch = leg;

	ch->is_shutting = true;
	mux_queue(ch->mux, ch);
	mux_pump(ch->mux);
}

static bool is_leg_shut(const void *leg)
{
	return ((const struct channel *)leg)->is_shut;
}

/* What waits goes out as far as the peer gives credit for it; then the
 * peer's own last word is waited for, not long. */
static void close_leg(void *leg)
{
	struct channel *ch = leg;

	ch->state = CHANNEL_CLOSING;
	loop_timer_start(ch->timer, is_all_said(ch) ? 0 : CLOSE_MS);
	shut_leg(ch);
}

static void reset_leg(void *leg)
{
	channel_reset(leg, WCE_E_BROKEN);
}

static size_t leg_queued(const void *leg)
{
	return ((const struct channel *)leg)->out.len;
}

struct leg channel_leg(struct channel *ch)
{
	static const struct leg_ops ops = {
		.join = join_leg,
		.send = send_leg,
		.pause = pause_leg,
		.resume = resume_leg,
		.shut = shut_leg,
		.is_shut = is_leg_shut,
		.close = close_leg,
		.abort = reset_leg,
		.free = reset_leg,
		.queued = leg_queued,
	};

	return (struct leg){&ops, ch};
}

/* ---- life ---------------------------------------------------------------- */

int channel_new(struct channel **out, struct mux *m, uint32_t id)
{
	struct channel *ch = calloc(1, sizeof(*ch));

	if (ch == NULL)
		return -ENOMEM;
	ch->mux = m;
	ch->id = id;
	list_init(&ch->place);
	sendq_init(&ch->out);
	if (loop_timer_new(&ch->timer, m->loop, on_timer, ch) < 0) {
		free(ch);
		return -ENOMEM;
	}
	mux_insert(m, ch);
	*out = ch;
	return 0;
}

int channel_open(struct channel **out, struct mux *m, const void *fields,
	size_t len, const struct channel_ops *ops, void *arg)
{
	struct channel *ch;
	int err;

	if (!mux_has_room(m) || len > FIELDS_MAX)
		return EDGE_ETOOBIG;
	err = channel_new(&ch, m, mux_next_id(m));
	if (err < 0)
		return err;
	channel_own(ch, ops, arg);
	mux_send_raw(m, WCE_CH_OPEN, ch->id, fields, len);
	*out = ch;
	return 0;
}

void channel_own(struct channel *ch, const struct channel_ops *ops, void *arg)
{
	ch->ops = ops;
	ch->arg = arg;
}

void channel_accept(struct channel *ch)
{
	uint8_t fields[16];
	struct wbuf w = wbuf_of(fields, sizeof(fields));

	wce_put_u32(&w, WCE_CREDIT, MUX_WINDOW);
	ch->state = CHANNEL_OPEN;
	ch->credit = MUX_WINDOW;
	mux_send_raw(ch->mux, WCE_CH_ACCEPT, ch->id, fields, w.len);
}
