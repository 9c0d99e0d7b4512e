/*
 * Any bytes as a WCE/1 stream, whole and in two pieces: both give the same
 * frames, and fields that are read lie inside their frame.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/wce/wce_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	size_t frames;
	size_t fields;
	uint64_t sum;
	int err;
};

static void look(const struct wce_frame *frame, struct seen *seen)
{
	struct wce_fields f;

	seen->frames++;
	for (size_t i = 0; i < frame->len; i++)
		seen->sum = seen->sum * 31 + frame->payload[i];
	if (wce_fields_read(&f, frame) < 0)
		return;
	for (size_t i = 0; i < f.count; i++) {
		const char *p = f.at[i].value.p;
		const char *start = (const char *)frame->payload;

		if (p < start || p + f.at[i].value.n > start + frame->len)
			abort();
		seen->fields++;
	}
}

static void feed(struct wce_reader *r, struct str data, struct seen *seen)
{
	struct wce_frame frame;

	while (seen->err >= 0) {
		seen->err = wce_reader_next(r, &data, &frame);
		if (seen->err != 1)
			return;
		look(&frame, seen);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cut = size > 0 ? data[0] % size : 0;
	struct str whole = {(const char *)data, size};
	struct seen a = {0};
	struct seen b = {0};
	struct wce_reader r;

	wce_reader_init(&r, WCE_PAYLOAD_MAX);
	feed(&r, whole, &a);
	wce_reader_fini(&r);
	wce_reader_init(&r, WCE_PAYLOAD_MAX);
	feed(&r, (struct str){whole.p, cut}, &b);
	feed(&r, str_skip(whole, cut), &b);
	wce_reader_fini(&r);
	if (a.frames != b.frames || a.fields != b.fields || a.sum != b.sum ||
		(a.err < 0) != (b.err < 0))
		abort();
	return 0;
}
