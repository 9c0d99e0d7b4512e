/*
 * The small grammar below SIP headers: lists, parameters, quotes. Works on
 * slices of the message and copies nothing.
 */
#ifndef SIP_TEXT_H
#define SIP_TEXT_H

#include <stdbool.h>

#include "common/base/str.h"

/* RFC 3261 section 25.1: token. Empty is none. */
bool sip_is_token(struct str s);

/* No CR, LF or NUL: may be written into a header line (threat S2). */
bool sip_is_one_line(struct str s);

/* The value in a whole header line (with its CR LF); an empty one lies
 * before the line end, so that text can be put there. */
struct str sip_line_value(struct str raw);

/* Take the next value off a comma-separated list, trimmed; commas inside
 * quotes, <> and () do not count. False when the list is used up. */
bool sip_list_next(struct str *rest, struct str *value);

/* The parameters behind a header value: from the first ';' outside quotes,
 * <> and (); with its ';'. Empty when there are none. */
struct str sip_params_of(struct str value);

/* One parameter of ";a=b;c" (the first ';' may be missing). value is empty
 * for one without '=', and keeps its quotes. Names ignore case. */
bool sip_param_find(struct str params, const char *name, struct str *value);
/* The same; whole is from its ';' to its end, inside params. */
bool sip_param_span(struct str params, const char *name, struct str *whole);

/* Without the quotes around it, when there are some. Escapes stay. */
struct str sip_unquote(struct str s);

/* Host names are equal without case and without the dot at the end. */
bool sip_host_eq(struct str a, struct str b);

#endif
