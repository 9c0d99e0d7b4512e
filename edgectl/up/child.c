/*
 * A daemon as a child process. The service manager's protocols towards it
 * (sd_notify(3), sd_listen_fds(3)), so that a daemon is the same under
 * systemd and under `edgectl up`. Which daemons there are is cmd_up.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/rand.h"
#include "edgectl/up/backoff.h"
#include "edgectl/up/child.h"

#define START_LIMIT_MS    20000
#define WATCHDOG_LIMIT_MS 20000
#define LISTEN_FDS_START  3

struct child {
	const char *name;
	char *path;
	char *conf_path;
	const char *log_level;
	int bus_fd;
	int admin_fd;
	struct loop *loop;
	struct loop_timer *timer; /* owned; its meaning is the state's */
	child_cb *cb;
	void *arg;
	enum child_state state;
	pid_t pid;
	struct mono started;
	struct mono alive; /* last word to the watchdog */
	struct backoff backoff;
	unsigned starts;
	bool was_ready;
	int notify_fd;                  /* owned */
	struct loop_fd *notify_watch;   /* owned */
	struct sockaddr_un notify_name; /* "" = not bound */
};

static const char *const STATE_NAMES[] = {
	[CHILD_IDLE] = "idle",
	[CHILD_STARTING] = "starting",
	[CHILD_READY] = "ready",
	[CHILD_WAITING] = "waiting",
	[CHILD_STOPPING] = "stopping",
};

/* The only writer of state; timers belong to states. */
static void set_state(struct child *c, enum child_state state, int64_t timer_ms,
	const char *event)
{
	log_debug("child.changed", "child=%s from=%s to=%s event=%s", c->name,
		STATE_NAMES[c->state], STATE_NAMES[state], event);
	c->state = state;
	loop_timer_stop(c->timer);
	if (timer_ms > 0)
		loop_timer_start(c->timer, timer_ms);
}

static void on_timer(void *arg)
{
	struct child *c = arg;
	int64_t silent_ms;

	switch (c->state) {
	case CHILD_IDLE:
		break;
	case CHILD_WAITING:
		child_start(c);
		break;
	case CHILD_STARTING:
		log_error("child.late",
			"child=%s pid=%d limit_ms=%d "
			"reason=\"not ready in time, killed\"",
			c->name, (int)c->pid, START_LIMIT_MS);
		kill(c->pid, SIGKILL);
		break;
	case CHILD_READY:
		silent_ms = mono_since_ms(c->alive, mono_now());
		if (silent_ms < WATCHDOG_LIMIT_MS) {
			loop_timer_start(c->timer,
				WATCHDOG_LIMIT_MS - silent_ms);
			break;
		}
		log_error("child.hung", "child=%s pid=%d silent_ms=%lld",
			c->name, (int)c->pid, (long long)silent_ms);
		kill(c->pid, SIGKILL);
		break;
	case CHILD_STOPPING:
		log_warning("child.killed",
			"child=%s pid=%d "
			"reason=\"did not end in time\"",
			c->name, (int)c->pid);
		kill(c->pid, SIGKILL);
		break;
	}
}

static void take_line(struct child *c, const char *line)
{
	if (strcmp(line, "WATCHDOG=1") == 0) {
		c->alive = mono_now();
		return;
	}
	if (strcmp(line, "READY=1") != 0 || c->state != CHILD_STARTING)
		return;
	c->alive = mono_now();
	c->was_ready = true;
	set_state(c, CHILD_READY, WATCHDOG_LIMIT_MS, "ready");
	log_notice("child.ready", "child=%s pid=%d start_ms=%lld", c->name,
		(int)c->pid, (long long)mono_since_ms(c->started, c->alive));
	c->cb(c, c->arg);
}

/* Whoever may connect can fill the queue, so nobody but our own user may;
 * and of those the kernel's word on who it was decides. */
static bool is_from_child(const struct child *c, struct msghdr *msg)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	struct ucred cred;

	if (cmsg == NULL || cmsg->cmsg_level != SOL_SOCKET ||
		cmsg->cmsg_type != SCM_CREDENTIALS)
		return false;
	memcpy(&cred, CMSG_DATA(cmsg), sizeof(cred));
	return cred.pid == c->pid;
}

