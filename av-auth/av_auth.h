/* All state of the daemon, and the functions of its table in main.c. */
#ifndef AV_AUTH_AV_AUTH_H
#define AV_AUTH_AV_AUTH_H

#include <stdbool.h>

#include "av-auth/issue.h"
#include "av-auth/keys.h"
#include "av-auth/rates.h"
#include "av-auth/server.h"
#include "av-auth/service.h"
#include "common/bus/bus_route.h"
#include "common/daemon/daemon.h"

struct av_auth {
	struct daemon *daemon; /* borrowed */
	struct keys keys;
	struct issue_policy policy;
	struct rates rates;
	struct service service;
	struct server server;
	bool has_service; /* how far start() came, for stop() */
	bool has_server;
};

int av_auth_start(struct daemon *d, void **state, struct why *why);
int av_auth_ready(void *state, struct why *why);
int av_auth_check(void *state, const struct topology *next, struct why *why);
int av_auth_apply(void *state, struct topology *next, struct why *why);
void av_auth_certs(void *state);
size_t av_auth_ports(void *state, struct daemon_port *out, size_t cap);
void av_auth_status(void *state, json_t *status);
void av_auth_counted(void *state);
void av_auth_drain(void *state, bool on);
size_t av_auth_busy(void *state);
void av_auth_stop(void *state);

/* Own nouns on the control bus (ctl.c). */
#define AV_AUTH_ROUTE_COUNT 4
extern const struct bus_route AV_AUTH_ROUTES[AV_AUTH_ROUTE_COUNT];

#endif
