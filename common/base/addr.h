/*
 * A socket address as a value. The address is kept as 16 bytes (IPv4 as
 * ::ffff:a.b.c.d), the port in host order, so that two addresses are equal
 * exactly when their bytes are; what an IPv6 literal with an embedded IPv4
 * address *means* is decided by addr_canonical().
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct addr {
	uint8_t ip[16];
	uint16_t port;
	uint8_t family; /* 4, 6, or 0 = unset */
	uint8_t zero;   /* always 0, so that the struct has no padding */
};

/* Room for addr_text() with brackets, port and NUL. */
#define ADDR_TEXT_LEN 56

bool addr_is_set(const struct addr *a);
bool addr_is_any(const struct addr *a);
bool addr_is_loopback(const struct addr *a);

/* Numeric text only: "192.0.2.1", "2001:db8::1", "[2001:db8::1]"; with a
 * port as "192.0.2.1:5061" or "[2001:db8::1]:5061". EDGE_EMALFORMED. */
EDGE_MUST int addr_parse(struct str text, struct addr *out);
/* An address alone: no port, no brackets. */
EDGE_MUST int addr_parse_ip(struct str text, struct addr *out);
/* As addr_parse(); port is for a text that names none. */
EDGE_MUST int addr_parse_z(const char *text, uint16_t port, struct addr *out);

/* "192.0.2.1:5061" / "[2001:db8::1]:5061". Returns out. */
const char *addr_text(const struct addr *a, char out[static ADDR_TEXT_LEN]);
/* Without port and brackets. Returns out. */
const char *addr_ip_text(const struct addr *a,
	char out[static ADDR_TEXT_LEN]);

bool addr_eq(const struct addr *a, const struct addr *b);    /* with port */
bool addr_ip_eq(const struct addr *a, const struct addr *b); /* without */
int addr_cmp(const struct addr *a, const struct addr *b);
struct addr addr_with_port(const struct addr *a, uint16_t port);
struct addr addr_of_ip4(const uint8_t ip4[static 4], uint16_t port);

EDGE_MUST int addr_from_sockaddr(const struct sockaddr *sa, socklen_t len,
	struct addr *out);
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out);

/* A fast hash for tables of the data path; seed is secret per process. */
uint64_t addr_hash(const struct addr *a, uint64_t seed);

/*
 * What a packet to this address would really reach: IPv4 in IPv6 forms
 * (mapped ::ffff:0:0/96, translated ::ffff:0:0:0/96, compatible ::/96, 6to4
 * 2002::/16, NAT64 64:ff9b::/96, ISATAP) become the IPv4 address, everything
 * else stays. Idempotent. Threat T3.
 */
struct addr addr_canonical(const struct addr *a);

#endif
