/*
 * URIs: what parses is made of slices that say the same when they are put
 * together, and parses again to the same; what has a line end, a blank or a
 * NUL in it never does (threat S2).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/sip/sip_text.h"
#include "common/sip/sip_uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void must_be_clean(struct str s)
{
	must(sip_is_one_line(s));
	for (size_t i = 0; i < s.n; i++)
		must(s.p[i] != ' ' && s.p[i] != '\t');
}

static void check_params(const struct sip_uri *uri)
{
	struct str value;

	(void)sip_uri_has_param(uri, "lr");
	if (sip_uri_param(uri, "maddr", &value))
		must(sip_uri_has_param(uri, "maddr"));
	if (uri->port != 0)
		must(sip_uri_port(uri) == uri->port);
	else
		must(sip_uri_port(uri) == 5060 || sip_uri_port(uri) == 5061);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str text = {(const char *)data, len};
	char *room = malloc(len + 1), *again = malloc(len + 1);
	struct sip_uri uri, same;

	must(room != NULL && again != NULL);
	if (sip_uri_parse(text, room, len + 1, &uri) == 0) {
		must(str_eq(uri.text, text));
		must_be_clean(uri.scheme);
		must_be_clean(uri.host);
		must(uri.scheme.n > 0);
		check_params(&uri);
		must(sip_uri_parse(uri.text, again, len + 1, &same) == 0);
		must(str_eq(uri.user, same.user));
		must(str_eq(uri.host, same.host));
		must(uri.port == same.port);
		must(str_eq(uri.params, same.params));
		must(str_eq(uri.headers, same.headers));
		/* Never without room. */
		must(len == 0 || sip_uri_parse(text, room, len / 2, &same) !=
			0);
	}
	free(room);
	free(again);
	return 0;
}
