/*
 * Flow tokens: no text is taken for a good token but one that was made
 * here, and that one only unchanged (threat S14).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "access-edge/flow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct flow_keys keys = {
	.keys = {{.number = 3, .secret = "0123456789abcdef0123456789abcde",
		.made = {1000}}},
	.count = 1,
	.edge_id = {1, 2},
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct wall now = {2000};
	char token[FLOW_TOKEN_LEN + 1];
	struct flow flow;
	uint64_t cid = 0;
	size_t at;

	must(flow_check(&keys, (struct str){(const char *)data, len}, now,
		&flow) != FLOW_GOOD);
	if (len < 12)
		return 0;
	memcpy(&cid, data, sizeof(cid));
	flow_token(&keys, data[8] & 3, cid, token);
	must(flow_check(&keys, str_of(token), now, &flow) == FLOW_GOOD);
	must(flow.cid == cid && flow.flags == (data[8] & 3) &&
		!flow.is_other_edge);
	at = data[9] % FLOW_TOKEN_LEN;
	if (token[at] == (char)data[10])
		return 0;
	token[at] = (char)data[10];
	must(flow_check(&keys, (struct str){token, FLOW_TOKEN_LEN}, now,
		&flow) != FLOW_GOOD);
	return 0;
}
