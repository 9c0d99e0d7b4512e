/*
 * Addresses to devices by getifaddrs(3), asked anew each time: addresses
 * move, and this runs only when a socket is opened.
 */
#include "common/net/device.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/err.h"

static socklen_t sockaddr_len(const struct sockaddr *sa)
{
	switch (sa->sa_family) {
	case AF_INET:
		return sizeof(struct sockaddr_in);
	case AF_INET6:
		return sizeof(struct sockaddr_in6);
	default:
		return 0;
	}
}

static bool entry_addr(const struct sockaddr *sa, struct addr *out)
{
	return sa != NULL && sockaddr_len(sa) != 0 &&
		addr_from_sockaddr(sa, sockaddr_len(sa), out) == 0;
}

/* Of loopback the kernel serves the whole prefix: 127.0.1.10 is on lo,
 * though only 127.0.0.1/8 is listed. */
static bool is_in_loopback_net(const struct ifaddrs *ifa,
	const struct addr *address, const struct addr *own)
{
	struct addr mask;
	size_t i;

	if ((ifa->ifa_flags & IFF_LOOPBACK) == 0 ||
		own->family != address->family ||
		!entry_addr(ifa->ifa_netmask, &mask))
		return false;
	for (i = own->family == 4 ? 12 : 0; i < sizeof(own->ip); i++) {
		if (((own->ip[i] ^ address->ip[i]) & mask.ip[i]) != 0)
			return false;
	}
	return true;
}

int net_device_of(const struct addr *address, char *out)
{
	struct ifaddrs *all = NULL;
	const struct ifaddrs *ifa;
	const struct ifaddrs *found = NULL;

	if (!addr_is_set(address) || addr_is_any(address))
		return -ENODEV;
	if (getifaddrs(&all) < 0)
		return -errno;
	for (ifa = all; ifa != NULL; ifa = ifa->ifa_next) {
		struct addr own;

		if (!entry_addr(ifa->ifa_addr, &own))
			continue;
		if (addr_ip_eq(&own, address)) {
			found = ifa;
			break;
		}
		if (found == NULL && is_in_loopback_net(ifa, address, &own))
			found = ifa;
	}
	if (found != NULL)
		snprintf(out, NET_DEVICE_LEN, "%s", found->ifa_name);
	freeifaddrs(all);
	return found != NULL ? 0 : -ENODEV;
}

bool net_same_device(const struct addr *a, const struct addr *b)
{
	char on_a[NET_DEVICE_LEN];
	char on_b[NET_DEVICE_LEN];

	return net_device_of(a, on_a) == 0 && net_device_of(b, on_b) == 0 &&
		strcmp(on_a, on_b) == 0;
}

const char *net_device_error(int err)
{
	return err == -ENODEV ? "no device of this host has it; set the "
				"address up or correct the topology" :
				err_text(err);
}

int net_bind_device(int fd, const struct addr *address, char *out)
{
	char name[NET_DEVICE_LEN];
	int err;

	err = net_device_of(address, name);
	if (err < 0)
		return err;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name,
		    (socklen_t)strlen(name) + 1) < 0)
		return -errno;
	if (out != NULL)
		snprintf(out, NET_DEVICE_LEN, "%s", name);
	return 0;
}
