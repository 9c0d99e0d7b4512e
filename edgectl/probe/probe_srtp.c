/*
 * Packets of the synthetic call: RTP header (RFC 3550 section 5.1), 160
 * bytes of payload, of which the first 16 carry a number and the sender's
 * clock; protection by libsrtp2 (decision D12: the relay itself never opens
 * media).
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <srtp2/srtp.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/rand.h"
#include "edgectl/probe/probe_srtp.h"

#define RTP_HEADER_LEN 12
#define PAYLOAD_LEN    160 /* 20 ms at 8,000 samples a second */
#define HEAD_LEN       16
#define MARK           0x53504c54u /* before the clock: our packet */
#define TONE_HZ        425.0
#define RATE_HZ        8000.0

struct probe_srtp {
	srtp_t out;
	srtp_t in;
	uint32_t ssrc;
	uint16_t seq;
	uint32_t timestamp;
	uint32_t sent;
	uint32_t refused;
	uint32_t garbled;
	struct rtp_stats stats;
};

/* G.711 µ-law of one linear sample (ITU-T G.711, table 2a). */
static uint8_t mu_law(int sample)
{
	const int sign = sample < 0 ? 0x80 : 0;
	int magnitude = (sample < 0 ? -sample : sample) + 132;
	int exponent = 7;

	if (magnitude > 32767)
		magnitude = 32767;
	while (exponent > 0 && (magnitude & (0x80 << exponent)) == 0)
		exponent--;
	return (uint8_t) ~(
		sign | exponent << 4 | ((magnitude >> (exponent + 3)) & 0x0f));
}

/* The tone at this place of the stream: both ends can work it out. */
static uint8_t tone(uint32_t sample)
{
	const double turn = fmod(sample * TONE_HZ / RATE_HZ, 1.0);

	return mu_law((int)lrint(8000.0 * sin(2.0 * M_PI * turn)));
}

static int refuse(struct why *why, srtp_err_status_t status)
{
	return why_set(why, -EIO, "libsrtp2: error %d", (int)status);
}

int probe_srtp_open(struct why *why)
{
	srtp_err_status_t status = srtp_init();

	return status == srtp_err_status_ok ? 0 : refuse(why, status);
}

void probe_srtp_close(void)
{
	srtp_shutdown();
}

static srtp_err_status_t open_session(srtp_t *session,
	srtp_ssrc_type_t direction, const uint8_t *key)
{
	uint8_t copy[PROBE_SRTP_KEY_LEN];
	srtp_policy_t policy;

	memcpy(copy, key, sizeof(copy));
	memset(&policy, 0, sizeof(policy));
	srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
	srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
	policy.ssrc.type = direction;
	policy.key = copy;
	policy.window_size = 1024;
	return srtp_create(session, &policy);
}

int probe_srtp_new(struct probe_srtp **out,
	const uint8_t local_key[PROBE_SRTP_KEY_LEN],
	const uint8_t remote_key[PROBE_SRTP_KEY_LEN], struct why *why)
{
	struct probe_srtp *s = calloc(1, sizeof(*s));
	srtp_err_status_t status;

	if (s == NULL)
		return -ENOMEM;
	status = open_session(&s->out, ssrc_any_outbound, local_key);
	if (status == srtp_err_status_ok)
		status = open_session(&s->in, ssrc_any_inbound, remote_key);
	if (status != srtp_err_status_ok) {
		probe_srtp_free(s);
		return refuse(why, status);
	}
	s->ssrc = rand_u32();
	s->seq = (uint16_t)rand_below(0x8000);
	s->timestamp = rand_u32();
	*out = s;
	return 0;
}

void probe_srtp_free(struct probe_srtp *s)
{
	if (s == NULL)
		return;
	if (s->out != NULL)
		srtp_dealloc(s->out);
	if (s->in != NULL)
		srtp_dealloc(s->in);
	free(s);
}

int probe_srtp_next(struct probe_srtp *s, uint8_t room[static PROBE_SRTP_ROOM])
{
	struct wbuf w = wbuf_of(room, PROBE_SRTP_ROOM);
	int len;

	wbuf_u8(&w, 0x80); /* version 2 */
	wbuf_u8(&w, 0);    /* payload type 0, PCMU */
	wbuf_u16(&w, s->seq);
	wbuf_u32(&w, s->timestamp);
	wbuf_u32(&w, s->ssrc);
	wbuf_u32(&w, MARK);
	wbuf_u32(&w, s->sent);
	wbuf_u64(&w, mono_now_us());
	for (uint32_t i = HEAD_LEN; i < PAYLOAD_LEN; i++)
		wbuf_u8(&w, tone(s->timestamp + i));
	if (!wbuf_ok(&w))
		return EDGE_ETOOBIG;
	len = (int)w.len;
	if (srtp_protect(s->out, room, &len) != srtp_err_status_ok)
		return -EIO;
	s->seq++;
	s->timestamp += PAYLOAD_LEN;
	s->sent++;
	return len;
}

static bool sounds_right(const uint8_t *payload, uint32_t timestamp)
{
	for (uint32_t i = HEAD_LEN; i < PAYLOAD_LEN; i++)
		if (payload[i] != tone(timestamp + i))
			return false;
	return true;
}

static int take_plain(struct probe_srtp *s, const uint8_t *data, size_t len)
{
	struct rbuf r = rbuf_of(data, len);
	uint16_t seq;
	uint32_t timestamp;
	uint64_t clock_us;

	rbuf_skip(&r, 2);
	seq = rbuf_u16(&r);
	timestamp = rbuf_u32(&r);
	rbuf_skip(&r, 4);
	if (rbuf_left(&r) != PAYLOAD_LEN || rbuf_u32(&r) != MARK) {
		s->refused++;
		return EDGE_EMALFORMED;
	}
	rbuf_skip(&r, 4);
	clock_us = rbuf_u64(&r);
	if (!sounds_right(data + RTP_HEADER_LEN, timestamp))
		s->garbled++;
	rtp_stats_add(&s->stats, seq, (int64_t)clock_us,
		(int64_t)mono_now_us());
	return 0;
}

int probe_srtp_take(struct probe_srtp *s, const uint8_t *data, size_t len)
{
	/* libsrtp2 works in place and on aligned words. */
	_Alignas(8) uint8_t copy[PROBE_SRTP_ROOM];
	int plain_len = (int)len;
	srtp_err_status_t status;

	if (len < RTP_HEADER_LEN || len > sizeof(copy)) {
		s->refused++;
		return EDGE_EMALFORMED;
	}
	memcpy(copy, data, len);
	status = srtp_unprotect(s->in, copy, &plain_len);
	if (status == srtp_err_status_replay_fail) {
		s->stats.duplicates++;
		return 0;
	}
	if (status != srtp_err_status_ok) {
		s->refused++;
		return EDGE_EFORGED;
	}
	return take_plain(s, copy, (size_t)plain_len);
}

uint32_t probe_srtp_sent(const struct probe_srtp *s)
{
	return s->sent;
}

uint32_t probe_srtp_refused(const struct probe_srtp *s)
{
	return s->refused;
}

uint32_t probe_srtp_garbled(const struct probe_srtp *s)
{
	return s->garbled;
}

const struct rtp_stats *probe_srtp_stats(const struct probe_srtp *s)
{
	return &s->stats;
}
