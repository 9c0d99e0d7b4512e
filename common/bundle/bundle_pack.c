/* zstd, both ways, with the lengths that were agreed. */
#include "common/bundle/bundle_pack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "common/base/err.h"
#include "common/bundle/bundle.h"

/* Publishing is rare: small counts for more than fast. */
#define ZSTD_LEVEL 12

static int press(struct bundle_packed *out, struct str raw, struct why *why)
{
	size_t n = ZSTD_compress(out->p, out->len, raw.p, raw.n, ZSTD_LEVEL);

	if (ZSTD_isError(n))
		return why_set(why, EDGE_EMALFORMED, "zstd: %s",
			ZSTD_getErrorName(n));
	if (raw.n / BUNDLE_RATIO_MAX > n) {
		out->codec = BUNDLE_PLAIN;
		memcpy(out->p, raw.p, raw.n);
		n = raw.n;
	}
	out->len = n;
	return 0;
}

int bundle_pack(struct bundle_packed *out, struct str raw, struct why *why)
{
	struct bundle_packed p = {
		.codec = BUNDLE_ZSTD,
		.len = ZSTD_compressBound(raw.n), /* raw.n at least */
	};
	int err;

	p.p = malloc(p.len);
	if (p.p == NULL)
		return why_set(why, -ENOMEM, "%s", err_text(-ENOMEM));
	err = press(&p, raw, why);
	if (err < 0)
		bundle_packed_fini(&p);
	else
		*out = p;
	return err;
}

void bundle_packed_fini(struct bundle_packed *p)
{
	free(p->p);
	*p = (struct bundle_packed){.p = NULL};
}

int bundle_unpack_to(char *to, size_t raw_len, enum bundle_codec codec,
	const uint8_t *p, size_t len, struct why *why)
{
	size_t n = len;

	if (codec == BUNDLE_ZSTD)
		n = ZSTD_decompress(to, raw_len, p, len);
	else if (len == raw_len && len > 0)
		memcpy(to, p, len);
	if (codec == BUNDLE_ZSTD && ZSTD_isError(n))
		return why_set(why, EDGE_EMALFORMED, "payload: %s",
			ZSTD_getErrorName(n));
	if (n != raw_len)
		return why_set(why, EDGE_EMALFORMED,
			"payload: %zu bytes uncompressed, where %zu were "
			"signed", n, raw_len);
	return 0;
}
