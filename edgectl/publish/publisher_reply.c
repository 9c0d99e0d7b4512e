/*
 * What an agent says, taken for the roll-out. Pure; the form of its status
 * is in docs/protocol/replication.md.
 */
#include <stdio.h>
#include <string.h>

#include "common/bundle/bundle_version.h"
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

static void take_error(const json_t *status, char *text, size_t cap)
{
	const char *said = json_string_value(json_object_get(
		json_object_get(status, "last_error"), "text"));

	snprintf(text, cap, "%s", said != NULL ? said : "");
}

enum rollout_event publisher_judge(const json_t *status,
	struct bundle_version version, char *text, size_t cap)
{
	struct bundle_version current;
	struct bundle_version highest;
	bool has_current = version_of(json_object_get(status, "current"),
		&current);
	char other[BUNDLE_VERSION_LEN];

	text[0] = '\0';
	if (!json_is_object(status)) {
		snprintf(text, cap, "its status can't be read");
		return ROLLOUT_IS_AWAY;
	}
	if (has_current && bundle_version_compare(current, version) == 0)
		return ROLLOUT_IS_ACTIVE;
	if (version_of(json_object_get(status, "highest_seen"), &highest) &&
		highest.epoch > version.epoch) {
		snprintf(text, cap, "it follows another publisher: it has "
			"seen %s", bundle_version_text(highest, other));
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
