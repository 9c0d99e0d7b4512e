/*
 * Where messages begin and end on a stream. Complete messages are handed
 * out of the caller's buffer without a copy; only an unfinished one is kept
 * in the tail. Says nothing about whether a message is good SIP: that is
 * sip_msg.c. RFC 3261 section 18.3, RFC 5626 section 4.4.1.
 */
#include "common/sip/sip_frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "common/base/err.h"

#define TAIL_FIRST 2048

void sip_frame_init(struct sip_frame *f, const struct sip_frame_limits *l)
{
	memset(f, 0, sizeof(*f));
	f->limits = *l;
}

void sip_frame_fini(struct sip_frame *f)
{
	free(f->tail);
	f->tail = NULL;
	f->tail_len = 0;
	f->tail_cap = 0;
}

bool sip_frame_is_idle(const struct sip_frame *f)
{
	return f->tail_len == 0 || f->handed_out;
}

/* What the headers of one message say about its size. */
struct head {
	size_t len;      /* with the empty line */
	size_t body_len;
	int status;      /* not 0: refused */
	const char *cause;
};

static void refuse(struct head *h, int status, const char *cause)
{
	h->status = status;
	h->cause = cause;
}

/* Value of a Content-Length line: digits only, at most nine of them. */
static void read_length(struct head *h, struct str value, bool *has_length)
{
	uint32_t len = 0;

	value = str_trim(value);
	if (value.n > 9 || str_to_u32(value, &len) != 0) {
		refuse(h, 400, "Content-Length is not a number");
		return;
	}
	if (*has_length && len != h->body_len)
		refuse(h, 400, "two Content-Lengths that differ");
	h->body_len = len;
	*has_length = true;
}

/* Walk the lines of the headers: sizes, NUL, Content-Length. */
static struct head read_head(const struct sip_frame_limits *l,
	struct str text)
{
	struct head h = {.len = text.n};
	bool has_length = false;
	size_t lines = 0;
	struct str rest = text;
	size_t folded = 0;

	if (memchr(text.p, '\0', text.n) != NULL)
		refuse(&h, 400, "a NUL in the headers");
	while (h.status == 0 && rest.n > 2) {
		size_t end = str_find(rest, '\n');
		struct str line = {rest.p, end};
		size_t colon = str_find(line, ':');
		struct str name = str_trim((struct str){line.p, colon});
		bool is_fold = line.n > 0 &&
			(line.p[0] == ' ' || line.p[0] == '\t');

		folded = is_fold ? folded + line.n : line.n;
		if (folded > l->line_max)
			refuse(&h, 400, "a header line is too long");
		if (lines++ > l->lines_max)
			refuse(&h, 400, "too many header lines");
		if (h.status == 0 && !is_fold && colon < line.n &&
			(str_ieq_z(name, "Content-Length") ||
			str_ieq_z(name, "l"))) {
			/* A folded length is never sent by anyone honest. */
			if (end + 1 < rest.n && (rest.p[end + 1] == ' ' ||
				rest.p[end + 1] == '\t'))
				refuse(&h, 400, "Content-Length is folded");
			else
				read_length(&h, str_skip(line, colon + 1),
					&has_length);
		}
		rest = str_skip(rest, end < rest.n ? end + 1 : end);
	}
	if (h.status == 0 && h.body_len > l->body_max)
		refuse(&h, 413, "the body is too large");
	return h;
}

/* The end of the headers in text, looking from `from` on; 0 = not there. */
static size_t head_end(struct str text, size_t from)
{
	const char *p;

	from = from > 3 ? from - 3 : 0; /* it may straddle two reads */
	if (text.n - from < 4)
		return 0;
	p = memmem(text.p + from, text.n - from, "\r\n\r\n", 4);
	return p == NULL ? 0 : (size_t)(p - text.p) + 4;
}

static int bad(struct sip_frame_item *out, int status, const char *cause,
	struct str head)
{
	out->kind = SIP_FRAME_BAD;
	out->status = status;
	out->cause = cause;
	out->head = head;
	return 0;
}

/* Bytes that can't begin a SIP message: there is nothing to wait for. Looks
 * once, when the line is whole: a peer may send it octet by octet. */
static bool is_start_line(const struct sip_frame *f, struct str text,
	size_t seen)
{
	size_t end = str_find(text, '\n');

	if (end == text.n)
		return text.n <= f->limits.line_max;
	if (end < seen)
		return true;
	for (size_t i = 0; i + 4 <= end && i + 4 <= text.n; i++) {
		if (str_istarts(str_skip(text, i), "SIP/"))
			return true;
	}
	return false;
}

