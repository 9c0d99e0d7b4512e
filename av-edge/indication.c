/* Data indications: RFC 8656 11.5, [MS-TURN] 2.2.1. */
#include "av-edge/indication.h"

#include "common/base/buf.h"
#include "common/stun/stun_ms.h"
#include "av-edge/shard.h"

/* The transaction id names nothing; it only must differ. */
int indication_head(struct shard *s, const struct alloc *a,
	const struct addr *peer, size_t len,
	uint8_t head[static UDP_HEAD_MAX], size_t *pad)
{
	uint8_t tid[STUN_TID_LEN];
	struct stun_writer w;

	buf_store_u32(tid, a->dialect == ALLOC_MS ? ~STUN_COOKIE :
						    STUN_COOKIE);
	buf_store_u32(tid + 4, (uint32_t)(s->indication >> 32) ^ s->number);
	buf_store_u64(tid + 8, s->indication++);
	if (a->dialect == ALLOC_MS)
		stun_ms_write_begin(&w, head, UDP_HEAD_MAX, STUN_MS_DATA,
			tid);
	else
		stun_write_begin(&w, &stun_rfc, head, UDP_HEAD_MAX,
			STUN_INDICATION, STUN_DATA, tid);
	stun_write_addr(&w, STUN_PEER_ADDRESS, peer);
	return stun_write_end_open(&w, STUN_PAYLOAD, len, pad);
}
