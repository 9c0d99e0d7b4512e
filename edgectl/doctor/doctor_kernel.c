/*
 * The doctor on the kernel: relay ports kept free of outgoing connections,
 * and what the sandbox builds on.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "edgectl/doctor/doctor.h"
#include "edgectl/doctor/doctor_read.h"

static struct str read_line(const char *path, char *room, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, room, cap) : 0;

	if (fd >= 0)
		close(fd);
	return (struct str){room, n > 0 ? (size_t)n : 0};
}

static void check_reserved(struct doctor *d)
{
	char room[8192];
	char todo[160];
	struct str list =
		read_line("/proc/sys/net/ipv4/ip_local_reserved_ports", room,
			sizeof(room));

	for (size_t i = 0; i < d->topology->media_count; i++) {
		const struct topology_media *m = &d->topology->media[i];
		const unsigned last = m->port + m->port_count - 1u;

		snprintf(todo, sizeof(todo),
			"sysctl -w net.ipv4.ip_local_reserved_ports=%u-%u, "
			"and the same in /etc/sysctl.d/sallyport.conf",
			m->port, last);
		if (doctor_ports_cover(list, m->port, m->port_count))
			doctor_add(d, DOCTOR_OK, "relay ports", NULL,
				"%u-%u are reserved", m->port, last);
		else
			doctor_add(d, DOCTOR_WARN, "relay ports", todo,
				"%u-%u are not reserved: outgoing connections "
				"of this host can sit on them",
				m->port, last);
	}
}

static void check_version(struct doctor *d)
{
	struct utsname name;
	unsigned major = 0;
	unsigned minor = 0;

	if (uname(&name) != 0 ||
		sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return;
	if (major < 5 || (major == 5 && minor < 7))
		doctor_add(d, DOCTOR_FAIL, "kernel", "run Linux 5.7 or later",
			"%s can't bind sockets to a device without rights: "
			"inside ports would be open outside",
			name.release);
	else
		doctor_add(d, DOCTOR_OK, "kernel", NULL, "Linux %s",
			name.release);
}

static void check_landlock(struct doctor *d)
{
	char room[512];
	struct str list =
		read_line("/sys/kernel/security/lsm", room, sizeof(room));

	if (list.n > 0 && !doctor_has_word(list, "landlock"))
		doctor_add(d, DOCTOR_WARN, "landlock",
			"add landlock to the kernel's lsm= list",
			"off: the daemons' view of files is not narrowed");
}

void doctor_kernel(struct doctor *d)
{
	check_version(d);
	check_landlock(d);
	if (d->topology != NULL)
		check_reserved(d);
}
