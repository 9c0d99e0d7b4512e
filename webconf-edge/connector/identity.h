/* Whom the connector becomes, and what it may touch from then on. */
#ifndef WEBCONF_CONNECTOR_IDENTITY_H
#define WEBCONF_CONNECTOR_IDENTITY_H

#include <stddef.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/sandbox.h"
#include "webconf-edge/connector/connector_conf.h"

#define IDENTITY_GROUPS_MAX 32

struct identity {
	uid_t uid; /* 0 = stay who we are */
	gid_t gid;
	gid_t groups[IDENTITY_GROUPS_MAX];
	size_t group_count;
	gid_t minters; /* whose the sockets are, (gid_t)-1 = nobody's */
};

/* EDGE_ECONFIG: user or group is nobody's, or root has no one to become. */
EDGE_MUST int identity_find(struct identity *out,
	const struct connector_conf *conf, struct why *why);
/* For whoever asks before the start, with whatever rights: are the user, the
 * group and the folders there? */
EDGE_MUST int identity_check(const struct connector_conf *conf,
	struct why *why);
EDGE_MUST int identity_make_state_dir(const struct identity *id,
	const struct connector_conf *conf, struct why *why);
/* For good: user, groups, files, system calls. */
EDGE_MUST int identity_confine(const struct identity *id,
	const struct connector_conf *conf, struct sandbox_state *out,
	struct why *why);

#endif
