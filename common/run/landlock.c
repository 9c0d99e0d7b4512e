/*
 * The file part of the sandbox. The kernel's interface grew version by
 * version (ABI 1 to 7 so far); rights and structures newer than Debian's
 * header are spelled out here, so that a newer kernel gives its full
 * protection to the same binary. Network rules are not used: the ports come
 * with topologies that are not known yet.
 */
#include "common/run/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>

#include "common/base/err.h"

#define ACCESS_FS_TRUNCATE  (1ULL << 14) /* ABI 3 */
#define ACCESS_FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define SCOPE_ABSTRACT_UNIX (1ULL << 0)  /* ABI 6 */
#define SCOPE_SIGNAL        (1ULL << 1)  /* ABI 6 */

/* struct landlock_ruleset_attr as of ABI 6; older kernels take a shorter
 * one, which is what attr_size() says. */
struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

#define ABI_1_RIGHTS ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define READ_RIGHTS \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_RIGHTS                                                      \
	(READ_RIGHTS | LANDLOCK_ACCESS_FS_WRITE_FILE |                    \
		LANDLOCK_ACCESS_FS_REMOVE_DIR |                           \
		LANDLOCK_ACCESS_FS_REMOVE_FILE |                          \
		LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
		LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_SYM | \
		LANDLOCK_ACCESS_FS_REFER | ACCESS_FS_TRUNCATE)
/* What makes sense for a single file; the kernel refuses the others. */
#define FILE_RIGHTS                                            \
	(LANDLOCK_ACCESS_FS_READ_FILE |                        \
		LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_FS_TRUNCATE)

/* Everything this ABI can forbid. */
static uint64_t rights_of(unsigned abi)
{
	uint64_t rights = ABI_1_RIGHTS;

	if (abi >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		rights |= ACCESS_FS_TRUNCATE;
	if (abi >= 5)
		rights |= ACCESS_FS_IOCTL_DEV;
	return rights;
}

static size_t attr_size(unsigned abi)
{
	if (abi < 4)
		return sizeof(uint64_t);
	if (abi < 6)
		return 2 * sizeof(uint64_t);
	return sizeof(struct ruleset_attr);
}

/* 0 = none: not built in, not switched on, or kept from us by a container
 * whose own filter is older than Landlock. */
static unsigned abi_version(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0,
		LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (unsigned)abi : 0;
}

static int add_path(int ruleset, uint64_t handled,
	const struct sandbox_path *path, struct why *why)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = path->access == SANDBOX_WRITE
			? WRITE_RIGHTS
			: READ_RIGHTS,
	};
	struct stat st;
	int err = 0;

	rule.parent_fd = open(path->path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0) /* not there, or not ours to see */
		return 0;
	if (fstat(rule.parent_fd, &st) < 0)
		err = -errno;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= FILE_RIGHTS;
	rule.allowed_access &= handled;
	if (err == 0 &&
		syscall(SYS_landlock_add_rule, ruleset,
			LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		err = -errno;
	close(rule.parent_fd);
	if (err < 0)
		return why_set(why, err, "landlock: %s: %s", path->path,
			err_text(err));
	return 0;
}

int landlock_enter(const struct sandbox_path *paths, size_t count,
	unsigned *abi, struct why *why)
{
	struct ruleset_attr attr = {0};
	unsigned version = abi_version();
	int ruleset;
	int err = 0;

	*abi = 0;
	if (version == 0)
		return 0;
	attr.handled_access_fs = rights_of(version);
	if (version >= 6)
		attr.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr,
		attr_size(version), 0);
	if (ruleset < 0) {
		err = -errno;
		return why_set(why, err, "landlock: %s", err_text(err));
	}
	for (size_t i = 0; i < count && err == 0; i++)
		err = add_path(ruleset, attr.handled_access_fs, &paths[i], why);
	if (err == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0) {
		err = -errno;
		why_set(why, err, "landlock: %s", err_text(err));
	}
	close(ruleset);
	if (err == 0)
		*abi = version;
	return err;
}
