/*
 * From an address to a process: /proc/net/{tcp,udp}{,6} gives the inode of
 * the socket, the links in /proc/PID/fd give the process. Slow, only for
 * messages and `edgectl ports`.
 */
#include "common/net/port_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TCP_STATE_LISTEN 0x0a
#define UDP_STATE_OPEN   0x07

struct socket_row {
	struct addr local;
	unsigned state;
	uid_t uid;
	unsigned long inode;
};

/* The kernel prints each 32-bit word of the address in host order. */
static bool parse_local(const char *text, struct addr *out)
{
	const char *colon = strchr(text, ':');
	size_t words = colon != NULL ? (size_t)(colon - text) / 8 : 0;
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	uint32_t ip[4] = { 0 };
	unsigned port;
	size_t i;

	if (words != 1 && words != 4)
		return false;
	for (i = 0; i < words; i++) {
		char word[9];

		memcpy(word, text + 8 * i, 8);
		word[8] = '\0';
		ip[i] = (uint32_t)strtoul(word, NULL, 16);
	}
	port = (unsigned)strtoul(colon + 1, NULL, 16) & 0xffff;
	if (words == 1) {
		in4.sin_addr.s_addr = ip[0];
		in4.sin_port = htons((uint16_t)port);
		return addr_from_sockaddr((struct sockaddr *)&in4,
			sizeof(in4), out) == 0;
	}
	memcpy(&in6.sin6_addr, ip, sizeof(ip));
	in6.sin6_port = htons((uint16_t)port);
	return addr_from_sockaddr((struct sockaddr *)&in6, sizeof(in6),
		out) == 0;
}

/* Columns of a row, told apart by blanks. */
enum column {
	COLUMN_LOCAL = 1,
	COLUMN_STATE = 3,
	COLUMN_UID = 7,
	COLUMN_INODE = 9,
	COLUMN_COUNT,
};

static bool parse_row(char *line, struct socket_row *out)
{
	const char *columns[COLUMN_COUNT];
	char *rest = NULL;
	size_t i;

	for (i = 0; i < COLUMN_COUNT; i++) {
		columns[i] = strtok_r(i == 0 ? line : NULL, " \n", &rest);
		if (columns[i] == NULL)
			return false;
	}
	out->state = (unsigned)strtoul(columns[COLUMN_STATE], NULL, 16);
	out->uid = (uid_t)strtoul(columns[COLUMN_UID], NULL, 10);
	out->inode = strtoul(columns[COLUMN_INODE], NULL, 10);
	return parse_local(columns[COLUMN_LOCAL], &out->local);
}

static bool is_holder(const struct socket_row *row,
	const struct addr *address, bool is_udp)
{
	if (row->local.port != address->port || row->state !=
		(is_udp ? UDP_STATE_OPEN : TCP_STATE_LISTEN))
		return false;
	return addr_ip_eq(&row->local, address) || addr_is_any(&row->local) ||
		addr_is_any(address);
}

static int find_row(const char *path, const struct addr *address,
	bool is_udp, struct socket_row *out)
{
	FILE *f = fopen(path, "re");
	char line[512];
	int err = -ENOENT;

	if (f == NULL)
		return -errno;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (!parse_row(line, out) || !is_holder(out, address, is_udp))
			continue;
		err = 0;
		break;
	}
	fclose(f);
	return err;
}

static bool has_link_to(const char *fd_dir, unsigned long inode)
{
	char want[64];
	char path[512];
	char link[64];
	struct dirent *entry;
	bool found = false;
	DIR *dir = opendir(fd_dir);

	if (dir == NULL)
		return false;
	snprintf(want, sizeof(want), "socket:[%lu]", inode);
	while (!found && (entry = readdir(dir)) != NULL) {
		ssize_t n;

		snprintf(path, sizeof(path), "%s/%s", fd_dir, entry->d_name);
		n = readlink(path, link, sizeof(link) - 1);
		if (n <= 0)
			continue;
		link[n] = '\0';
		found = strcmp(link, want) == 0;
	}
	closedir(dir);
	return found;
}

static void read_name(pid_t pid, char *out, size_t cap)
{
	char path[64];
	FILE *f;

	out[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	if (fgets(out, (int)cap, f) != NULL)
		out[strcspn(out, "\n")] = '\0';
	fclose(f);
}

static void find_process(unsigned long inode, struct port_owner *out)
{
	struct dirent *entry;
	char path[64];
	DIR *proc = opendir("/proc");

	if (proc == NULL)
		return;
	while ((entry = readdir(proc)) != NULL) {
		long pid = strtol(entry->d_name, NULL, 10);

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%ld/fd", pid);
		if (!has_link_to(path, inode))
			continue;
		out->pid = (pid_t)pid;
		read_name(out->pid, out->name, sizeof(out->name));
		break;
	}
	closedir(proc);
}

int port_owner_find(const struct addr *address, bool is_udp,
	struct port_owner *out)
{
	static const char *const tables[2][2] = {
		{ "/proc/net/tcp", "/proc/net/tcp6" },
		{ "/proc/net/udp", "/proc/net/udp6" },
	};
	struct socket_row row = { .inode = 0 };
	int err = -ENOENT;
	size_t i;

	for (i = 0; i < 2 && err < 0; i++)
		err = find_row(tables[is_udp][i], address, is_udp, &row);
	if (err < 0)
		return -ENOENT;
	memset(out, 0, sizeof(*out));
	out->uid = row.uid;
	find_process(row.inode, out);
	return 0;
}

const char *port_owner_text(const struct port_owner *owner, char *out,
	size_t cap)
{
	if (owner->pid > 0)
		snprintf(out, cap, "pid %ld (%s)", (long)owner->pid,
			owner->name);
	else
		snprintf(out, cap, "a process of uid %lu ('edgectl doctor' "
			"as root names it)", (unsigned long)owner->uid);
	return out;
}
