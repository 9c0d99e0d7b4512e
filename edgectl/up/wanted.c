/*
 * Looking into the topology before there is a daemon. `edgectl up` is root,
 * and the file was written by the replication agent's user: a child that has
 * become that user, and is shut in like a daemon, reads it and says yes or no
 * for each daemon. What it says is of fixed size and not believed further.
 */
#include "edgectl/up/wanted.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/run/rights.h"
#include "common/run/sandbox_paths.h"
#include "common/store/generation.h"
#include "common/store/topology.h"

struct answer {
	int err;
	uint8_t wanted[CONF_DAEMON_COUNT];
	struct why why;
};

/* ---- the child ----------------------------------------------------------- */

static int shut_in(const struct conf *conf, struct why *why)
{
	struct sandbox_paths *paths = NULL;
	struct sandbox_state state;
	struct rights rights;
	struct sandbox_plan plan = {.group_count = 1};
	char folder[PATH_MAX];
	int err = rights_find(&rights, CONF_REPLICATION_AGENT, conf->users,
		why);

	if (err == 0)
		err = sandbox_paths_new(&paths);
	if (err < 0)
		return err;
	snprintf(folder, sizeof(folder), "%s/topology", conf->state_dir);
	sandbox_paths_add_system(paths);
	sandbox_paths_add(paths, SANDBOX_READ, folder);
	plan.uid = rights.is_root ? rights.uid : 0;
	plan.gid = rights.gid;
	plan.groups = &rights.groups[RIGHTS_READ];
	plan.paths = sandbox_paths_rows(paths, &plan.path_count);
	err = sandbox_enter(&plan, &state, why);
	sandbox_paths_free(paths);
	return err;
}

static int look(const struct conf *conf, struct answer *a)
{
	struct topology *topology = NULL;
	char path[PATH_MAX];
	int err = generation_current_path(conf->state_dir, path, sizeof(path),
		&a->why);

	if (err == -ENOENT)
		return why_set(&a->why, err,
			"%s/topology: no topology yet; make one with 'edgectl "
			"init' or 'edgectl topology apply FILE'",
			conf->state_dir);
	if (err == 0)
		err = topology_load(&topology, path, conf->machine, &a->why);
	if (err < 0)
		return err;
	for (size_t i = 0; i < CONF_DAEMON_COUNT; i++)
		a->wanted[i] = topology_needs(topology,
			conf_daemon_name((enum conf_daemon)i));
	topology_unref(topology);
	return 0;
}

static _Noreturn void answer(const struct conf *conf, int fd)
{
	struct answer a = {.err = 0};

	a.err = shut_in(conf, &a.why);
	if (a.err == 0)
		a.err = look(conf, &a);
	_exit(write(fd, &a, sizeof(a)) != sizeof(a));
}

/* ---- the parent ---------------------------------------------------------- */

static bool hear(int fd, struct answer *a)
{
	size_t len = 0;

	while (len < sizeof(*a)) {
		ssize_t n = read(fd, (char *)a + len, sizeof(*a) - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		len += (size_t)n;
	}
	a->why.text[sizeof(a->why.text) - 1] = '\0';
	str_tidy(a->why.text);
	return a->err <= 0;
}

static int ask(pid_t pid, int fd, struct answer *a, struct why *why)
{
	const bool has_answer = hear(fd, a);
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!has_answer)
		return why_set(why, EDGE_EDATABASE, "the process that reads "
			"the topology ended without an answer (status %#x): "
			"look at it with 'edgectl topology history'",
			(unsigned)status);
	*why = a->why;
	return a->err;
}

int wanted_by_topology(const struct conf *conf,
	bool wanted[CONF_DAEMON_COUNT], struct why *why)
{
	struct answer a = {.err = 0};
	int ends[2];
	pid_t pid;
	int err;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return why_set(why, -errno, "pipe: %s", err_text(-errno));
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		answer(conf, ends[1]);
	close(ends[1]);
	if (pid < 0)
		err = why_set(why, -EAGAIN, "fork: %s", err_text(-EAGAIN));
	else
		err = ask(pid, ends[0], &a, why);
	close(ends[0]);
	for (size_t i = 0; err == 0 && i < CONF_DAEMON_COUNT; i++)
		wanted[i] |= a.wanted[i] != 0;
	return err;
}
