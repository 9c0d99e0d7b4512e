/*
 * Framing: the same bytes in one piece and in pieces of a length that the
 * input chooses must give the same messages, and no message may reach
 * beyond its limits.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/sip/sip_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct sip_frame_limits limits = {
	.head_max = 4096,
	.line_max = 1024,
	.lines_max = 32,
	.body_max = 2048,
};

struct trace {
	uint64_t sum;
	size_t items;
	size_t bad;
};

static void note(struct trace *t, const struct sip_frame_item *item)
{
	t->items++;
	t->sum = t->sum * 31 + item->kind;
	if (item->kind == SIP_FRAME_BAD) {
		t->bad++;
		return;
	}
	if (item->message.n > limits.head_max + limits.body_max)
		abort();
	for (size_t i = 0; i < item->message.n; i++)
		t->sum = t->sum * 31 + (uint8_t)item->message.p[i];
}

/* Exact-size heap pieces, so that a read beyond one is seen. */
static void run(const uint8_t *data, size_t len, size_t piece,
	struct trace *t)
{
	struct sip_frame f;
	bool is_over = false;

	memset(t, 0, sizeof(*t));
	sip_frame_init(&f, &limits);
	for (size_t at = 0; at < len && !is_over; at += piece) {
		size_t n = len - at < piece ? len - at : piece;
		char *copy = malloc(n);
		struct str rest = {copy, n};
		struct sip_frame_item item;

		memcpy(copy, data + at, n);
		do {
			if (sip_frame_next(&f, &rest, &item) != 0)
				abort();
			if (item.kind != SIP_FRAME_NONE)
				note(t, &item);
			is_over = item.kind == SIP_FRAME_BAD;
		} while (item.kind != SIP_FRAME_NONE && !is_over);
		free(copy);
	}
	sip_frame_fini(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct trace whole, torn;

	if (len < 2)
		return 0;
	run(data + 1, len - 1, len, &whole);
	run(data + 1, len - 1, (size_t)data[0] + 1, &torn);
	/* Where a stream breaks may depend on the pieces, not what was good
	 * before. */
	if (whole.bad == 0 && torn.bad == 0 && whole.sum != torn.sum)
		abort();
	return 0;
}
