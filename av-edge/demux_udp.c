/*
 * The demultiplexer of the UDP ports, rule by rule. The order matters: a
 * client of [MS-TURN] with an active destination sends its peer's bytes as
 * they are, and those may look like STUN, ChannelData or anything else.
 */
#include "av-edge/demux_udp.h"

#include "common/stun/stun_ms.h"

#define MULTIPLEXED_0 0xff /* [MS-TURN] 2.2.3 */
#define MULTIPLEXED_1 0x10

bool demux_is_channel(const uint8_t *data, size_t len)
{
	return len >= STUN_CHANNEL_HEADER_LEN &&
	    (data[0] & 0xc0) == STUN_CHANNEL_FIRST >> 8;
}

enum demux_class demux_udp(const uint8_t *data, size_t len,
	enum demux_owner owner)
{
	/* The cookie attribute is one that RFC 8489 would have to understand
	 * and does not know: no client of the RFC sends it. */
	if (stun_ms_is_control(data, len))
		return owner == DEMUX_OF_RFC ? DEMUX_STRAY : DEMUX_MS_CONTROL;
	if (owner == DEMUX_OF_MS)
		return DEMUX_MS_DATA;
	if (stun_is_rfc(data, len))
		return DEMUX_RFC_MESSAGE;
	if (len >= 2 && data[0] == MULTIPLEXED_0 && data[1] == MULTIPLEXED_1)
		return DEMUX_MULTIPLEXED;
	if (demux_is_channel(data, len))
		return owner == DEMUX_OF_RFC ? DEMUX_CHANNEL : DEMUX_STRAY;
	return DEMUX_JUNK;
}
