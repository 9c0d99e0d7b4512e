/*
 * A local port whose connections come out at the conferencing server inside:
 * what `edgectl webconf join` opens for a browser or any other program.
 */
#ifndef EDGECTL_WEBCONF_JOIN_H
#define EDGECTL_WEBCONF_JOIN_H

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"
#include "edgectl/webconf_client.h"

struct webconf_join_spec {
	struct addr listen;
	const struct webconf_way *way; /* borrowed */
	unsigned count; /* end after so many connections; 0 = never */
	void (*on_listen)(const struct addr *at, void *arg);
	/* Of one connection: joined, refused, or over. text for people. */
	void (*on_event)(const char *event, const struct addr *from,
		const char *text, void *arg);
	void *arg;
};

/* Runs until SIGINT, SIGTERM, or count. 0, or why it could not begin;
 * EDGE_EREFUSED when count connections came and one was refused. */
EDGE_MUST int webconf_join_run(const struct webconf_join_spec *spec,
	struct why *why);

#endif
