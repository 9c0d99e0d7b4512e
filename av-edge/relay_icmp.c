/*
 * The kernel keeps ICMP errors of a socket in a queue beside its data
 * (IP_RECVERR, ip(7)). An error is told when it is one of those that RFC
 * 8656 names, its peer has a permission, and not too many came: peers and
 * whoever forges ICMP must not make a client busy, nor us: for whom far too
 * many come, none are collected any more, and datagrams no longer meet them.
 * In [MS-TURN] there is no such message, so its sockets do not collect any.
 */
#include "av-edge/relay_icmp.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/buf.h"
#include "av-edge/relay_udp.h"

#define READ_MAX     16 /* a time */
#define TOLD_PER_S   5  /* to one client about one relay port */
/* To forge one, the number of a relay port is all that it takes. */
#define SEEN_PER_S   200

bool relay_icmp_is_told(uint8_t family, const struct relay_icmp *icmp)
{
	if (family == 4)
		return icmp->type == ICMP_DEST_UNREACH ||
		    icmp->type == ICMP_TIME_EXCEEDED;
	return icmp->type == ICMP6_DST_UNREACH ||
	    icmp->type == ICMP6_PACKET_TOO_BIG ||
	    icmp->type == ICMP6_TIME_EXCEEDED;
}

static bool has_mtu(uint8_t family, const struct relay_icmp *icmp)
{
	return family == 4 ? icmp->type == ICMP_DEST_UNREACH &&
	    icmp->code == ICMP_FRAG_NEEDED :
	    icmp->type == ICMP6_PACKET_TOO_BIG;
}

/* 18.13: sixteen bits reserved, seven of type, nine of code, then data. */
void relay_icmp_value(const struct relay_icmp *icmp, uint8_t out[static 8])
{
	buf_store_u32(out, (uint32_t)icmp->type << 9 | icmp->code);
	buf_store_u32(out + 4, icmp->data);
}

static void collect(const struct alloc *a, bool wants)
{
	const int on = wants;

	if (a->family == 4)
		(void)setsockopt(a->relay_fd, IPPROTO_IP, IP_RECVERR, &on,
			sizeof(on));
	else
		(void)setsockopt(a->relay_fd, IPPROTO_IPV6, IPV6_RECVERR, &on,
			sizeof(on));
}

void relay_icmp_watch(const struct alloc *a)
{
	/* Refused, the client only learns less. */
	collect(a, true);
}

/* ---- reading ----------------------------------------------------------- */

/* A datagram that does not fit is refused by our own host already. */
static bool read_local(uint8_t family, const struct sock_extended_err *e,
	struct relay_icmp *out)
{
	if (e->ee_errno != EMSGSIZE)
		return false;
	out->type = family == 4 ? ICMP_DEST_UNREACH : ICMP6_PACKET_TOO_BIG;
	out->code = family == 4 ? ICMP_FRAG_NEEDED : 0;
	out->data = e->ee_info;
	return true;
}

static bool read_error(uint8_t family, const struct sock_extended_err *e,
	struct relay_icmp *out)
{
	switch (e->ee_origin) {
	case SO_EE_ORIGIN_LOCAL:
		return read_local(family, e, out);
	case SO_EE_ORIGIN_ICMP:
	case SO_EE_ORIGIN_ICMP6:
		out->type = e->ee_type;
		out->code = e->ee_code;
		out->data = has_mtu(family, out) ? e->ee_info : 0;
		return relay_icmp_is_told(family, out);
	default:
		return false;
	}
}

static bool find_error(struct msghdr *h, uint8_t family,
	struct relay_icmp *out)
{
	struct sock_extended_err e;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if ((c->cmsg_level != IPPROTO_IP ||
			    c->cmsg_type != IP_RECVERR) &&
		    (c->cmsg_level != IPPROTO_IPV6 ||
			    c->cmsg_type != IPV6_RECVERR))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		return read_error(family, &e, out);
	}
	return false;
}

