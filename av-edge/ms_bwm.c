/*
 * The permissive answer. Which attributes a Check must be answered with is
 * [MS-TURNBWM] 3.2.5.1; commits and updates are plain Allocates (3.3.5.3).
 * The order of the four amounts is as Wireshark reads them; what clients do
 * with the answer was never seen.
 */
#include "av-edge/ms_bwm.h"

#include "common/base/attr.h"
#include "common/base/buf.h"

#define CHECK      0 /* Admission Control Message, low 16 bits */
#define AMOUNT_LEN 16
#define ANSWER_LEN 12
#define VALID      0x80000000u /* bit 31; bit 30, fail-over to PSTN, is 0 */

static bool is_check(const struct stun_msg *m)
{
	struct str value = stun_bytes(m, STUN_BWM_ADMISSION);

	return value.n == 4 &&
	    buf_load_u16((const uint8_t *)value.p + 2) == CHECK;
}

void ms_bwm_grant(struct stun_writer *w, const struct stun_msg *m)
{
	/* The relays' sites only where the request has them. */
	static const struct {
		enum stun_attr asked; /* STUN_ATTR_COUNT = always */
		enum stun_attr answer;
	} rows[] = {
		{STUN_ATTR_COUNT, STUN_BWM_REMOTE_SITE_ANSWER},
		{STUN_BWM_REMOTE_RELAY, STUN_BWM_REMOTE_RELAY_ANSWER},
		{STUN_ATTR_COUNT, STUN_BWM_LOCAL_SITE_ANSWER},
		{STUN_BWM_LOCAL_RELAY, STUN_BWM_LOCAL_RELAY_ANSWER},
	};
	struct str amount = stun_bytes(m, STUN_BWM_AMOUNT);
	const uint8_t *asked = (const uint8_t *)amount.p;
	uint8_t value[ANSWER_LEN];
	size_t i;

	if (!is_check(m) || amount.n != AMOUNT_LEN)
		return;
	buf_store_u32(value, VALID);
	buf_store_u32(value + 4, buf_load_u32(asked)); /* most to send */
	buf_store_u32(value + 8, buf_load_u32(asked + 8)); /* to receive */
	for (i = 0; i < ARRAY_COUNT(rows); i++)
		if (rows[i].asked == STUN_ATTR_COUNT ||
		    stun_has(m, rows[i].asked))
			stun_write_bytes(w, rows[i].answer, value,
				sizeof(value));
}
