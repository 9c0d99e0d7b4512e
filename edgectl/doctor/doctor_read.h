/* Small readings of files and tables that the doctor decides by. Pure. */
#ifndef EDGECTL_DOCTOR_READ_H
#define EDGECTL_DOCTOR_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "common/base/str.h"

/* Would the mode let this user read the file, pass through the folder? */
#define DOCTOR_READ 04u
#define DOCTOR_PASS 01u
bool doctor_may(const struct stat *st, unsigned how, uid_t uid, gid_t gid,
	const gid_t *groups, size_t group_count);

/* Does a list such as "1024,50000-59999" (ip_local_reserved_ports) hold
 * every port from first on? */
bool doctor_ports_cover(struct str list, uint32_t first, uint32_t count);

/* The n-th device of /proc/net/route with a default route. */
bool doctor_default_device(struct str table, size_t n, char device[static 16]);

/* One of the words of a comma-separated list. */
bool doctor_has_word(struct str list, const char *word);

#endif
