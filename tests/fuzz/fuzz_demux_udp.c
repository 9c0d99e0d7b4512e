/*
 * Any bytes as a datagram, from clients with every kind of allocation: what
 * is handed to a codec has the shape it expects, and payload is payload.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/stun/stun_ms.h"
#include "av-edge/demux_udp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok)
{
	if (!ok)
		abort();
}

static void look(const uint8_t *data, size_t size, enum demux_owner owner)
{
	enum demux_class class = demux_udp(data, size, owner);

	must((class == DEMUX_MS_CONTROL) == (owner != DEMUX_OF_RFC &&
		stun_ms_is_control(data, size)));
	must((class == DEMUX_MS_DATA) == (owner == DEMUX_OF_MS &&
		!stun_ms_is_control(data, size)));
	if (class == DEMUX_RFC_MESSAGE)
		must(stun_is_rfc(data, size) && owner != DEMUX_OF_MS);
	if (class == DEMUX_CHANNEL)
		must(owner == DEMUX_OF_RFC && size >=
			STUN_CHANNEL_HEADER_LEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (copy == NULL)
		return 0;
	if (size > 0)
		memcpy(copy, data, size);
	/* Most inputs would die of the length field. */
	if (size >= STUN_HEADER_LEN + STUN_MS_COOKIE_LEN &&
	    size <= UINT16_MAX && data[0] < 0x40)
		buf_store_u16(copy + 2, (uint16_t)(size - STUN_HEADER_LEN));
	look(copy, size, DEMUX_NOBODY);
	look(copy, size, DEMUX_OF_RFC);
	look(copy, size, DEMUX_OF_MS);
	free(copy);
	return 0;
}
