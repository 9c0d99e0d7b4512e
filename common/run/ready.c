/*
 * What passes between us and the service manager: sd_notify(3) messages,
 * the watchdog period and sd_listen_fds(3) descriptors. This is about the
 * process as a whole and its environment, so the state is one static; it is
 * written by ready_init() alone but for the descriptors handed out.
 */
#include "common/run/ready.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/attr.h"
#include "common/base/str.h"

#define LISTEN_FD_FIRST 3
#define LISTEN_FDS_MAX  16
#define NAME_LEN        32

struct inherited {
	char name[NAME_LEN];
	int fd; /* -1 = handed out */
};

static struct ready {
	int notify_fd; /* connected, or -1 */
	int64_t watchdog_ms;
	struct inherited fds[LISTEN_FDS_MAX];
	size_t fd_count;
} ready = {.notify_fd = -1};

static bool env_number(const char *name, uint64_t *out)
{
	const char *text = getenv(name);

	return text != NULL && str_to_u64(str_of(text), out) == 0;
}

/* A variable that names a process is meant for that process alone. */
static bool is_for_us(const char *name)
{
	uint64_t pid;

	return env_number(name, &pid) && pid == (uint64_t)getpid();
}

static int notify_connect(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd;

	if ((path[0] != '/' && path[0] != '@') || len < 2 ||
		len >= sizeof(sun.sun_path))
		return -1;
	memcpy(sun.sun_path, path, len);
	if (path[0] == '@')
		sun.sun_path[0] = '\0'; /* the abstract name space */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&sun,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			    len)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void take_descriptors(void)
{
	struct str names = str_of(getenv("LISTEN_FDNAMES"));
	struct str name;
	uint64_t count;

	if (!is_for_us("LISTEN_PID") || !env_number("LISTEN_FDS", &count))
		return;
	if (count > LISTEN_FDS_MAX)
		count = LISTEN_FDS_MAX;
	for (size_t i = 0; i < count; i++) {
		struct inherited *in = &ready.fds[ready.fd_count];
		int fd = LISTEN_FD_FIRST + (int)i;

		if (!str_split(&names, ':', &name))
			name = STR_LIT("unknown");
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
			str_copy(name, in->name, sizeof(in->name)) < 0)
			continue;
		in->fd = fd;
		ready.fd_count++;
	}
}

void ready_init(void)
{
	static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC",
		"WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"};
	const char *path = getenv("NOTIFY_SOCKET");
	uint64_t period_us;

	if (ready.notify_fd >= 0)
		close(ready.notify_fd);
	ready = (struct ready){.notify_fd = -1};
	if (path != NULL)
		ready.notify_fd = notify_connect(path);
	if (env_number("WATCHDOG_USEC", &period_us) &&
		(getenv("WATCHDOG_PID") == NULL || is_for_us("WATCHDOG_PID")))
		ready.watchdog_ms = (int64_t)(period_us / 2000);
	take_descriptors();
	/* What we start must not think that it is meant. */
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		unsetenv(names[i]);
}

bool ready_has_manager(void)
{
	return ready.notify_fd >= 0;
}

void ready_notify(const char *state)
{
	if (ready.notify_fd < 0)
		return;
	/* A manager that does not read can't be helped from here; the
	 * watchdog's next message follows. */
	if (send(ready.notify_fd, state, strlen(state), MSG_NOSIGNAL) < 0)
		return;
}

int64_t ready_watchdog_ms(void)
{
	return ready.watchdog_ms;
}

int ready_take_fd(const char *name)
{
	for (size_t i = 0; i < ready.fd_count; i++) {
		struct inherited *in = &ready.fds[i];
		int fd = in->fd;

		if (fd < 0 || strcmp(in->name, name) != 0)
			continue;
		in->fd = -1;
		return fd;
	}
	return -1;
}

bool ready_is_journal(void)
{
	struct str text = str_of(getenv("JOURNAL_STREAM"));
	struct str device;
	uint64_t dev;
	uint64_t ino;
	struct stat st;

	/* "device:inode" of the stream that was connected to the journal;
	 * after a redirection stderr is another one. */
	if (!str_split(&text, ':', &device) || str_to_u64(device, &dev) < 0 ||
		str_to_u64(text, &ino) < 0 || fstat(STDERR_FILENO, &st) < 0)
		return false;
	return st.st_dev == dev && st.st_ino == ino;
}
