/*
 * Names of hosts and domains as people write them (RFC 1123 section 2.1,
 * RFC 952): letters, digits and hyphens, labels of 1-63, at most 253 in
 * all. Kept lower case everywhere, so that comparing is plain.
 */
#ifndef BASE_DNS_NAME_H
#define BASE_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/str.h"

/* Room for any name with its NUL. */
#define DNS_NAME_LEN 256

/* An address literal is not a name: the last label must not be a number. */
bool dns_name_is_valid(struct str text);

/* One dot at the end says what we take for granted. */
struct str dns_name_without_dot(struct str name);

/* Checked and in lower case into out. EDGE_EMALFORMED, EDGE_ETOOBIG. */
EDGE_MUST int dns_name_take(struct str text, char *out, size_t cap);

#endif
