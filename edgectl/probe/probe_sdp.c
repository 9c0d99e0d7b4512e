/* Session descriptions, line by line. Only what a call of ours needs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/rand.h"
#include "edgectl/probe/probe_sdp.h"

#define SUITE "AES_CM_128_HMAC_SHA1_80"
/* Relay type preference 0, component 1 (RFC 8445 section 5.1.2). */
#define PRIORITY ((0u << 24) + (65535u << 8) + 255u)

void probe_sdp_init(struct probe_sdp *sdp, const struct addr *relay,
	const struct addr *reflexive)
{
	memset(sdp, 0, sizeof(*sdp));
	sdp->relay = *relay;
	sdp->reflexive = *reflexive;
	rand_token(sdp->ufrag, 8);
	rand_token(sdp->pwd, 24);
	rand_bytes(sdp->srtp_key, sizeof(sdp->srtp_key));
	sdp->has_key = true;
}

char *probe_sdp_print(const struct probe_sdp *sdp)
{
	char relay[ADDR_TEXT_LEN];
	char reflexive[ADDR_TEXT_LEN];
	char key[64];
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	const int version = sdp->relay.family == 6 ? 6 : 4;

	if (to == NULL)
		return NULL;
	addr_ip_text(&sdp->relay, relay);
	addr_ip_text(&sdp->reflexive, reflexive);
	digest_b64(sdp->srtp_key, sizeof(sdp->srtp_key), key);
	fprintf(to,
		"v=0\r\n"
		"o=- %u 1 IN IP%d %s\r\n"
		"s=-\r\n"
		"c=IN IP%d %s\r\n"
		"t=0 0\r\n"
		"m=audio %u RTP/SAVP 0\r\n"
		"a=rtpmap:0 PCMU/8000\r\n"
		"a=ptime:20\r\n"
		"a=crypto:1 " SUITE " inline:%s\r\n"
		"a=ice-ufrag:%s\r\n"
		"a=ice-pwd:%s\r\n"
		"a=candidate:1 1 udp %u %s %u typ relay raddr %s rport %u\r\n"
		"a=rtcp-mux\r\n"
		"a=sendrecv\r\n",
		rand_u32() >> 1, version, relay, version, relay,
		sdp->relay.port, key, sdp->ufrag, sdp->pwd, PRIORITY, relay,
		sdp->relay.port, reflexive, sdp->reflexive.port);
	digest_wipe(key, sizeof(key));
	if (fclose(to) == 0)
		return text;
	free(text);
	return NULL;
}

static int take_key(struct probe_sdp *out, struct str value)
{
	struct str rest = value;
	struct str tag;
	struct str suite;
	struct str key;
	size_t len = 0;

	if (!str_split(&rest, ' ', &tag) || !str_split(&rest, ' ', &suite) ||
		!str_eq_z(suite, SUITE) || !str_starts(rest, "inline:"))
		return EDGE_EMALFORMED;
	rest = str_skip(rest, strlen("inline:"));
	/* Behind '|': lifetime and index, which we do not use. */
	if (!str_split(&rest, '|', &key) ||
		digest_unb64(key, out->srtp_key, sizeof(out->srtp_key), &len) !=
			0)
		return EDGE_EMALFORMED;
	out->has_key = len == sizeof(out->srtp_key);
	return out->has_key ? 0 : EDGE_EMALFORMED;
}

/* foundation component transport priority address port typ type ... */
static int take_candidate(struct probe_sdp *out, struct str value)
{
	struct str words[8];
	struct str rest = value;
	uint32_t port;
	size_t n = 0;

	while (n < ARRAY_COUNT(words) && str_split(&rest, ' ', &words[n]))
		n++;
	if (n < 8 || !str_eq_z(words[6], "typ"))
		return EDGE_EMALFORMED;
	if (!str_eq_z(words[1], "1") || !str_ieq_z(words[2], "udp") ||
		!str_eq_z(words[7], "relay"))
		return 0; /* a candidate of another kind: not ours */
	if (addr_parse(words[4], &out->relay) != 0 ||
		str_to_u32(words[5], &port) != 0 || port == 0 || port > 65535)
		return EDGE_EMALFORMED;
	out->relay.port = (uint16_t)port;
	return 0;
}

static int take_line(struct probe_sdp *out, struct str line)
{
	static const char CRYPTO[] = "a=crypto:";
	static const char UFRAG[] = "a=ice-ufrag:";
	static const char PWD[] = "a=ice-pwd:";
	static const char CANDIDATE[] = "a=candidate:";

	if (str_starts(line, CRYPTO))
		return take_key(out, str_skip(line, sizeof(CRYPTO) - 1));
	if (str_starts(line, UFRAG))
		return str_copy(str_skip(line, sizeof(UFRAG) - 1), out->ufrag,
			sizeof(out->ufrag));
	if (str_starts(line, PWD))
		return str_copy(str_skip(line, sizeof(PWD) - 1), out->pwd,
			sizeof(out->pwd));
	if (str_starts(line, CANDIDATE))
		return take_candidate(out,
			str_skip(line, sizeof(CANDIDATE) - 1));
	return 0;
}

int probe_sdp_parse(struct probe_sdp *out, struct str text, struct why *why)
{
	struct str line;

	memset(out, 0, sizeof(*out));
	while (str_split(&text, '\n', &line)) {
		line = str_trim(line);
		if (take_line(out, line) != 0)
			return why_set(why, EDGE_EMALFORMED,
				"the session description has a bad line: "
				"%.*s",
				STR_ARG(line));
	}
	if (!addr_is_set(&out->relay))
		return why_set(why, EDGE_EMALFORMED,
			"the session description "
			"has no relay candidate");
	if (out->ufrag[0] == '\0' || out->pwd[0] == '\0')
		return why_set(why, EDGE_EMALFORMED,
			"the session description "
			"has no ICE credentials");
	if (!out->has_key)
		return why_set(why, EDGE_EMALFORMED,
			"the session description "
			"has no SRTP key");
	return 0;
}
