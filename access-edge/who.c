/*
 * Names in a request and what is known about them. The account that counts
 * for sign-ins is not always From's.
 */
#include "access-edge/who.h"

#include <stdio.h>
#include <sys/param.h>

#include "common/sip/sip_text.h"

/* "alice@example.com", in lower case. */
struct str who_of(const struct sip_addr *party, char *room,
	size_t cap)
{
	const struct str user = party->uri.user, host = party->uri.host;
	int n = snprintf(room, cap, "%.*s@%.*s", (int)MIN(user.n, cap / 2),
		user.p != NULL ? user.p : "", (int)MIN(host.n, cap / 2 - 2),
		host.p != NULL ? host.p : "");

	for (int i = 0; i < n; i++) {
		if (room[i] >= 'A' && room[i] <= 'Z')
			room[i] = (char)(room[i] | 0x20);
	}
	return (struct str){room, (size_t)n};
}

/* Whose sign-in a request belongs to: that of REGISTER is To's, whoever it
 * says that it is from. */
const struct sip_addr *who_owns(const struct sip_msg *m)
{
	return m->method_id == SIP_REGISTER ? &m->to : &m->from;
}

bool who_has_credentials(const struct sip_msg *m)
{
	return sip_msg_has_header(m, "Authorization") ||
		sip_msg_has_header(m, "Proxy-Authorization");
}

/* The account that the credentials name (Digest): a password can be tried
 * for it under any From and To. */
static struct str login_of(const struct sip_msg *m)
{
	static const char name[] = "username=\"";
	struct str s = sip_msg_header(m, "Authorization");

	if (str_is_empty(s))
		s = sip_msg_header(m, "Proxy-Authorization");
	for (; s.n > 0; s = str_skip(s, 1)) {
		if (!str_istarts(s, name))
			continue;
		s = str_skip(s, sizeof(name) - 1);
		return (struct str){s.p, MIN(str_find(s, '"'),
			str_find(s, '@'))};
	}
	return s;
}

struct logon_id who_logs_on(const struct edge *edge,
	const struct session *s, const struct sip_msg *m)
{
	char room[256];

	/* Whoever joins a conference gives no account, but its key: a name
	 * that all joiners share must not shut all of them out. */
	return logon_id_of(edge->logon, &s->origin.remote,
		who_of(who_owns(m), room, sizeof(room)),
		anonymous_is_sender(m) ? STR_LIT("") : login_of(m));
}

bool who_is_blocked(const struct edge *edge, const struct session *s,
	const struct sip_msg *m)
{
	struct logon_id id;
	char room[256];

	if (s->origin.role != ORIGIN_CLIENT)
		return false;
	if (m->method_id != SIP_REGISTER && (!who_has_credentials(m) ||
		session_is_user(s, who_of(&m->from, room, sizeof(room)))))
		return false;
	id = who_logs_on(edge, s, m);
	return logon_is_blocked(edge->logon, &id, loop_now(edge->loop));
}
