/*
 * Addresses by getifaddrs(3), routes by a netlink dump (rtnetlink(7)). Only
 * ordinary routes with a prefix count as inside: the default route of the
 * inside device leads to everybody.
 */
#include "av-edge/host_net.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/err.h"

#define ANSWER_LEN 32768

static int add_local(struct host_net *host, const struct addr *a)
{
	size_t cap = host->local_cap == 0 ? 16 : host->local_cap * 2;
	struct addr *grown;

	if (host->local_count == host->local_cap) {
		grown = realloc(host->locals, cap * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		host->locals = grown;
		host->local_cap = cap;
	}
	host->locals[host->local_count++] = addr_with_port(a, 0);
	return 0;
}

static int read_locals(struct host_net *host)
{
	struct ifaddrs *all = NULL, *it;
	struct addr a;
	int err = 0;

	if (getifaddrs(&all) < 0)
		return -errno;
	for (it = all; it != NULL && err == 0; it = it->ifa_next) {
		if (it->ifa_addr == NULL)
			continue;
		if (it->ifa_addr->sa_family != AF_INET &&
		    it->ifa_addr->sa_family != AF_INET6)
			continue;
		if (addr_from_sockaddr(it->ifa_addr,
			    sizeof(struct sockaddr_in6), &a) == 0)
			err = add_local(host, &a);
	}
	freeifaddrs(all);
	return err;
}

/* ---- routes ------------------------------------------------------------ */

static int ask_routes(int fd)
{
	struct {
		struct nlmsghdr head;
		struct rtmsg route;
	} ask = {
		.head = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
			.nlmsg_type = RTM_GETROUTE,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			.nlmsg_seq = 1,
		},
		.route = {.rtm_family = AF_UNSPEC},
	};

	return send(fd, &ask, ask.head.nlmsg_len, 0) < 0 ? -errno : 0;
}

struct route {
	const void *target;
	size_t target_len;
	bool is_inside; /* over that device, or over it too */
};

/* Where several ways lead there each has a device (rtnetlink(7)). */
static bool has_way(struct rtattr *ways, unsigned device)
{
	const uint8_t *at = RTA_DATA(ways);
	size_t left = RTA_PAYLOAD(ways), step;
	struct rtnexthop way;

	while (left >= sizeof(way)) {
		memcpy(&way, at, sizeof(way));
		if ((unsigned)way.rtnh_ifindex == device)
			return true;
		step = ((size_t)way.rtnh_len + 3) / 4 * 4; /* RTNH_ALIGN */
		if (step < sizeof(way) || step > left)
			break;
		at += step;
		left -= step;
	}
	return false;
}

static struct route attributes_of(struct nlmsghdr *head, struct rtmsg *msg,
	unsigned inside)
{
	struct rtattr *at = RTM_RTA(msg);
	int left = (int)RTM_PAYLOAD(head);
	struct route r = {0};
	unsigned device;

	for (; RTA_OK(at, left); at = RTA_NEXT(at, left)) {
		if (at->rta_type == RTA_DST) {
			r.target = RTA_DATA(at);
			r.target_len = RTA_PAYLOAD(at);
		} else if (at->rta_type == RTA_OIF &&
		    RTA_PAYLOAD(at) == sizeof(device)) {
			memcpy(&device, RTA_DATA(at), sizeof(device));
			r.is_inside |= device == inside;
		} else if (at->rta_type == RTA_MULTIPATH) {
			r.is_inside |= has_way(at, inside);
		}
	}
	return r;
}

static int add_route(struct host_net *host, struct nlmsghdr *head,
	unsigned inside)
{
	struct rtmsg *msg = NLMSG_DATA(head);
	struct route r = attributes_of(head, msg, inside);
	struct net_prefix net;
	struct addr a = {0};

	if (msg->rtm_type != RTN_UNICAST || msg->rtm_dst_len == 0 ||
	    !r.is_inside || r.target == NULL)
		return 0;
	if (msg->rtm_family == AF_INET && r.target_len == 4) {
		a.family = 4;
		a.ip[10] = a.ip[11] = 0xff;
		memcpy(a.ip + 12, r.target, 4);
	} else if (msg->rtm_family == AF_INET6 && r.target_len == 16) {
		a.family = 6;
		memcpy(a.ip, r.target, 16);
	} else {
		return 0;
	}
	net = net_prefix_of(&a, msg->rtm_dst_len);
	return netset_add(&host->inside, &net);
}

/* One answer of the dump; 1 = the last one. */
static int take_answer(struct host_net *host, struct nlmsghdr *head,
	unsigned len, unsigned inside)
{
	int err = 0;

	for (; NLMSG_OK(head, len) && err == 0; head = NLMSG_NEXT(head, len)) {
		if (head->nlmsg_type == NLMSG_DONE)
			return 1;
		if (head->nlmsg_type == NLMSG_ERROR)
			return -EIO;
		if (head->nlmsg_type == RTM_NEWROUTE)
			err = add_route(host, head, inside);
	}
	return err;
}

static int read_routes(struct host_net *host, unsigned inside)
{
	struct nlmsghdr *room = malloc(ANSWER_LEN);
	int fd, err = -ENOMEM;
	ssize_t n;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		err = -errno;
	if (fd < 0 || room == NULL)
		goto out;
	err = ask_routes(fd);
	while (err == 0) {
		n = recv(fd, room, ANSWER_LEN, 0);
		if (n < 0 && errno == EINTR)
			continue;
		err = n < 0 ? -errno :
			      take_answer(host, room, (unsigned)n, inside);
	}
	if (err > 0)
		err = 0;
out:
	if (fd >= 0)
		close(fd);
	free(room);
	return err;
}

int host_net_read(struct host_net *out, const char *inside_device)
{
	struct host_net host = {0};
	unsigned inside;
	int err;

	netset_init(&host.inside);
	err = read_locals(&host);
	if (err == 0 && inside_device[0] != '\0') {
		inside = if_nametoindex(inside_device);
		err = inside == 0 ? -errno : read_routes(&host, inside);
	}
	if (err < 0) {
		host_net_fini(&host);
		return err;
	}
	*out = host;
	return 0;
}

void host_net_fini(struct host_net *host)
{
	free(host->locals);
	netset_fini(&host->inside);
	memset(host, 0, sizeof(*host));
}

bool host_net_is_local(const struct host_net *host, const struct addr *a)
{
	size_t i;

	for (i = 0; i < host->local_count; i++)
		if (addr_ip_eq(&host->locals[i], a))
			return true;
	return false;
}

/* ---- watching ---------------------------------------------------------- */

int host_net_watch_open(void)
{
	struct sockaddr_nl name = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR |
		    RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
		    RTMGRP_IPV6_ROUTE,
	};
	int fd, err;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
		NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

bool host_net_watch_drain(int fd)
{
	bool has_changed = false;
	char room[4096];
	ssize_t n;

	/* What changed is read anew; ENOBUFS means that much did. */
	do {
		n = recv(fd, room, sizeof(room), MSG_DONTWAIT);
		if (n > 0 || (n < 0 && errno == ENOBUFS))
			has_changed = true;
	} while (n > 0 || (n < 0 && (errno == EINTR || errno == ENOBUFS)));
	return has_changed;
}
