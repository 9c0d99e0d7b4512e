/*
 * Opening relay ports. Leaner than udp_open() in common/net: the device was
 * looked up once, when the rules were made, because this runs for every
 * allocation.
 */
#include "av-edge/relay_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Device and address, for both kinds. */
static int bind_to(int fd, const struct rules_media *media, uint16_t port)
{
	struct addr at = addr_with_port(&media->bind, port);
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(&at, &name);
	const int on = 1;

	if (media->device[0] != '\0' &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, media->device,
		    (socklen_t)strlen(media->device)) < 0)
		return -errno;
	if (at.family == 6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -errno;
	return bind(fd, (struct sockaddr *)&name, len) < 0 ? -errno : 0;
}

static int set_up(int fd, const struct rules_media *media, uint16_t port)
{
	const int on = 1, v4 = IP_PMTUDISC_DONT, v6 = IPV6_PMTUDISC_DONT;

	/* Without it runs come apart, that is all. */
	(void)setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on));
	/* RFC 8656 14: no DF bit where the client does not ask for it. */
	if (media->bind.family == 4)
		(void)setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &v4,
			sizeof(v4));
	else
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6,
			sizeof(v6));
	return bind_to(fd, media, port);
}

/* What is left of former connections of this port must not keep it
 * (SO_REUSEADDR), a socket of somebody else must: so that connecting sockets
 * may share it is said only once it is ours. */
static int set_up_tcp(int fd, const struct rules_media *media, uint16_t port)
{
	const int on = 1;
	int err;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	err = bind_to(fd, media, port);
	if (err < 0)
		return err;
	return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ?
		-errno : 0;
}

typedef int(setter)(int fd, const struct rules_media *media, uint16_t port);

static int open_as(int type, setter *set, const struct rules_media *media,
	uint16_t port)
{
	int fd, err;

	fd = socket(media->bind.family == 6 ? AF_INET6 : AF_INET,
		type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = set(fd, media, port);
	if (err < 0) {
		close(fd);
		return err;
	}
	return fd;
}

int relay_socket_open(const struct rules_media *media, uint16_t port)
{
	return open_as(SOCK_DGRAM, set_up, media, port);
}

int relay_socket_open_tcp(const struct rules_media *media, uint16_t port)
{
	return open_as(SOCK_STREAM, set_up_tcp, media, port);
}