static void on_notify(unsigned ready, void *arg)
{
	struct child *c = arg;
	char text[1024];
	union {
		char room[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {text, sizeof(text) - 1};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	char *rest = text;
	char *line;
	ssize_t n;

	(void)ready;
	n = recvmsg(c->notify_fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n <= 0 || !is_from_child(c, &msg))
		return;
	text[n] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL)
		take_line(c, line);
}

/* A file and no abstract name: that one has no mode, and a full queue would
 * keep the watchdog's messages out. Daemons connect while they have rights. */
static int bind_notify(struct child *c, const char *path)
{
	const size_t len = strlen(path);
	mode_t mask;
	int err = 0;

	if (len >= sizeof(c->notify_name.sun_path))
		return -ENAMETOOLONG;
	c->notify_name.sun_family = AF_UNIX;
	memcpy(c->notify_name.sun_path, path, len);
	unlink(path);
	mask = umask(0177);
	if (bind(c->notify_fd, (const struct sockaddr *)&c->notify_name,
		    sizeof(c->notify_name)) != 0) {
		err = -errno;
		c->notify_name.sun_path[0] = '\0';
	}
	umask(mask);
	return err;
}

static int open_notify(struct child *c, const char *path, struct why *why)
{
	const int on = 1;
	int err = 0;

	c->notify_fd =
		socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->notify_fd < 0 ||
		setsockopt(c->notify_fd, SOL_SOCKET, SO_PASSCRED, &on,
			sizeof(on)) != 0)
		err = -errno;
	if (err == 0)
		err = bind_notify(c, path);
	if (err == 0)
		err = loop_fd_new(&c->notify_watch, c->loop, c->notify_fd,
			LOOP_READ, on_notify, c);
	return err != 0 ? why_set(why, err, "%s: %s", path, strerror(-err)) : 0;
}

int child_new(struct child **out, struct loop *loop,
	const struct child_spec *spec, child_cb *cb, void *arg, struct why *why)
{
	struct child *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (c == NULL)
		return err;
	c->notify_fd = -1;
	c->pid = -1;
	c->loop = loop;
	c->cb = cb;
	c->arg = arg;
	c->name = spec->name;
	c->log_level = spec->log_level;
	c->bus_fd = spec->bus_fd;
	c->admin_fd = spec->admin_fd;
	c->path = strdup(spec->path);
	c->conf_path = strdup(spec->conf_path);
	if (c->path == NULL || c->conf_path == NULL)
		goto out;
	err = loop_timer_new(&c->timer, loop, on_timer, c);
	if (err != 0)
		goto out;
	err = open_notify(c, spec->notify_path, why);
	if (err != 0)
		goto out;
	*out = c;
	c = NULL;
out:
	child_free(c);
	return err;
}

void child_free(struct child *c)
{
	if (c == NULL)
		return;
	loop_fd_free(c->notify_watch);
	if (c->notify_fd >= 0)
		close(c->notify_fd);
	if (c->notify_name.sun_path[0] != '\0')
		unlink(c->notify_name.sun_path);
	loop_timer_free(c->timer);
	free(c->path);
	free(c->conf_path);
	free(c);
}

/* ---- in the new process ---- */

/* Put the two sockets on 3 and 4, whatever numbers they have now. */
static bool place_fds(const struct child *c)
{
	const int high_bus = fcntl(c->bus_fd, F_DUPFD, 10);
	const int high_admin = fcntl(c->admin_fd, F_DUPFD, 10);

	return high_bus >= 0 && high_admin >= 0 &&
		dup2(high_bus, LISTEN_FDS_START) >= 0 &&
		dup2(high_admin, LISTEN_FDS_START + 1) >= 0 &&
		close_range(LISTEN_FDS_START + 2, ~0u, 0) == 0;
}

/* What a service may know of who called `edgectl up`; the rest of a root
 * shell (tokens, preloads, OPENSSL_CONF) is not for it. */
static const char *const KEPT[] = {
	"PATH",
	"TZ",
	"LANG",
	"LC_ALL",
	"LC_CTYPE",
	"LC_MESSAGES",
	"JOURNAL_STREAM",
	/* of builds for tests */
	"ASAN_OPTIONS",
	"LSAN_OPTIONS",
	"TSAN_OPTIONS",
	"UBSAN_OPTIONS",
};

static void clear_environment(void)
{
	const char *values[ARRAY_COUNT(KEPT)];

	/* clearenv() drops the list, the strings stay. */
	for (size_t i = 0; i < ARRAY_COUNT(KEPT); i++)
		values[i] = getenv(KEPT[i]);
	clearenv();
	for (size_t i = 0; i < ARRAY_COUNT(KEPT); i++)
		if (values[i] != NULL)
			setenv(KEPT[i], values[i], 1);
}

