/*
 * The folders of the generation store. Those from topology/ on belong to an
 * unprivileged user, who could put a link to anywhere in root's way: root
 * goes down by descriptors, follows no link, and changes owner and mode of
 * what it holds open alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/store/generation.h"
#include "common/store/generation_dir.h"

#define FOLDER_MODE 0750

int generation_open_below(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* It must be the one that was made a moment ago: its owner-to-be may already
 * write where it is. */
static int give_folder(int fd, uid_t uid, gid_t gid)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid())
		return -EPERM;
	/* Not the umask's business; and root makes for others. */
	if ((geteuid() == 0 && fchown(fd, uid, gid) < 0) ||
		fchmod(fd, FOLDER_MODE) < 0)
		return -errno;
	return 0;
}

/* Make it where it is missing. Gives a descriptor or a negative code. */
static int make_folder(int dir_fd, const char *name, uid_t uid, gid_t gid)
{
	bool is_new = mkdirat(dir_fd, name, 0700) == 0;
	int err = is_new || errno == EEXIST ? 0 : -errno;
	int fd;

	if (err < 0)
		return err;
	fd = generation_open_below(dir_fd, name);
	if (fd < 0 || !is_new)
		return fd;
	err = give_folder(fd, uid, gid);
	if (err < 0) {
		close(fd);
		return err;
	}
	return fd;
}

/* gen and stage belong to whom their parent belongs to. */
static int make_below(int dir_fd)
{
	static const char *const BELOW[] = {"gen", "stage"};
	struct stat st;

	if (fstat(dir_fd, &st) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_COUNT(BELOW); i++) {
		int fd = make_folder(dir_fd, BELOW[i], st.st_uid, st.st_gid);

		if (fd < 0)
			return fd;
		close(fd);
	}
	return 0;
}

static int open_state_dir(const char *state_dir)
{
	int fd;

	if (mkdir(state_dir, 0755) == 0) {
		if (chmod(state_dir, 0755) < 0) /* umask */
			return -errno;
	} else if (errno != EEXIST) {
		return -errno;
	}
	fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int generation_make_folders(const char *state_dir, uid_t uid, gid_t gid,
	struct why *why)
{
	int state_fd = open_state_dir(state_dir);
	int dir_fd = state_fd;
	int err;

	if (state_fd >= 0) {
		dir_fd = make_folder(state_fd, "topology", uid, gid);
		close(state_fd);
	}
	err = dir_fd < 0 ? dir_fd : make_below(dir_fd);
	if (dir_fd >= 0)
		close(dir_fd);
	if (err < 0)
		return why_set(why, err,
			"%s%s: cannot make the folders of the topology: %s%s",
			state_dir, state_fd < 0 ? "" : "/topology",
			err_text(err), err == -EACCES ? ": are you root?" : "");
	return 0;
}
