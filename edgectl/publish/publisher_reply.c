/*
 * What an agent says, taken for the roll-out. Pure; the form of its status
 * is in docs/protocol/replication.md.
 */
#include <stdio.h>
#include <string.h>

#include "common/bundle/bundle_version.h"
#include "common/store/generation.h"
#include "edgectl/publish/publisher_priv.h"

static bool version_of(const json_t *object, struct bundle_version *out)
{
	json_int_t epoch = json_integer_value(json_object_get(object,
		"epoch"));
	json_int_t serial = json_integer_value(json_object_get(object,
		"serial"));

	*out = (struct bundle_version){0, 0};
	if (!json_is_object(object) || epoch < 0 || epoch > UINT32_MAX ||
		serial < 0)
		return false;
	out->epoch = (uint32_t)epoch;
	out->serial = (uint64_t)serial;
	return true;
}

/* What its words do not say, because it does not know of us. */
static const char *cure_of(long status, const char *said)
{
	if (strstr(said, "no right") != NULL)
		return ": the topology it runs must give the right "
		       "'replication' to a name of our certificate";
	if (strstr(said, "is over") != NULL)
		return ": 'edgectl publish status' there, or 'serve "
		       "--raise-epoch' here if it is gone";
	if (strstr(said, "made for deployment") != NULL ||
		strstr(said, "good signature(s)") != NULL)
		return ": compare 'edgectl publish key show' with what its "
		       "'edgectl replication bootstrap' printed";
	if (status == 507)
		return ": make room there, it is tried again";
	return "";
}

void publisher_refusal(long status, const json_t *body, char *text,
	size_t cap)
{
	const char *said = json_string_value(json_object_get(body, "text"));

	if (said == NULL)
		said = "it refused";
	snprintf(text, cap, "%s (HTTP %ld)%s", said, status,
		cure_of(status, said));
}

const char *publisher_error_text(const struct edge_reply *reply,
	char room[static PUBLISHER_TEXT_MAX])
{
	if (reply->err < 0)
		return reply->why.text;
	publisher_refusal(reply->status, reply->body, room,
		PUBLISHER_TEXT_MAX);
	return room;
}

static void take_error(const json_t *status, char *text, size_t cap)
{
	const char *said = json_string_value(json_object_get(
		json_object_get(status, "last_error"), "text"));

	snprintf(text, cap, "%s", said != NULL ? said : "");
}

/* Every daemon that runs has what is current; else the name of one. */
static const char *find_laggard(const json_t *status,
	struct bundle_version version)
{
	char want[GENERATION_VERSION_LEN];
	const json_t *daemon;
	size_t i;

	generation_version_text(version.epoch, version.serial, want);
	json_array_foreach (json_object_get(status, "daemons"), i, daemon) {
		const char *state = json_string_value(json_object_get(daemon,
			"state"));
		const char *runs = json_string_value(json_object_get(daemon,
			"version_running"));
		const char *name = json_string_value(json_object_get(daemon,
			"name"));

		if (state != NULL && strcmp(state, "not running") != 0 &&
			runs != NULL && strcmp(runs, want) != 0)
			return name != NULL ? name : "a daemon";
	}
	return NULL;
}

enum rollout_event publisher_judge(const json_t *status,
	struct bundle_version version, char *text, size_t cap)
{
	struct bundle_version current;
	struct bundle_version highest;
	bool has_current = version_of(json_object_get(status, "current"),
		&current);
	char other[BUNDLE_VERSION_LEN];
	const char *laggard;

	text[0] = '\0';
	if (!json_is_object(status)) {
		snprintf(text, cap, "its status can't be read");
		return ROLLOUT_IS_AWAY;
	}
	if (has_current && bundle_version_compare(current, version) == 0) {
		laggard = find_laggard(status, version);
		if (laggard == NULL)
			return ROLLOUT_IS_ACTIVE;
		snprintf(text, cap, "%.40s runs an older generation",
			laggard);
		return ROLLOUT_IS_BEHIND;
	}
	if (version_of(json_object_get(status, "highest_seen"), &highest) &&
		highest.epoch > version.epoch) {
		snprintf(text, cap, "it follows another publisher: it has "
			"seen %s%s", bundle_version_text(highest, other),
			cure_of(0, "is over"));
		return ROLLOUT_SAYS_NO;
	}
	take_error(status, text, cap);
	if (json_is_true(json_object_get(status, "pinned"))) {
		if (text[0] == '\0')
			snprintf(text, cap, "pinned by its administrator; "
				"'edgectl topology unpin' there ends it");
		return ROLLOUT_IS_PINNED;
	}
	return ROLLOUT_IS_BEHIND;
}
