/*
 * A name server on loopback for tests: answers SRV, NAPTR and A from a
 * table, on the test's own loop. Needs <check.h>.
 */
#ifndef TEST_DNS_STUB_H
#define TEST_DNS_STUB_H

#include <arpa/inet.h>
#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/addr.h"
#include "common/run/loop.h"

#define DNS_STUB_ROWS 32

struct dns_stub_row {
	char name[256];
	char target[256]; /* SRV and NAPTR */
	char service[16]; /* NAPTR */
	char flag[2];
	char ip[64];      /* A */
	uint16_t priority;
	uint16_t port;
	uint32_t ttl_s;
};

struct dns_stub {
	int fd;
	struct loop_fd *watch;
	struct addr at;
	struct dns_stub_row rows[DNS_STUB_ROWS];
	size_t count;
	size_t asked;     /* questions heard */
	bool is_silent;   /* hears and says nothing */
};

static inline size_t dns_stub_name(uint8_t *out, const char *name)
{
	size_t at = 0;

	while (*name != '\0') {
		size_t n = strcspn(name, ".");

		out[at++] = (uint8_t)n;
		memcpy(out + at, name, n);
		at += n;
		name += n + (name[n] == '.');
	}
	out[at++] = 0;
	return at;
}

static inline void dns_stub_u16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* One answer behind at; 0 when the row does not answer this question. */
static inline size_t dns_stub_put(const struct dns_stub_row *r,
	const char *name, unsigned type, uint8_t *p)
{
	const unsigned own = r->service[0] != '\0' ? 35 :
		r->target[0] != '\0' ? 33 : 1;
	size_t n = 12, len;

	if (strcasecmp(r->name, name) != 0 || type != own)
		return 0;
	dns_stub_u16(p, 0xc00c);
	dns_stub_u16(p + 2, type);
	dns_stub_u16(p + 4, 1);
	dns_stub_u16(p + 6, r->ttl_s >> 16);
	dns_stub_u16(p + 8, r->ttl_s & 0xffff);
	if (type == 33) {
		dns_stub_u16(p + 12, r->priority);
		dns_stub_u16(p + 14, 10);
		dns_stub_u16(p + 16, r->port);
		len = 6 + dns_stub_name(p + 18, r->target);
	} else if (type == 35) {
		dns_stub_u16(p + 12, r->priority);
		dns_stub_u16(p + 14, 10);
		len = 4 + (size_t)sprintf((char *)p + 16, "%c%s%c%s", 1,
			r->flag, (int)strlen(r->service), r->service);
		p[12 + len++] = 0; /* no regular expression */
		len += dns_stub_name(p + 12 + len, r->target);
	} else {
		ck_assert_int_eq(inet_pton(AF_INET, r->ip, p + 12), 1);
		len = 4;
	}
	dns_stub_u16(p + 10, (unsigned)len);
	return n + len;
}

static inline void dns_stub_on_fd(unsigned ready, void *arg)
{
	struct dns_stub *d = arg;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	uint8_t p[1500];
	char name[256] = "";
	size_t at = 12, answers = 0, end;
	unsigned type;
	ssize_t n = recvfrom(d->fd, p, 512, 0, (struct sockaddr *)&from,
		&len);

	(void)ready;
	if (n < 17)
		return;
	d->asked++;
	while (at < (size_t)n && p[at] != 0) {
		snprintf(name + strlen(name), sizeof(name) - strlen(name),
			"%s%.*s", name[0] != '\0' ? "." : "", p[at],
			(const char *)p + at + 1);
		at += p[at] + 1u;
	}
	type = (unsigned)p[at + 1] << 8 | p[at + 2];
	end = at + 5;
	if (d->is_silent)
		return;
	for (size_t i = 0; i < d->count; i++) {
		size_t more = dns_stub_put(&d->rows[i], name, type, p + end);

		end += more;
		answers += more > 0;
	}
	p[2] = 0x81;
	p[3] = answers > 0 ? 0x80 : 0x83; /* NXDOMAIN */
	dns_stub_u16(p + 4, 1);
	dns_stub_u16(p + 6, (unsigned)answers);
	dns_stub_u16(p + 8, 0);
	dns_stub_u16(p + 10, 0);
	sendto(d->fd, p, end, 0, (struct sockaddr *)&from, len);
}

static inline void dns_stub_open(struct dns_stub *d, struct loop *loop,
	const char *ip)
{
	struct sockaddr_storage ss;
	socklen_t len;

	memset(d, 0, sizeof(*d));
	ck_assert_int_eq(addr_parse_z(ip, 0, &d->at), 0);
	d->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0);
	len = addr_to_sockaddr(&d->at, &ss);
	ck_assert_int_eq(bind(d->fd, (struct sockaddr *)&ss, len), 0);
	len = sizeof(ss);
	getsockname(d->fd, (struct sockaddr *)&ss, &len);
	ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&ss, len,
		&d->at), 0);
	ck_assert_int_eq(loop_fd_new(&d->watch, loop, d->fd, LOOP_READ,
		dns_stub_on_fd, d), 0);
}

static inline void dns_stub_close(struct dns_stub *d)
{
	loop_fd_free(d->watch);
	close(d->fd);
}

static inline struct dns_stub_row *dns_stub_row(struct dns_stub *d,
	const char *name)
{
	struct dns_stub_row *r = &d->rows[d->count++];

	ck_assert_uint_le(d->count, DNS_STUB_ROWS);
	memset(r, 0, sizeof(*r));
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->ttl_s = 300;
	return r;
}

static inline void dns_stub_a(struct dns_stub *d, const char *name,
	const char *ip)
{
	snprintf(dns_stub_row(d, name)->ip, 64, "%s", ip);
}

static inline struct dns_stub_row *dns_stub_srv(struct dns_stub *d,
	const char *name, const char *target, uint16_t port)
{
	struct dns_stub_row *r = dns_stub_row(d, name);

	snprintf(r->target, sizeof(r->target), "%s", target);
	r->port = port;
	return r;
}

static inline struct dns_stub_row *dns_stub_naptr(struct dns_stub *d,
	const char *name, const char *service, const char *target)
{
	struct dns_stub_row *r = dns_stub_row(d, name);

	snprintf(r->service, sizeof(r->service), "%s", service);
	snprintf(r->flag, sizeof(r->flag), "s");
	snprintf(r->target, sizeof(r->target), "%s", target);
	return r;
}

#endif
