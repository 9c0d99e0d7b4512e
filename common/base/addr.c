/*
 * Addresses as values: text, socket address, compare, hash, and what an
 * IPv6 address with an embedded IPv4 address really means. No look-ups of
 * names, no knowledge of which addresses are good (netset.c).
 */
#include "common/base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"

static const uint8_t MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct addr addr_of_ip4(const uint8_t ip4[static 4], uint16_t port)
{
	struct addr a = {.port = port, .family = 4};

	memcpy(a.ip, MAPPED, sizeof(MAPPED));
	memcpy(a.ip + 12, ip4, 4);
	return a;
}

bool addr_is_set(const struct addr *a)
{
	return a->family != 0;
}

bool addr_is_any(const struct addr *a)
{
	static const uint8_t ZERO[16];
	struct addr c = addr_canonical(a);

	if (c.family == 4)
		return memcmp(c.ip + 12, ZERO, 4) == 0;
	return c.family == 6 && memcmp(c.ip, ZERO, 16) == 0;
}

bool addr_is_loopback(const struct addr *a)
{
	static const uint8_t ONE[16] = {[15] = 1};
	struct addr c = addr_canonical(a);

	if (c.family == 4)
		return c.ip[12] == 127;
	return c.family == 6 && memcmp(c.ip, ONE, 16) == 0;
}

int addr_parse_ip(struct str text, struct addr *out)
{
	char buf[INET6_ADDRSTRLEN];
	struct addr a = {.family = 6};
	uint8_t ip4[4];

	if (str_copy(text, buf, sizeof(buf)) != 0)
		return EDGE_EMALFORMED;
	if (inet_pton(AF_INET, buf, ip4) == 1)
		a = addr_of_ip4(ip4, 0);
	else if (inet_pton(AF_INET6, buf, a.ip) != 1)
		return EDGE_EMALFORMED;
	*out = a;
	return 0;
}

static int parse_port(struct str text, uint16_t *out)
{
	uint32_t port;

	if (text.n > 5 || str_to_u32(text, &port) != 0 || port > UINT16_MAX)
		return EDGE_EMALFORMED;
	*out = (uint16_t)port;
	return 0;
}

/* Cut "host:port", "[host]:port", "[host]" or "host" in two; without a
 * port, port->p is NULL. */
static int cut(struct str text, struct str *host, struct str *port)
{
	size_t colon;

	*port = (struct str){NULL, 0};
	if (str_starts(text, "[")) {
		size_t end = str_find(text, ']');

		if (end == text.n)
			return EDGE_EMALFORMED;
		*host = (struct str){text.p + 1, end - 1};
		text = str_skip(text, end + 1);
		if (text.n == 0)
			return 0;
		if (text.p[0] != ':')
			return EDGE_EMALFORMED;
		*port = str_skip(text, 1);
		return 0;
	}
	*host = text;
	colon = str_find(text, ':');
	if (colon < text.n && str_find(str_skip(text, colon + 1), ':') ==
			text.n - colon - 1) {
		/* Exactly one colon: no IPv6 address has so few. */
		host->n = colon;
		*port = str_skip(text, colon + 1);
	}
	return 0;
}

int addr_parse(struct str text, struct addr *out)
{
	struct str host, port;
	struct addr a;
	int err = cut(text, &host, &port);

	if (err == 0)
		err = addr_parse_ip(host, &a);
	if (err == 0 && str_starts(text, "[") && a.family != 6)
		err = EDGE_EMALFORMED;
	if (err == 0 && port.p != NULL)
		err = parse_port(port, &a.port);
	if (err == 0)
		*out = a;
	return err;
}

int addr_parse_z(const char *text, uint16_t port, struct addr *out)
{
	struct addr a;
	int err = addr_parse(str_of(text), &a);

	if (err != 0)
		return err;
	if (a.port == 0)
		a.port = port;
	*out = a;
	return 0;
}

const char *addr_ip_text(const struct addr *a,
	char out[static ADDR_TEXT_LEN])
{
	const char *text = NULL;

	if (a->family == 4)
		text = inet_ntop(AF_INET, a->ip + 12, out, ADDR_TEXT_LEN);
	else if (a->family == 6)
		text = inet_ntop(AF_INET6, a->ip, out, ADDR_TEXT_LEN);
	if (text == NULL)
		memcpy(out, "-", 2);
	return out;
}

