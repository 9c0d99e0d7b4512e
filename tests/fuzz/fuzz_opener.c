/*
 * Any first bytes of a client, whole and byte by byte, and any first bytes
 * of a server for the probe of the TLS role: verdicts never change once they
 * are final, and what is read lies inside.
 */
#include <stdint.h>
#include <stdlib.h>

#include "webconf-edge/opener.h"
#include "webconf-edge/role.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_role(const uint8_t *data, size_t size)
{
	enum role_verdict last = ROLE_WAIT;

	for (size_t n = 0; n <= size && n < 8; n++) {
		enum role_verdict now = role_probe(data, n);

		if (last != ROLE_WAIT && now != last)
			abort();
		last = now;
	}
}

static int parse(const uint8_t *data, size_t size, struct opening *out)
{
	struct str bytes = {(const char *)data, size};
	enum opener_verdict verdict;
	const struct opener *opener = opener_find(bytes, &verdict);

	if (opener == NULL)
		return verdict == OPENER_NO ? -1 : 0;
	return opener->parse(bytes, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct opening whole = {.consumed = 0};
	struct opening part;
	int err = parse(data, size, &whole);

	check_role(data, size);
	for (size_t n = 0; n < size && n < 400; n++) {
		int one = parse(data, n, &part);

		/* Refused early stays refused; taken early stays taken. */
		if ((one < 0 && err >= 0) || (one > 0 && err != 1))
			abort();
	}
	if (err != 1)
		return 0;
	if (whole.consumed > size || whole.consumed > OPENER_BYTES_MAX ||
		whole.ticket.p < (const char *)data ||
		whole.ticket.p + whole.ticket.n > (const char *)data + size)
		abort();
	return 0;
}
