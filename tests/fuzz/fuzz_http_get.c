/* Answers and addresses of revocation lists: never more than was sent. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/net/http_get.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool is_inside(struct str part, struct str whole)
{
	return part.n == 0 || (part.p >= whole.p &&
		part.p + part.n <= whole.p + whole.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct str text = {(const char *)data, len};
	struct http_url url;
	struct str body = {NULL, 0}, later = {NULL, 0};
	unsigned status = 0;
	int now = http_answer(text, false, 64, &status, &body);
	int end = http_answer(text, true, 64, &status, &later);

	if (now == 0) {
		must(is_inside(body, text) && body.n <= 64);
		must(end == 0 && str_eq(body, later));
	}
	must(end != 1);
	if (end == 0)
		must(is_inside(later, text) && later.n <= 64);
	if (http_url_parse(text, &url) == 0) {
		must(is_inside(url.host, text) && url.host.n > 0);
		must(url.port != 0);
	}
	return 0;
}
