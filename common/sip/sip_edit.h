/*
 * Changes to a message: whole lines and single values of lists, nothing
 * else moves. New text with CR, LF or NUL in it is refused
 * (EDGE_EMALFORMED, threat S2); -ENOMEM leaves the message as it was.
 */
#ifndef SIP_EDIT_H
#define SIP_EDIT_H

#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/sip/sip_msg.h"

EDGE_MUST int sip_set_uri(struct sip_msg *m, struct str uri);
EDGE_MUST int sip_set_max_forwards(struct sip_msg *m, uint32_t n);

/* A line of its own on top of the lines of the same name; when there are
 * none, Record-Route and Path go below Via, anything else to the end. The
 * value is copied. */
EDGE_MUST int sip_push(struct sip_msg *m, enum sip_header id,
	struct str value);
/* Take the first value away, with its line when it was alone on it. */
EDGE_MUST int sip_pop(struct sip_msg *m, enum sip_header id);
/* The same with the n-th value. */
EDGE_MUST int sip_drop_value(struct sip_msg *m, enum sip_header id,
	size_t n);
/* At the end of the lines of the same name. */
EDGE_MUST int sip_append(struct sip_msg *m, enum sip_header id,
	struct str value);
/* Replace the n-th value; the others on its line stay as they are. */
EDGE_MUST int sip_replace(struct sip_msg *m, enum sip_header id, size_t n,
	struct str value);

/* Directly below the start line. */
EDGE_MUST int sip_add_first(struct sip_msg *m, const char *name,
	struct str value);
/* Below all other lines. */
EDGE_MUST int sip_add_last(struct sip_msg *m, const char *name,
	struct str value);
/* Every line of this name in any spelling; returns how many went. */
size_t sip_remove(struct sip_msg *m, const char *name);
/* The line at this place of m->lines. */
void sip_drop_line(struct sip_msg *m, size_t at);
/* One line with this value, at the place of the first if there was one. */
EDGE_MUST int sip_set(struct sip_msg *m, const char *name,
	struct str value);
/* Its lines of this name go, those of another message come in their place
 * (to the top when it has none), folds and all. */
EDGE_MUST int sip_take_lines(struct sip_msg *m, const struct sip_msg *from,
	enum sip_header id);

/*
 * What a server adds to the Via on top of a request (RFC 3261 section
 * 18.2.1, RFC 3581, [MS-SIPRE] Via parameters): received when sent-by is
 * another address or rport was asked for, rport, and, unless cid is NULL,
 * ms-received-port and ms-received-cid. What the sender wrote there itself
 * under these names is replaced.
 */
EDGE_MUST int sip_mark_received(struct sip_msg *m,
	const struct addr *source, const char *cid);

/* A copy of a value with one parameter set (value NULL: bare) or removed;
 * in m's memory. */
EDGE_MUST int sip_param_set(struct sip_msg *m, struct str text,
	const char *name, const char *value, struct str *out);
EDGE_MUST int sip_param_unset(struct sip_msg *m, struct str text,
	const char *name, struct str *out);

#endif