const char *addr_text(const struct addr *a, char out[static ADDR_TEXT_LEN])
{
	char ip[ADDR_TEXT_LEN];

	addr_ip_text(a, ip);
	if (a->family == 0)
		memcpy(out, "-", 2);
	else
		snprintf(out, ADDR_TEXT_LEN, a->family == 6 ? "[%.45s]:%u" :
			"%.45s:%u", ip, (unsigned)a->port);
	return out;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool addr_ip_eq(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, 16) == 0;
}

int addr_cmp(const struct addr *a, const struct addr *b)
{
	int d = memcmp(a->ip, b->ip, 16);

	if (d == 0)
		d = a->port - b->port;
	if (d == 0)
		d = a->family - b->family;
	return d;
}

struct addr addr_with_port(const struct addr *a, uint16_t port)
{
	struct addr copy = *a;

	copy.port = port;
	return copy;
}

int addr_from_sockaddr(const struct sockaddr *sa, socklen_t len,
	struct addr *out)
{
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;

	if (sa == NULL || len < sizeof(sa->sa_family))
		return -EAFNOSUPPORT;
	if (sa->sa_family == AF_INET && len >= sizeof(in4)) {
		memcpy(&in4, sa, sizeof(in4));
		*out = addr_of_ip4((const uint8_t *)&in4.sin_addr,
			ntohs(in4.sin_port));
		return 0;
	}
	if (sa->sa_family == AF_INET6 && len >= sizeof(in6)) {
		memcpy(&in6, sa, sizeof(in6));
		*out = (struct addr){.port = ntohs(in6.sin6_port),
			.family = 6};
		memcpy(out->ip, &in6.sin6_addr, 16);
		return 0;
	}
	return -EAFNOSUPPORT;
}

socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (a->family == 4) {
		struct sockaddr_in *in4 = (struct sockaddr_in *)out;

		in4->sin_family = AF_INET;
		in4->sin_port = htons(a->port);
		memcpy(&in4->sin_addr, a->ip + 12, 4);
		return sizeof(*in4);
	}
	if (a->family == 6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(a->port);
		memcpy(&in6->sin6_addr, a->ip, 16);
		return sizeof(*in6);
	}
	out->ss_family = AF_UNSPEC;
	return sizeof(out->ss_family);
}

/* Both halves of the 128-bit product, folded. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t addr_hash(const struct addr *a, uint64_t seed)
{
	uint64_t high = buf_load_u64(a->ip);
	uint64_t low = buf_load_u64(a->ip + 8);
	uint64_t rest = (uint64_t)a->port << 8 | a->family;
	uint64_t s = mix(seed ^ 0x9e3779b97f4a7c15u, 0xd6e8feb86659fd93u);

	/* The seed goes into each factor: whoever does not know it can't
	 * steer a product to 0. */
	return mix(mix(high ^ seed, low ^ s) ^ s, rest ^ seed ^
		0xa0761d6478bd642fu);
}

/* Where the IPv4 address lies inside a's 16 bytes, or -1: none inside. */
static int embedded_at(const uint8_t ip[16])
{
	static const uint8_t ZERO[12];
	static const uint8_t NAT64[12] = {0x00, 0x64, 0xff, 0x9b};
	static const uint8_t TRANSLATED[12] = {[8] = 0xff, [9] = 0xff};

	if (memcmp(ip, MAPPED, 12) == 0)
		return 12; /* RFC 4291 2.5.5.2 */
	if (memcmp(ip, TRANSLATED, 12) == 0)
		return 12; /* RFC 2765 2.1, SIIT */
	if (memcmp(ip, NAT64, 12) == 0)
		return 12; /* RFC 6052 2.1 */
	if (ip[0] == 0x20 && ip[1] == 0x02)
		return 2; /* RFC 3056 2, 6to4 */
	if (memcmp(ip, ZERO, 12) == 0) {
		/* RFC 4291 2.5.5.1, but :: and ::1 are themselves. */
		return buf_load_u32(ip + 12) > 1 ? 12 : -1;
	}
	/* RFC 5214 6.1, ISATAP: ::[02]00:5efe:a.b.c.d under any prefix. */
	if ((ip[8] & 0xfd) == 0 && ip[9] == 0 && ip[10] == 0x5e &&
		ip[11] == 0xfe)
		return 12;
	return -1;
}

struct addr addr_canonical(const struct addr *a)
{
	int at;

	if (a->family != 6)
		return *a;
	at = embedded_at(a->ip);
	return at < 0 ? *a : addr_of_ip4(a->ip + at, a->port);
}
