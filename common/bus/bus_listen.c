/*
 * Making a listening Unix socket. The supervisor does it for the daemons it
 * starts; a daemon started by hand does it for itself, while it has rights.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/bus/bus_server.h"

#define BACKLOG 64

/* A socket file that nobody answers at is left over from a process that was
 * killed. Anything else at this path is not ours to remove. */
static int remove_stale(int fd, const struct sockaddr_un *sun,
	struct why *why)
{
	struct stat st;

	if (lstat(sun->sun_path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return why_set(why, -EEXIST,
			"%s: is there and is no socket; move it away",
			sun->sun_path);
	if (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0)
		return why_set(why, -EADDRINUSE,
			"%s: another process answers there; stop it first",
			sun->sun_path);
	if (errno == ECONNREFUSED && unlink(sun->sun_path) < 0)
		return why_set(why, -errno, "%s: can't be removed: %s",
			sun->sun_path, err_text(-errno));
	return 0;
}

/* Nobody may connect between bind and the final mode. */
static int bind_closed(int fd, const struct sockaddr_un *sun, gid_t group)
{
	const mode_t mask = umask(0777);
	mode_t mode = 0660;
	int err = 0;

	if (bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0)
		err = -errno;
	umask(mask);
	if (err < 0)
		return err;
	/* Without our groups, or without the right to give it to them, it is
	 * for our own user alone. */
	if (group == (gid_t)-1 || lchown(sun->sun_path, -1, group) < 0)
		mode = 0600;
	if (chmod(sun->sun_path, mode) < 0 || listen(fd, BACKLOG) < 0)
		err = -errno;
	return err;
}

static int new_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

int bus_listen(const char *path, gid_t group, struct why *why)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const size_t len = strlen(path);
	int probe = -1;
	int fd = -1;
	int err;

	if (len >= sizeof(sun.sun_path))
		return why_set(why, EDGE_ETOOBIG,
			"%s: a socket's path has at most %zu characters; "
			"choose a shorter run_dir",
			path, sizeof(sun.sun_path) - 1);
	memcpy(sun.sun_path, path, len);
	probe = new_socket();
	fd = new_socket();
	if (probe < 0 || fd < 0) {
		err = why_set(why, -errno, "%s: %s", path, err_text(-errno));
		goto out;
	}
	err = remove_stale(probe, &sun, why);
	if (err < 0)
		goto out;
	err = bind_closed(fd, &sun, group);
	if (err < 0) {
		why_set(why, err, "%s: %s; does the folder exist, and may "
			"we write there?", path, err_text(err));
		goto out;
	}
	err = fd;
	fd = -1;
out:
	if (probe >= 0)
		close(probe);
	if (fd >= 0)
		close(fd);
	return err;
}
