/* Counting one stream. Packets themselves are probe_srtp.c's. */
#include <string.h>

#include "edgectl/probe/rtp_stats.h"

/* Mark and tell whether it was marked. Slots ahead of the highest number
 * are wiped as the window moves on. */
static bool was_seen(struct rtp_stats *s, uint16_t seq)
{
	const unsigned slot = seq % RTP_STATS_WINDOW;
	const uint8_t bit = (uint8_t)(1u << (slot % 8));
	const bool seen = (s->seen[slot / 8] & bit) != 0;

	s->seen[slot / 8] |= bit;
	return seen;
}

static void forget(struct rtp_stats *s, uint16_t seq)
{
	const unsigned slot = seq % RTP_STATS_WINDOW;

	s->seen[slot / 8] &= (uint8_t) ~(1u << (slot % 8));
}

static void advance(struct rtp_stats *s, uint16_t seq)
{
	const uint16_t ahead = (uint16_t)(seq - s->highest_seq);

	if (ahead == 0 || ahead >= 0x8000)
		return;
	if (seq < s->highest_seq)
		s->cycles += 0x10000;
	for (uint16_t i = 1; i <= ahead && i <= RTP_STATS_WINDOW; i++)
		forget(s, (uint16_t)(s->highest_seq + i));
	s->highest_seq = seq;
}

static void start(struct rtp_stats *s, uint16_t seq, int64_t transit_us)
{
	s->is_started = true;
	s->first_seq = seq;
	s->highest_seq = seq;
	s->transit_us = transit_us;
	s->delay_min_us = transit_us;
	s->delay_max_us = transit_us;
}

void rtp_stats_add(struct rtp_stats *s, uint16_t seq, int64_t sent_us,
	int64_t came_us)
{
	const int64_t transit_us = came_us - sent_us;
	int64_t d;

	if (!s->is_started)
		start(s, seq, transit_us);
	else if ((uint16_t)(s->highest_seq - seq) - 1u < 0x7fff)
		s->reordered++;
	advance(s, seq);
	if (was_seen(s, seq)) {
		if (seq != s->highest_seq && s->reordered > 0)
			s->reordered--;
		s->duplicates++;
		return;
	}
	s->received++;
	d = transit_us - s->transit_us;
	s->transit_us = transit_us;
	s->jitter_us += ((double)(d < 0 ? -d : d) - s->jitter_us) / 16.0;
	s->delay_sum_us += transit_us;
	if (transit_us < s->delay_min_us)
		s->delay_min_us = transit_us;
	if (transit_us > s->delay_max_us)
		s->delay_max_us = transit_us;
}

uint32_t rtp_stats_lost(const struct rtp_stats *s, uint32_t sent)
{
	return sent > s->received ? sent - s->received : 0;
}

double rtp_stats_jitter_ms(const struct rtp_stats *s)
{
	return s->jitter_us / 1000.0;
}

double rtp_stats_delay_ms(const struct rtp_stats *s)
{
	if (s->received == 0)
		return 0;
	return (double)s->delay_sum_us / s->received / 1000.0;
}
