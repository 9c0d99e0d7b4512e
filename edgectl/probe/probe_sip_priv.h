/* What the connection (probe_sip.c) and its transaction (probe_sip_txn.c)
 * share. Nobody else includes it. */
#ifndef EDGECTL_PROBE_SIP_PRIV_H
#define EDGECTL_PROBE_SIP_PRIV_H

#include "common/net/stream.h"
#include "common/sip/sip_frame.h"
#include "edgectl/probe/probe_sip.h"

#define URI_LEN 320

struct transaction {
	const struct probe_sip_ask *ask; /* NULL = none under way */
	char branch[SIP_BRANCH_LEN];
	char *credentials;            /* owned; header value */
	const char *credentials_name; /* its header */
	bool was_challenged;
	bool is_done;
	struct probe_sip_msg reply; /* owned */
};

struct probe_sip {
	struct probe *probe;
	char label[32];
	char server_label[32];
	char aor[URI_LEN];
	char domain[URI_LEN];
	char user[128];
	char password[128];
	bool has_password;
	char route[URI_LEN];
	char contact[2 * URI_LEN];
	char via[ADDR_TEXT_LEN];
	char cipher[96];
	char server_name[256];
	struct addr local;
	struct addr server;
	bool is_outbound;
	struct tls_ctx *tls;   /* owned */
	struct stream *stream; /* owned until on_end */
	struct sip_frame frame;
	bool is_ready;
	char end_text[256];
	struct transaction txn;
	struct probe_sip_msg invite; /* owned */
	bool has_ack;
	bool has_bye;
};

/* probe_sip.c */
EDGE_MUST int probe_sip_send_text(struct probe_sip *s, const char *text,
	size_t len);
/* The connection is gone: the error of whoever wanted something of it. */
int probe_sip_lost(const struct probe_sip *s, const char *method,
	struct why *why);

/* probe_sip_txn.c */
/* What is kept of it is taken out of m. */
void probe_sip_take_response(struct probe_sip *s, struct probe_sip_msg *m);

#endif