static void set_environment(const struct child *c)
{
	char text[24];

	clear_environment();
	snprintf(text, sizeof(text), "%d", (int)getpid());
	setenv("LISTEN_PID", text, 1);
	setenv("WATCHDOG_PID", text, 1);
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", "bus:bus-admin", 1);
	snprintf(text, sizeof(text), "%d", WATCHDOG_LIMIT_MS * 1000);
	setenv("WATCHDOG_USEC", text, 1);
	setenv("NOTIFY_SOCKET", c->notify_name.sun_path, 1);
}

/* The loop's handlers write into a socket that both of us have still: a
 * signal to the child would be told to the parent. All are blocked here. */
static void reset_signals(void)
{
	sigset_t none;

	for (int signo = 1; signo < SIGRTMIN; signo++)
		signal(signo, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool close_stdin(void)
{
	const int fd = open("/dev/null", O_RDONLY);

	return fd >= 0 && (fd == STDIN_FILENO || dup2(fd, STDIN_FILENO) == 0);
}

static _Noreturn void become(const struct child *c)
{
	const char *argv[] = {c->path, "-c", c->conf_path,
		c->log_level != NULL ? "--log-level" : NULL, c->log_level,
		NULL};

	/* A Ctrl-C is for the supervisor alone: it stops in order. */
	setpgid(0, 0);
	reset_signals();
	set_environment(c);
	if (close_stdin() && place_fds(c))
		execv(c->path, (char *const *)(void *)argv);
	dprintf(STDERR_FILENO, "%s: %s\n", c->path, strerror(errno));
	_exit(127);
}

/* ---- in the supervisor ---- */

static void wait_again(struct child *c, int64_t uptime_ms)
{
	int64_t delay_ms = backoff_delay_ms(&c->backoff, uptime_ms);

	set_state(c, CHILD_WAITING, rand_jitter_ms(delay_ms, 10), "ended");
	if (backoff_is_open(&c->backoff))
		log_error("child.looping",
			"child=%s ends=%u wait_ms=%lld "
			"hint=\"see its lines above; run it with --check\"",
			c->name, c->backoff.streak, (long long)delay_ms);
}

void child_start(struct child *c)
{
	sigset_t all, before;
	pid_t pid;

	c->starts++;
	c->started = mono_now();
	fflush(NULL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		become(c);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0) {
		log_error("child.failed", "child=%s error=%s", c->name,
			log_qz(strerror(errno)));
		wait_again(c, 0);
		return;
	}
	c->pid = pid;
	set_state(c, CHILD_STARTING, START_LIMIT_MS, "start");
	log_notice("child.started", "child=%s pid=%d start=%u", c->name,
		(int)pid, c->starts);
}

void child_stop(struct child *c, int64_t grace_ms)
{
	switch (c->state) {
	case CHILD_IDLE:
	case CHILD_STOPPING:
		return;
	case CHILD_WAITING:
		set_state(c, CHILD_IDLE, 0, "stop");
		return;
	case CHILD_STARTING:
	case CHILD_READY:
		set_state(c, CHILD_STOPPING, grace_ms, "stop");
		kill(c->pid, SIGTERM);
	}
}

void child_reload(struct child *c)
{
	if (c->state == CHILD_READY)
		kill(c->pid, SIGHUP);
}

static void log_end(const struct child *c, int status, int64_t uptime_ms)
{
	const bool wanted = c->state == CHILD_STOPPING;

	if (WIFSIGNALED(status))
		log_event(wanted ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR,
			"child.ended",
			"child=%s pid=%d signal=%s uptime_ms=%lld", c->name,
			(int)c->pid, sigabbrev_np(WTERMSIG(status)),
			(long long)uptime_ms);
	else
		log_event(wanted ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR,
			"child.ended",
			"child=%s pid=%d status=%d uptime_ms=%lld", c->name,
			(int)c->pid, WEXITSTATUS(status), (long long)uptime_ms);
}

void child_ended(struct child *c, int status)
{
	const int64_t uptime_ms = mono_since_ms(c->started, mono_now());

	log_end(c, status, uptime_ms);
	c->pid = -1;
	if (c->state == CHILD_STOPPING)
		set_state(c, CHILD_IDLE, 0, "ended");
	else
		wait_again(c, uptime_ms);
	c->cb(c, c->arg);
}

enum child_state child_state(const struct child *c)
{
	return c->state;
}

const char *child_name(const struct child *c)
{
	return c->name;
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}

unsigned child_restarts(const struct child *c)
{
	return c->starts > 0 ? c->starts - 1 : 0;
}

bool child_is_stillborn(const struct child *c)
{
	return !c->was_ready && c->state == CHILD_WAITING;
}
