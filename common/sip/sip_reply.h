/*
 * Answers that we make ourselves (RFC 3261 section 8.2.6): Via, From, To
 * with a tag, Call-ID and CSeq of the request, own headers, body.
 */
#ifndef SIP_REPLY_H
#define SIP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/sip/sip_msg.h"

#define SIP_TAG_LEN 12

struct sip_field {
	const char *name;
	struct str value;
};

struct sip_reply {
	unsigned status;
	const char *reason; /* NULL = the usual phrase */
	const char *to_tag; /* NULL = a random one; none is put on 100 */
	const struct sip_field *first; /* directly below the status line */
	size_t first_count;
	const struct sip_field *fields;
	size_t field_count;
	bool keep_record_route; /* 2xx that make a dialog */
	const char *content_type;
	struct str body;
};

/* Bytes on the heap, the caller frees. EDGE_EMALFORMED: the request lacks
 * a header that an answer must carry (a 400 needs Via only), or a field has
 * a line end in it. */
EDGE_MUST int sip_reply_print(const struct sip_msg *request,
	const struct sip_reply *reply, char **out, size_t *len);

/* "Not Found"; "" for a number that has none. */
const char *sip_reason_text(unsigned status);

#endif
