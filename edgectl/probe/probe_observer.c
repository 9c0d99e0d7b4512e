/*
 * The observer's socket. Only its own Binding and tokens it waits for mean
 * anything to it.
 */
#include "edgectl/probe/probe_observer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/net/udp.h"
#include "common/stun/stun_msg.h"

#define ROOM      1500
#define RTO_MS    300
#define SENDS_MAX 4

struct probe_observer {
	struct probe *probe;
	int fd;
	struct loop_fd *watch; /* owned */
	uint8_t tid[STUN_TID_LEN];
	struct addr mapped; /* unset until the Binding is answered */
	const uint8_t *awaited; /* token, NULL = none */
	struct addr from;       /* of the awaited token */
};

static void take(struct probe_observer *o, const uint8_t *data, size_t len,
	const struct addr *from)
{
	struct stun_msg m;

	if (o->awaited != NULL && len == PROBE_TOKEN_LEN &&
		memcmp(data, o->awaited, len) == 0) {
		o->from = *from;
		o->awaited = NULL;
		return;
	}
	if (stun_is_rfc(data, len) &&
		stun_parse(&m, &stun_rfc, data, len) == 0 &&
		m.class == STUN_SUCCESS &&
		memcmp(m.tid, o->tid, STUN_TID_LEN) == 0 &&
		stun_addr(&m, STUN_XOR_MAPPED_ADDRESS, &o->mapped) != 0)
		memset(&o->mapped, 0, sizeof(o->mapped));
}

static void on_readable(unsigned ready, void *arg)
{
	struct probe_observer *o = arg;
	struct sockaddr_storage sa;
	uint8_t data[ROOM];
	struct addr from;

	(void)ready;
	for (unsigned i = 0; i < 64; i++) {
		socklen_t sa_len = sizeof(sa);
		ssize_t n = recvfrom(o->fd, data, sizeof(data), MSG_DONTWAIT,
			(struct sockaddr *)&sa, &sa_len);

		if (n < 0)
			return;
		if (addr_from_sockaddr((struct sockaddr *)&sa, sa_len, &from) ==
			0)
			take(o, data, (size_t)n, &from);
	}
}

static void send_to(const struct probe_observer *o, const struct addr *to,
	const uint8_t *data, size_t len)
{
	struct sockaddr_storage sa;
	socklen_t sa_len = addr_to_sockaddr(to, &sa);

	/* What is lost is asked for again, or missed. */
	if (sendto(o->fd, data, len, MSG_DONTWAIT, (struct sockaddr *)&sa,
		    sa_len) < 0)
		return;
}

static bool is_mapped(void *arg)
{
	const struct probe_observer *o = arg;

	return addr_is_set(&o->mapped);
}

static int bind_address(struct probe_observer *o, const struct addr *server,
	struct why *why)
{
	struct stun_writer w;
	uint8_t room[ROOM];
	int err = -ETIMEDOUT;
	int len;

	stun_tid_new(o->tid);
	stun_write_begin(&w, &stun_rfc, room, sizeof(room), STUN_REQUEST,
		STUN_BINDING, o->tid);
	stun_write_fingerprint(&w);
	len = stun_write_end(&w);
	if (len < 0)
		return len;
	for (unsigned i = 0; i < SENDS_MAX && err != 0; i++) {
		send_to(o, server, room, (size_t)len);
		err = probe_wait(o->probe, RTO_MS << i, is_mapped, o);
	}
	return err == 0 ? 0 : why_set(why, err,
		"no answer to a STUN Binding over UDP");
}

int probe_observer_new(struct probe_observer **out, struct probe *probe,
	const struct addr *local, const struct addr *server, struct why *why)
{
	struct probe_observer *o = calloc(1, sizeof(*o));
	struct udp_spec udp = {.address = *local};
	int err = 0;

	if (o == NULL)
		return -ENOMEM;
	o->probe = probe;
	o->fd = -1;
	if (!addr_is_set(&udp.address))
		err = addr_parse_z(server->family == 6 ? "::" : "0.0.0.0", 0,
			&udp.address);
	if (err == 0) {
		o->fd = udp_open(&udp, why);
		err = o->fd < 0 ? o->fd : 0;
	}
	if (err == 0)
		err = loop_fd_new(&o->watch, probe->loop, o->fd, LOOP_READ,
			on_readable, o);
	if (err == 0)
		err = bind_address(o, server, why);
	if (err != 0) {
		probe_observer_free(o);
		return err;
	}
	*out = o;
	return 0;
}

void probe_observer_free(struct probe_observer *o)
{
	if (o == NULL)
		return;
	loop_fd_free(o->watch);
	if (o->fd >= 0)
		close(o->fd);
	free(o);
}

const struct addr *probe_observer_mapped(const struct probe_observer *o)
{
	return &o->mapped;
}

void probe_observer_send(struct probe_observer *o, const struct addr *to,
	const uint8_t token[static PROBE_TOKEN_LEN])
{
	send_to(o, to, token, PROBE_TOKEN_LEN);
}

static bool has_come(void *arg)
{
	const struct probe_observer *o = arg;

	return o->awaited == NULL;
}

int probe_observer_await(struct probe_observer *o,
	const uint8_t token[static PROBE_TOKEN_LEN], int64_t limit_ms,
	struct addr *from)
{
	int err;

	o->awaited = token;
	err = probe_wait(o->probe, limit_ms, has_come, o);
	if (err == 0)
		*from = o->from;
	o->awaited = NULL;
	return err;
}
