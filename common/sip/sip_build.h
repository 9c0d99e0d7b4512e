/*
 * Requests of our own: probes, synthetic calls, the OPTIONS that watches a
 * next hop. A proxy's ACK and CANCEL are made here too.
 */
#ifndef SIP_BUILD_H
#define SIP_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/sip/sip_msg.h"
#include "common/sip/sip_reply.h"

#define SIP_BRANCH_LEN 32

/* Values as they stand in the headers; "" or NULL leaves a header out. */
struct sip_request {
	const char *method;
	const char *uri;
	const char *via_host; /* sent-by: "edge.int.example:5061" */
	const char *branch;   /* with z9hG4bK */
	const char *via_params; /* ";rport", "" */
	const char *const *routes; /* values of Route, in order */
	size_t route_count;
	const char *from; /* "<sip:a@example.com>;tag=1" */
	const char *to;
	const char *call_id;
	uint32_t cseq;
	unsigned max_forwards; /* 0 = 70 */
	const char *contact;
	const struct sip_field *fields;
	size_t field_count;
	const char *content_type;
	struct str body;
};

/* Bytes on the heap, the caller frees. EDGE_EMALFORMED: a value has a line
 * end in it. */
EDGE_MUST int sip_build(const struct sip_request *request, char **out,
	size_t *len);

/* "z9hG4bK" and random letters, NUL-terminated. Returns out. */
const char *sip_branch(char out[static SIP_BRANCH_LEN]);

/* The route set a caller takes from a 2xx: Record-Route values in reverse
 * (RFC 3261 section 12.1.2); a callee takes them as they stand. Heap
 * strings in a heap array, freed by sip_routes_free. */
EDGE_MUST int sip_routes_from(const struct sip_msg *m, bool reverse,
	char ***routes, size_t *count);
void sip_routes_free(char **routes, size_t count);

#endif
