/*
 * Bodies of [MS-AVEDGEA] 1.0 and 2.0 (docs/protocol/av-auth.md): the request
 * for relay credentials and its answer. Bytes in, struct out; struct in,
 * bytes out. What is granted to whom is issue.c's affair.
 */
#ifndef AV_AUTH_AVEDGE_XML_H
#define AV_AUTH_AVEDGE_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/cred/av_cred.h"

#define AVEDGE_CONTENT_TYPE "application/msrtc-media-relay-auth+xml"
#define AVEDGE_NAMESPACE    "http://schemas.microsoft.com/2006/09/sip/mrasp"

#define AVEDGE_BODY_MAX     (256u << 10) /* bytes */
#define AVEDGE_DEPTH_MAX    16
#define AVEDGE_ITEMS_MAX    100
#define AVEDGE_ID_MAX       64   /* characters */
#define AVEDGE_URI_MAX      2048 /* bytes */
#define AVEDGE_IDENTITY_MAX (64u << 10) /* characters */

enum avedge_reason {
	AVEDGE_OK,
	AVEDGE_MALFORMED,
	AVEDGE_TOO_LARGE,
	AVEDGE_NOT_SUPPORTED,
	AVEDGE_BUSY,
	AVEDGE_INTERNAL,
	AVEDGE_VERSION_MISMATCH,
	AVEDGE_FORBIDDEN,
	AVEDGE_REASON_COUNT,
};

/* The reasonPhrase on the wire: "OK", "Request Malformed" ... */
const char *avedge_reason_text(enum avedge_reason reason);

enum avedge_location {
	AVEDGE_ANYWHERE, /* not said: both */
	AVEDGE_INTRANET,
	AVEDGE_INTERNET,
};

/* "intranet", "internet", "" for anywhere. */
const char *avedge_location_text(enum avedge_location location);
/* EDGE_EMALFORMED. */
EDGE_MUST int avedge_location_parse(struct str text,
	enum avedge_location *out);

/* ---- request ------------------------------------------------------------ */

struct avedge_item {
	struct str id;
	struct str identity;
	enum avedge_location location;
	uint32_t duration_min; /* 0 = not said */
};

/* Slices point into the request's own memory. What could not be read is
 * empty, so that an error can be answered with the rest. */
struct avedge_request {
	struct str id;
	struct str version; /* as written */
	unsigned major;
	unsigned minor;
	struct str to;
	struct str from;
	bool direct_ip; /* route="directip" */
	struct avedge_item *items; /* owned */
	size_t item_count;
	char *room; /* owned */
};

/* AVEDGE_OK, _MALFORMED, _TOO_LARGE or _INTERNAL (out of memory). *cause is
 * a literal for the log. *out is always to be given to _fini. */
enum avedge_reason avedge_request_parse(struct avedge_request *out,
	struct str body, const char **cause);
void avedge_request_fini(struct avedge_request *request);

/* ---- response ----------------------------------------------------------- */

struct avedge_relay {
	enum avedge_location location; /* never AVEDGE_ANYWHERE */
	bool is_address; /* directIPAddress instead of hostName */
	char name[256];
	uint16_t udp_port; /* 0 = not offered */
	uint16_t tcp_port;
};

struct avedge_grant {
	struct str id; /* borrowed from the request */
	uint8_t client_id[AV_CRED_CLIENT_ID_LEN]; /* not sent: who it is */
	char user[AV_CRED_USER_TEXT]; /* base64 */
	char password[AV_CRED_PASSWORD_TEXT];
	uint32_t duration_min;
	enum avedge_location location; /* which relays it lists */
};

struct avedge_response {
	enum avedge_reason reason;
	const char *server_version;
	const struct avedge_request *request; /* borrowed: echo */
	struct avedge_grant *grants; /* with AVEDGE_OK only */
	size_t grant_count;
	const struct avedge_relay *relays; /* borrowed, in the order to send */
	size_t relay_count;
};

/* One line of XML on the heap; holds passwords, so the caller wipes it
 * before it is freed. -ENOMEM. */
EDGE_MUST int avedge_response_print(const struct avedge_response *response,
	char **out, size_t *len);

#endif
