/*
 * What a receiver knows of an RTP stream: loss, duplicates, order, jitter
 * (RFC 3550 section 6.4.1 and A.8), one-way delay from the sender's clock
 * inside the payload. Pure.
 */
#ifndef EDGECTL_RTP_STATS_H
#define EDGECTL_RTP_STATS_H

#include <stdbool.h>
#include <stdint.h>

#define RTP_STATS_WINDOW 4096 /* packets that a duplicate is known for */

struct rtp_stats {
	bool is_started;
	uint32_t received; /* without duplicates */
	uint32_t duplicates;
	uint32_t reordered; /* came after a later one */
	uint16_t first_seq;
	uint16_t highest_seq;
	uint32_t cycles;    /* how often the number wrapped, times 65536 */
	int64_t transit_us; /* of the last packet */
	double jitter_us;
	int64_t delay_min_us;
	int64_t delay_max_us;
	int64_t delay_sum_us;
	uint8_t seen[RTP_STATS_WINDOW / 8];
};

/* One packet: its number, when it was sent and when it came. */
void rtp_stats_add(struct rtp_stats *s, uint16_t seq, int64_t sent_us,
	int64_t came_us);
/* Of `sent` packets, how many never came. */
uint32_t rtp_stats_lost(const struct rtp_stats *s, uint32_t sent);
double rtp_stats_jitter_ms(const struct rtp_stats *s);
double rtp_stats_delay_ms(const struct rtp_stats *s); /* mean */

#endif