/* Look at text for one whole message. */
static int look(struct sip_frame *f, struct str text,
	struct sip_frame_item *out)
{
	size_t end = head_end(text, f->scanned);
	size_t fresh = f->scanned;
	struct head h;

	f->scanned = text.n;
	if (!is_start_line(f, text, fresh))
		return bad(out, 0, "the start line is not of SIP",
			(struct str){NULL, 0});
	if (end == 0) {
		if (text.n > f->limits.head_max)
			return bad(out, 400, "the headers are too long",
				(struct str){NULL, 0});
		out->kind = SIP_FRAME_NONE;
		return 0;
	}
	if (end > f->limits.head_max)
		return bad(out, 400, "the headers are too long",
			(struct str){NULL, 0});
	h = read_head(&f->limits, (struct str){text.p, end});
	if (h.status != 0)
		return bad(out, h.status, h.cause,
			(struct str){text.p, end});
	f->need = end + h.body_len;
	if (text.n < f->need) {
		out->kind = SIP_FRAME_NONE;
		return 0;
	}
	out->kind = SIP_FRAME_MESSAGE;
	out->message = (struct str){text.p, f->need};
	return 0;
}

static int tail_append(struct sip_frame *f, struct str more)
{
	size_t need = f->tail_len + more.n;
	size_t cap = f->tail_cap == 0 ? TAIL_FIRST : f->tail_cap;
	uint8_t *grown;

	while (cap < need)
		cap *= 2;
	if (cap != f->tail_cap) {
		grown = realloc(f->tail, cap);
		if (grown == NULL)
			return -ENOMEM;
		f->tail = grown;
		f->tail_cap = cap;
	}
	memcpy(f->tail + f->tail_len, more.p, more.n);
	f->tail_len = need;
	return 0;
}

/* Skip line ends between messages; true when a ping is complete. */
static bool skip_crlf(struct sip_frame *f, struct str *data)
{
	while (data->n > 0 && (data->p[0] == '\r' || data->p[0] == '\n')) {
		f->crlf++;
		*data = str_skip(*data, 1);
		if (f->crlf == 4) {
			f->crlf = 0;
			return true;
		}
	}
	if (data->n > 0)
		f->crlf = 0;
	return false;
}

/* The message was in the tail: free it before the next one. */
static void drop_tail(struct sip_frame *f)
{
	free(f->tail);
	f->tail = NULL;
	f->tail_cap = 0;
	f->tail_len = 0;
	f->scanned = 0;
	f->need = 0;
	f->handed_out = false;
}

/* The tail's message goes on in *data; what follows it stays there. */
static int next_from_tail(struct sip_frame *f, struct str *data,
	struct sip_frame_item *out)
{
	size_t before = f->tail_len;
	struct str more = *data;
	int err;

	if (f->need > before)
		more.n = MIN(more.n, f->need - before);
	err = tail_append(f, more);
	if (err != 0)
		return err;
	if (f->need == 0)
		err = look(f, (struct str){(const char *)f->tail,
			f->tail_len}, out);
	if (err != 0 || out->kind == SIP_FRAME_BAD)
		return err;
	if (f->need == 0 || f->tail_len < f->need) {
		*data = str_skip(*data, more.n);
		return 0;
	}
	*data = str_skip(*data, f->need - before);
	f->tail_len = f->need;
	f->handed_out = true;
	out->kind = SIP_FRAME_MESSAGE;
	out->message = (struct str){(const char *)f->tail, f->need};
	return 0;
}

int sip_frame_next(struct sip_frame *f, struct str *data,
	struct sip_frame_item *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	if (f->handed_out)
		drop_tail(f);
	if (f->tail_len > 0)
		return data->n > 0 ? next_from_tail(f, data, out) : 0;
	if (skip_crlf(f, data)) {
		out->kind = SIP_FRAME_PING;
		return 0;
	}
	if (data->n == 0)
		return 0;
	f->scanned = 0;
	f->need = 0;
	err = look(f, *data, out);
	if (err != 0 || out->kind == SIP_FRAME_BAD)
		return err;
	if (out->kind == SIP_FRAME_MESSAGE) {
		*data = str_skip(*data, out->message.n);
		f->need = 0;
		return 0;
	}
	err = tail_append(f, *data);
	*data = str_skip(*data, data->n);
	return err;
}
