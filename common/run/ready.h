/*
 * The service manager's side: readiness and watchdog messages
 * (sd_notify(3) protocol) and inherited descriptors (sd_listen_fds(3)),
 * without libsystemd. `edgectl up` speaks the same.
 */
#ifndef RUN_READY_H
#define RUN_READY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC, LISTEN_FDS out of the environment and
 * keeps a connected socket, so that it works after the sandbox is on. */
void ready_init(void);
/* Somebody gave us a NOTIFY_SOCKET: systemd, or `edgectl up`. */
bool ready_has_manager(void);
/* "READY=1\nSTATUS=..." and the like; nothing happens without a manager. */
void ready_notify(const char *state);
/* Half the watchdog period, or 0 when none is asked for. */
int64_t ready_watchdog_ms(void);
/* Inherited descriptor with this LISTEN_FDNAMES name, or -1. It is the
 * caller's from then on; each is handed out once. */
int ready_take_fd(const char *name);
/* True when stderr is the journal (JOURNAL_STREAM matches). */
bool ready_is_journal(void);

#endif
