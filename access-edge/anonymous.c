/*
 * The rules for people without an account. Pure; the limit of new dialogs
 * for each source is the caller's.
 */
#include "access-edge/anonymous.h"

#include <string.h>

#include "common/base/str.h"
#include "common/sip/sip_text.h"

#define CONFERENCE "app:conf:"

bool anonymous_is_sender(const struct sip_msg *m)
{
	return sip_uri_is_sip(&m->from.uri) && sip_host_eq(m->from.uri.host,
		STR_LIT("anonymous.invalid"));
}

static struct verdict forbid(const char *rule, const char *setting,
	const char *cause)
{
	struct verdict v = verdict_by(setting, 403, DIAG_NO_ROUTE, cause);

	v.rule = rule;
	return v;
}

/* The same parameter once more, behind this value: who reads the last one
 * would read another than we do. */
static bool has_another(const struct sip_uri *uri, const char *name,
	struct str value)
{
	size_t end = (size_t)(value.p + value.n - uri->params.p);
	struct str again;

	return sip_param_find(str_skip(uri->params, end), name, &again);
}

/* A conference of ours: its focus or one of its servers. */
static bool is_conference(const struct sip_msg *m, const struct policy *p)
{
	struct str opaque;

	/* maddr would lead a server inside to anywhere. */
	return sip_uri_is_sip(&m->uri) &&
		policy_has_domain(p, m->uri.host) &&
		!sip_uri_has_param(&m->uri, "maddr") &&
		sip_uri_param(&m->uri, "opaque", &opaque) &&
		str_istarts(opaque, CONFERENCE) &&
		!has_another(&m->uri, "opaque", opaque);
}

/* Outside a dialog only what a conference is watched by. */
static bool is_other_event(const struct sip_msg *m)
{
	struct str event = sip_msg_header(m, "Event");

	event.n = str_find(event, ';');
	return m->method_id == SIP_SUBSCRIBE &&
		!str_ieq_z(str_trim(event), "conference");
}

struct verdict anonymous_check(struct sip_msg *m,
	const struct anonymous_in *in)
{
	bool in_dialog = in->in_own_dialog && m->to_tag.n > 0;

	if (m->method_id == SIP_REGISTER ||
		!policy_is_anonymous_method(in->policy, m->method))
		return forbid("anonymous.method", "anonymous_methods",
			"not a method for people without an account");
	if (!in_dialog && !is_conference(m, in->policy))
		return forbid("anonymous.target", NULL,
			"not a conference of ours");
	if (!in_dialog && is_other_event(m))
		return forbid("anonymous.event", NULL,
			"people without an account watch conferences only");
	if (in->known->user[0] != '\0' &&
		!str_ieq_z(m->from.uri.user, in->known->user))
		return forbid("anonymous.identity", NULL,
			"a second anonymous identity on one connection");
	if (m->from.uri.user.n == 0 ||
		m->from.uri.user.n >= sizeof(in->known->user))
		return forbid("anonymous.identity", NULL,
			"an anonymous identity that is empty or too long");
	return verdict_pass();
}

static bool begins_dialog(const struct sip_msg *m)
{
	return m->to_tag.n == 0 && (m->method_id == SIP_INVITE ||
		m->method_id == SIP_SUBSCRIBE || m->method_id == SIP_REFER);
}

bool anonymous_is_new_dialog(const struct anonymous *a,
	const struct sip_msg *m, uint64_t dialog)
{
	if (!begins_dialog(m))
		return false;
	for (size_t i = 0; i < ANONYMOUS_DIALOGS; i++) {
		if (a->dialogs[i] == dialog)
			return false;
	}
	return true;
}

void anonymous_note(struct anonymous *a, const struct sip_msg *m,
	uint64_t dialog)
{
	if (a->user[0] == '\0' && str_copy(m->from.uri.user, a->user,
		sizeof(a->user)) != 0)
		a->user[0] = '\0';
	if (anonymous_is_new_dialog(a, m, dialog))
		a->dialogs[a->next++ % ANONYMOUS_DIALOGS] = dialog;
}