/* 1 = an error that is told, 0 = another one, < 0 = there is none. Of those
 * of our own host the kernel does not know the port. */
static int next_error(const struct alloc *a, const struct addr *refused,
	struct addr *peer, struct relay_icmp *out)
{
	union {
		struct cmsghdr align;
		char room[512];
	} control;
	struct sockaddr_storage name;
	struct msghdr h = {
		.msg_name = &name,
		.msg_namelen = sizeof(name),
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	if (recvmsg(a->relay_fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return -errno;
	if (!find_error(&h, a->family, out) ||
	    addr_from_sockaddr((struct sockaddr *)&name, h.msg_namelen,
		    peer) < 0)
		return 0;
	if (peer->port == 0 && refused != NULL)
		*peer = *refused;
	return peer->port != 0;
}

/* ---- telling ----------------------------------------------------------- */

/* False: it was one too many, and there will be no more. */
static bool note_seen(struct alloc *a, struct mono now)
{
	uint32_t second = (uint32_t)(now.ms / 1000);

	if (a->icmp_second != second) {
		a->icmp_second = second;
		a->icmp_seen = 0;
		a->icmp_told = 0;
	}
	if (++a->icmp_seen <= SEEN_PER_S)
		return true;
	collect(a, false);
	return false;
}

static bool may_tell(struct alloc *a)
{
	if (a->icmp_told == TOLD_PER_S)
		return false;
	a->icmp_told++;
	return true;
}

static void tell(struct shard *s, struct alloc *a, const struct addr *peer,
	const struct relay_icmp *icmp)
{
	uint8_t *room = shard_answer_room(s);
	uint8_t tid[STUN_TID_LEN], value[8];
	struct udp_out out = {.data = room};
	struct stun_writer w;
	int len;

	stun_tid_new(tid);
	relay_icmp_value(icmp, value);
	stun_write_begin(&w, &stun_rfc, room, TURN_ANSWER_MAX,
		STUN_INDICATION, STUN_DATA, tid);
	stun_write_addr(&w, STUN_PEER_ADDRESS, peer);
	stun_write_bytes(&w, STUN_ICMP, value, sizeof(value));
	len = stun_write_end(&w);
	if (len < 0)
		return;
	out.len = (size_t)len;
	s->answer_count++;
	if (relay_to_client(s, a, &out))
		stats_add(&s->turn.stats, AV_ICMP_TOLD, 1);
}

void relay_icmp_read(struct shard *s, struct alloc *a,
	const struct addr *refused)
{
	struct relay_icmp icmp = {0};
	struct addr peer;
	unsigned i;
	int found;

	for (i = 0; i < READ_MAX; i++) {
		found = next_error(a, refused, &peer, &icmp);
		if (found < 0 || !note_seen(a, s->turn.now))
			break;
		if (found > 0 &&
		    perm_has(&s->turn.perms, a, &peer, s->turn.now) &&
		    may_tell(a))
			tell(s, a, &peer, &icmp);
	}
}

/* ---- sending in one piece ---------------------------------------------- */

/* Per socket, not per datagram: who asks for it pays two calls more. */
static int set_whole(const struct alloc *a, bool is_whole)
{
	int v4 = is_whole ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;
	int v6 = is_whole ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_DONT;

	return (a->family == 4 ? setsockopt(a->relay_fd, IPPROTO_IP,
		IP_MTU_DISCOVER, &v4, sizeof(v4)) :
	    setsockopt(a->relay_fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6,
		sizeof(v6))) < 0 ? -errno : 0;
}

int relay_icmp_send_whole(const struct alloc *a, const struct addr *peer,
	struct str payload)
{
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(peer, &name);
	int err = set_whole(a, true);

	if (err == 0 && sendto(a->relay_fd, payload.p, payload.n,
		MSG_DONTWAIT, (struct sockaddr *)&name, len) < 0)
		err = -errno;
	(void)set_whole(a, false);
	return err;
}
