/*
 * Any bytes as a body of [MS-AVEDGEA]: read, decided, answered. Whatever
 * came in, the answer is well-formed XML on one line, and grants only what
 * was asked for.
 */
#include <expat.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "av-auth/avedge_xml.h"
#include "av-auth/issue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct issue_policy POLICY = {
	.lifetime_max_min = 480,
	.by_name = {.at = {{AVEDGE_INTRANET, false, "edge.int.example", 3478,
				     0},
			     {AVEDGE_INTERNET, false, "av.example", 3478,
				     0}},
		.count = 2},
	.by_address = {.at = {{AVEDGE_INTERNET, true, "192.0.2.1", 3478,
				0}},
		.count = 1},
};

static void check_xml(const char *text, size_t len)
{
	XML_Parser p = XML_ParserCreateNS("UTF-8", ' ');

	if (p == NULL || memchr(text, '\n', len) != NULL ||
		XML_Parse(p, text, (int)len, XML_TRUE) != XML_STATUS_OK)
		abort();
	XML_ParserFree(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct av_key_ring ring;
	struct avedge_response answer;
	struct avedge_request request;
	enum avedge_reason reason;
	const char *cause;
	char *text;
	size_t len;

	if (ring.count == 0)
		av_key_ring_rotate(&ring, (struct wall){1});
	reason = avedge_request_parse(&request,
		(struct str){(const char *)data, size}, &cause);
	if (reason == AVEDGE_OK)
		issue_answer(&answer, &POLICY, &ring, &request,
			(struct wall){1767225600});
	else
		issue_refuse(&answer, &request, reason);
	if (answer.reason == AVEDGE_OK &&
		answer.grant_count != request.item_count)
		abort();
	if (avedge_response_print(&answer, &text, &len) < 0)
		abort();
	check_xml(text, len);
	free(text);
	issue_response_fini(&answer);
	avedge_request_fini(&request);
	return 0;
}
