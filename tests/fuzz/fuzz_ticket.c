/*
 * Any bytes as a ticket: what is read can be printed again to the same
 * bytes, and nothing but the vector has the vector's proof.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/wce/ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ticket_key *key;
	struct str bytes = {(const char *)data, size};
	uint8_t out[TICKET_MAX_LEN];
	uint8_t seed[32];
	struct ticket t;
	size_t len;

	if (key == NULL) {
		for (uint8_t i = 0; i < 32; i++)
			seed[i] = i;
		if (ticket_key_from_seed(&key, seed, 7) < 0)
			abort();
	}
	if (ticket_verify(bytes, key) == 0 && (size < 209 ||
			ticket_read(bytes, &t) < 0))
		abort();
	if (ticket_read(bytes, &t) < 0)
		return 0;
	(void)ticket_check(&t, "webconf.example.com",
		(struct wall){1700000100}, 60);
	if (ticket_sign(&t, key, out, &len) < 0 || len != size)
		abort();
	/* but for the algorithm and the key's number, which are the key's */
	if (memcmp(out, data, 4) != 0 || out[5] != data[5] ||
		memcmp(out + 8, data + 8, size - 72) != 0)
		abort();
	return 0;
}
