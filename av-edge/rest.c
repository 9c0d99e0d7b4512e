/*
 * The rate is taken over windows of a few milliseconds, so that the first
 * packets of a call never wait: a rest needs a window that was busy. A turn
 * that was full leaves packets waiting in the sockets; then a rest would
 * only add delay.
 */
#include "av-edge/rest.h"

#define WINDOW_US   4000
#define BUSY_PER_MS 8
#define FULL_TURN   512

uint32_t rest_after_turn(struct rest *rest, uint32_t packets,
	uint64_t now_us, uint32_t max_us)
{
	uint64_t elapsed_us = now_us - rest->since_us;

	rest->packets += packets;
	if (elapsed_us >= WINDOW_US) {
		rest->per_ms =
		    (uint32_t)(rest->packets * 1000 / elapsed_us);
		rest->since_us = now_us;
		rest->packets = 0;
	}
	if (rest->per_ms < BUSY_PER_MS || packets >= FULL_TURN)
		return 0;
	return max_us;
}
