/*
 * Opening a datagram socket: device, buffers, receive offload. What goes
 * through it is its owner's affair.
 */
#include "common/net/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/net/device.h"
#include "common/net/port_owner.h"

static int refuse(const struct udp_spec *spec, int err, struct why *why)
{
	char at[ADDR_TEXT_LEN];
	struct port_owner owner;
	char text[96];

	addr_text(&spec->address, at);
	if (err == -EADDRINUSE && why != NULL &&
		port_owner_find(&spec->address, true, &owner) == 0)
		return why_set(why, err, "port %s/udp is in use by %s", at,
			port_owner_text(&owner, text, sizeof(text)));
	if (err == -EADDRNOTAVAIL)
		return why_set(why, err, "port %s/udp: no device of this host "
			"has that address; see `ip address`", at);
	return why_set(why, err, "port %s/udp: %s", at, err_text(err));
}

static int switch_on(int fd, int level, int name)
{
	int on = 1;

	return setsockopt(fd, level, name, &on, sizeof(on)) < 0 ? -errno : 0;
}

/* Asking beyond net.core.*mem_max is cut by the kernel; root goes beyond. */
static void set_buffer(int fd, int name, int force_name, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, force_name, &bytes, sizeof(bytes)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, name, &bytes, sizeof(bytes));
}

static int set_options(int fd, const struct udp_spec *spec, struct why *why)
{
	char at[ADDR_TEXT_LEN];
	int err = 0;

	if (spec->reuse_port)
		err = switch_on(fd, SOL_SOCKET, SO_REUSEPORT);
	if (err == 0 && spec->address.family == 6)
		err = switch_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	if (err < 0)
		return refuse(spec, err, why);
	if (spec->bind_device) {
		err = net_bind_device(fd, &spec->address, NULL);
		if (err < 0)
			return why_set(why, err, "port %s/udp: can't be bound "
				"to the device of its address: %s",
				addr_text(&spec->address, at),
				net_device_error(err));
	}
	if (spec->buffer_bytes > 0) {
		set_buffer(fd, SO_RCVBUF, SO_RCVBUFFORCE, spec->buffer_bytes);
		set_buffer(fd, SO_SNDBUF, SO_SNDBUFFORCE, spec->buffer_bytes);
	}
	/* Without GRO each datagram comes alone: slower, not wrong. */
	if (spec->gro)
		(void)switch_on(fd, IPPROTO_UDP, UDP_GRO);
	return 0;
}

int udp_open(const struct udp_spec *spec, struct why *why)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int err;
	int fd;

	fd = socket(spec->address.family == 6 ? AF_INET6 : AF_INET,
		SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return refuse(spec, -errno, why);
	err = set_options(fd, spec, why);
	if (err < 0)
		goto fail;
	len = addr_to_sockaddr(&spec->address, &ss);
	if (bind(fd, (struct sockaddr *)&ss, len) < 0) {
		err = refuse(spec, -errno, why);
		goto fail;
	}
	return fd;
fail:
	close(fd);
	return err;
}
