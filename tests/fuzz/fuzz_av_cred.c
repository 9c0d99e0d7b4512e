/*
 * Any bytes as a TURN user name, raw and as text, against a known key ring:
 * what passes is bound to the key, and its text form leads back to it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/cred/av_cred.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The keys of the vectors, so that the seeds pass. */
static struct av_key_ring make_ring(void)
{
	struct av_key_ring ring = {.count = 1};

	for (uint8_t i = 0; i < 20; i++) {
		ring.keys[0].sk0[i] = 0x50 + i;
		ring.keys[0].sk1[i] = 0x10 + i;
		ring.keys[0].sk2[i] = 0x30 + i;
	}
	return ring;
}

static void check(const struct av_key_ring *ring, const uint8_t *user,
	size_t len)
{
	char text[AV_CRED_USER_TEXT];
	uint8_t back[AV_CRED_USER_MAX];
	struct av_cred c;
	size_t back_len;
	int err;

	err = av_cred_check(&c, ring, user, len, (struct wall){0}, 0);
	if (err == EDGE_EMALFORMED || err == EDGE_EFORGED)
		return;
	if (err != 0 && err != EDGE_EEXPIRED)
		abort();
	av_cred_user_text(&c, text);
	if (av_cred_user_from_text(str_of(text), back, &back_len) < 0 ||
		back_len != len || memcmp(back, user, len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct av_key_ring ring = make_ring();
	uint8_t user[AV_CRED_USER_MAX];
	size_t len;

	check(&ring, data, size);
	if (av_cred_user_from_text((struct str){(const char *)data, size},
		    user, &len) == 0)
		check(&ring, user, len);
	return 0;
}
