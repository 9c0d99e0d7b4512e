/*
 * The doctor on routes: each address on a device, the two sides apart, the
 * way to the next hop inside, the default route outside, no forwarding.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/net/listener.h"
#include "edgectl/doctor/doctor.h"
#include "edgectl/doctor/doctor_read.h"

#define FILE_MAX 65536

static struct str read_file(const char *path, char *room, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, room, cap) : 0;

	if (fd >= 0)
		close(fd);
	return (struct str){room, n > 0 ? (size_t)n : 0};
}

/* Every address once. */
static void check_addresses(struct doctor *d)
{
	const struct topology *t = d->topology;

	for (size_t i = 0; i < t->listener_count; i++) {
		const struct topology_listener *l = &t->listeners[i];
		char text[ADDR_TEXT_LEN];
		char device[16];
		bool seen = false;

		for (size_t j = 0; j < i; j++)
			seen = seen ||
				addr_ip_eq(&t->listeners[j].address,
					&l->address);
		if (seen)
			continue;
		addr_ip_text(&l->address, text);
		if (net_device_of(&l->address, device) == 0)
			doctor_add(d, DOCTOR_OK, "address", NULL,
				"%s (%s) is on %s", text,
				topology_side_name(l->side), device);
		else
			doctor_add(d, DOCTOR_FAIL, "address",
				"ip address add it to the device of its side",
				"%s (%s) is on no device of this host", text,
				topology_side_name(l->side));
	}
}

static void check_sides(struct doctor *d,
	const struct topology_listener *inside,
	const struct topology_listener *outside)
{
	if (!net_same_device(&inside->address, &outside->address))
		doctor_add(d, DOCTOR_OK, "sides", NULL,
			"inside and outside are on different devices");
	else
		doctor_add(d, d->topology->lab ? DOCTOR_WARN : DOCTOR_FAIL,
			"sides", "give each side a device of its own",
			"sides not separated: one device carries both");
}

static void check_default(struct doctor *d,
	const struct topology_listener *inside,
	const struct topology_listener *outside)
{
	char room[FILE_MAX];
	struct str table = read_file("/proc/net/route", room, sizeof(room));
	char in[16] = "";
	char out[16] = "";
	char device[16];
	size_t n;

	if (d->topology->lab || net_device_of(&inside->address, in) != 0 ||
		net_device_of(&outside->address, out) != 0)
		return;
	for (n = 0; doctor_default_device(table, n, device); n++)
		if (strcmp(device, in) == 0)
			doctor_add(d, DOCTOR_FAIL, "default route",
				"one default route, outside; static routes "
				"for the inside's networks",
				"there is one on the inside device %s", in);
		else if (strcmp(device, out) == 0)
			doctor_add(d, DOCTOR_OK, "default route", NULL,
				"on the outside device %s", out);
	if (n == 0)
		doctor_add(d, DOCTOR_WARN, "default route",
			"ip route add default via the outside's gateway",
			"there is none: nobody beyond the outside network "
			"gets an answer");
}

static void check_forwarding(struct doctor *d)
{
	static const struct {
		const char *path;
		const char *todo;
		const char *what;
	} ROWS[] = {
		{"/proc/sys/net/ipv4/ip_forward",
			"sysctl -w net.ipv4.ip_forward=0, and the same in "
			"/etc/sysctl.d/sallyport.conf", "IPv4"},
		{"/proc/sys/net/ipv6/conf/all/forwarding",
			"sysctl -w net.ipv6.conf.all.forwarding=0, and the "
			"same in /etc/sysctl.d/sallyport.conf", "IPv6"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(ROWS) && !d->topology->lab; i++) {
		char room[16];
		struct str text = read_file(ROWS[i].path, room, sizeof(room));

		if (str_eq_z(str_trim(text), "1"))
			doctor_add(d, DOCTOR_FAIL, "forwarding", ROWS[i].todo,
				"this host passes %s packets between its "
				"sides", ROWS[i].what);
	}
}

void doctor_routes(struct doctor *d)
{
	const struct topology_listener *inside;
	const struct topology_listener *outside;

	if (d->topology == NULL)
		return;
	check_addresses(d);
	inside = topology_listener(d->topology, TOPOLOGY_SIP_INTERNAL,
		TOPOLOGY_INTERNAL);
	outside = topology_listener(d->topology, TOPOLOGY_SIP_CLIENT,
		TOPOLOGY_EXTERNAL);
	if (inside != NULL && outside != NULL) {
		check_sides(d, inside, outside);
		check_default(d, inside, outside);
	}
	check_forwarding(d);
}
