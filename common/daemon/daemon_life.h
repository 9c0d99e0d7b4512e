/* What the files of this room share; nobody outside includes it. */
#ifndef DAEMON_DAEMON_LIFE_H
#define DAEMON_DAEMON_LIFE_H

#include <limits.h>
#include <sys/types.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/list.h"
#include "common/base/log.h"
#include "common/bus/bus_server.h"
#include "common/daemon/daemon.h"
#include "common/run/rights.h"

#define DAEMON_TABLES 2 /* the common routes and the daemon's own */

/* What the command line said. */
struct daemon_options {
	const char *conf_path;
	enum log_level level;
	bool check_only;
	bool done; /* --help, --version: printed, leave with `status` */
	int status;
};

enum daemon_phase {
	DAEMON_STARTING,
	DAEMON_SERVING,
	DAEMON_DRAINING, /* no new work; may come back */
	DAEMON_STOPPING, /* no new work; ends when idle or at the deadline */
};

struct daemon_note {
	struct wall at; /* 0 = nothing happened yet */
	char text[WHY_LEN];
	bool ok;
};

struct daemon {
	const struct daemon_spec *spec;   /* how it lives */
	const struct daemon_spec *worker; /* resting: what it waits to be */
	struct daemon_spec resting;       /* spec's place meanwhile */
	const char *name;
	struct daemon_options options;
	struct conf *conf;
	struct timespec conf_changed; /* when the file was, as we read it */
	struct rights rights;
	char state_dir[PATH_MAX];
	struct loop *loop;
	struct counters counters;
	struct recall *recall; /* owned */
	enum daemon_phase phase;
	struct mono started;
	struct topology *topology;     /* in force */
	struct topology *started_with; /* whose restart-only settings hold */
	char topology_path[512];
	char refused_path[512]; /* generation not to be tried again by itself */
	void *state;            /* the daemon's own */
	struct sandbox_state sandbox;
	struct list certs; /* struct daemon_cert */
	bool has_bad_cert; /* new files were refused, the old go on */
	struct list readers; /* of /v1/events */
	size_t reader_count;
	struct daemon_note last_error;
	struct daemon_note last_reload;
	int bus_fds[2]; /* reading, admin; until bus has them */
	struct bus_server *bus;
	const struct bus_route *tables[DAEMON_TABLES];
	size_t table_counts[DAEMON_TABLES];
	void *table_states[DAEMON_TABLES];
	struct loop_timer *cert_timer;
	struct loop_timer *generation_timer;
	struct loop_timer *watchdog_timer;
	struct loop_timer *drain_timer;
	struct mono drain_deadline;
	size_t sessions_left; /* when it ended */
	bool is_drained_by_topology;
	struct loop_signal *hup;
	struct loop_signal *term;
	struct loop_signal *interrupt;
};

/* daemon_options.c: prints what is to be printed. */
void daemon_options_parse(struct daemon_options *out,
	const struct daemon_spec *spec, int argc, char **argv);

/* daemon_confine.c: limits and folders with rights, the user before anything
 * is read that others wrote, the sandbox after the start. */
void daemon_limits(void);
EDGE_MUST int daemon_make_dirs(struct daemon *d, struct why *why);
EDGE_MUST int daemon_step_down(const struct daemon *d, struct why *why);
EDGE_MUST int daemon_confine(struct daemon *d, struct why *why);

/* daemon_tls.c */
struct daemon_cert_view {
	enum conf_use use;
	const char *chain;
	const struct tls_cert_info *info; /* NULL = unreadable */
};
/* Look at all files now; how many contexts were swapped, or the first
 * error (the others are looked at all the same). */
int daemon_certs_poll(struct daemon *d, bool force, struct why *why);
/* One view for each use; returns how many. */
size_t daemon_certs_view(const struct daemon *d, struct daemon_cert_view *out,
	size_t cap);
/* Can this daemon's certificates be loaded at all? For --check. */
EDGE_MUST int daemon_certs_check(const struct daemon *d, struct why *why);
void daemon_certs_free(struct daemon *d);

/* daemon_reload.c */
EDGE_MUST int daemon_load_conf(struct daemon *d, struct why *why);
struct daemon_reload {
	bool is_changed; /* another generation is in force now */
	int certificates; /* contexts swapped */
	json_t *settings;       /* names that changed, owned */
	json_t *restart_needed; /* what waits for a restart, owned */
};
/* Open `current` for the first time. */
EDGE_MUST int daemon_load_topology(struct daemon *d, struct why *why);
EDGE_MUST int daemon_check_path(struct daemon *d, const char *path,
	struct why *why);
/* The current generation and, with_certs, the certificates; out is set also
 * on failure. A topology must not wait for a certificate to be mended. */
EDGE_MUST int daemon_reload(struct daemon *d, bool with_certs,
	struct daemon_reload *out, struct why *why);
void daemon_reload_fini(struct daemon_reload *r);
/* Timers: certificates and generation. */
void daemon_poll_certs(struct daemon *d);
void daemon_poll_generation(struct daemon *d);
/* What was changed since the start and waits for a restart: names of
 * restart-only settings, and "edge.yaml". */
json_t *daemon_restart_needed(const struct daemon *d);

/* daemon_drain.c */
void daemon_drain(struct daemon *d, enum daemon_phase phase,
	int64_t deadline_ms);
void daemon_resume(struct daemon *d);
/* On each tick of drain_timer. */
void daemon_drain_tick(struct daemon *d);
/* What the topology says about this machine: active, drain, disabled. */
void daemon_follow_state(struct daemon *d);
size_t daemon_busy(const struct daemon *d);

/* daemon_rest.c: of a topology that has nothing for this daemon. */
bool daemon_may_rest(const struct daemon *d);
void daemon_rest(struct daemon *d);

/* daemon_status.c */
json_t *daemon_status_json(struct daemon *d);
json_t *daemon_config_json(const struct daemon *d);
const char *daemon_phase_name(const struct daemon *d);

/* daemon_ctl.c */
extern const struct bus_route daemon_routes[];
extern const size_t daemon_route_count;
/* Tell the readers of /v1/events. */
void daemon_tell(struct daemon *d, const char *event, const char *text);

/* daemon.c */
void daemon_set_note(struct daemon_note *note, bool ok, const char *text);

#endif
