/* Readings without side effects, so that fixtures can test them. */
#include <stdio.h>
#include <string.h>

#include "edgectl/doctor/doctor_read.h"

bool doctor_may(const struct stat *st, unsigned how, uid_t uid, gid_t gid,
	const gid_t *groups, size_t group_count)
{
	bool in_group = st->st_gid == gid;

	if (uid == 0)
		return true;
	if (st->st_uid == uid)
		return (st->st_mode >> 6 & how) != 0;
	for (size_t i = 0; i < group_count; i++)
		in_group = in_group || st->st_gid == groups[i];
	if (in_group)
		return (st->st_mode >> 3 & how) != 0;
	return (st->st_mode & how) != 0;
}

bool doctor_ports_cover(struct str list, uint32_t first, uint32_t count)
{
	uint32_t next = first; /* lowest port not yet seen */
	struct str rest = str_trim(list);
	struct str part;

	/* The kernel prints the list sorted. */
	while (str_split(&rest, ',', &part)) {
		struct str low = {part.p, str_find(part, '-')};
		struct str high =
			low.n < part.n ? str_skip(part, low.n + 1) : low;
		uint32_t a;
		uint32_t b;

		if (str_to_u32(str_trim(low), &a) != 0 ||
			str_to_u32(str_trim(high), &b) != 0)
			continue;
		if (a <= next && b >= next)
			next = b + 1;
	}
	return next >= first + count;
}

bool doctor_default_device(struct str table, size_t n, char device[static 16])
{
	struct str line;
	char copy[256];
	char name[16];
	unsigned long destination;
	unsigned long mask;

	while (str_split(&table, '\n', &line)) {
		if (str_copy(line, copy, sizeof(copy)) != 0 ||
			sscanf(copy,
				"%15s %lx %*x %*x %*u %*u %*u "
				"%lx",
				name, &destination, &mask) != 3)
			continue;
		if (destination != 0 || mask != 0 || n-- > 0)
			continue;
		memcpy(device, name, sizeof(name));
		return true;
	}
	return false;
}

bool doctor_has_word(struct str list, const char *word)
{
	struct str rest = str_trim(list);
	struct str part;

	while (str_split(&rest, ',', &part))
		if (str_eq_z(str_trim(part), word))
			return true;
	return false;
}
