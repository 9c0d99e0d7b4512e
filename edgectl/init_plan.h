/*
 * What `edgectl init` was told, and the two files that follow from it. Pure:
 * answers in, text out.
 */
#ifndef EDGECTL_INIT_PLAN_H
#define EDGECTL_INIT_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/why.h"

#define INIT_DOMAINS_MAX 16
#define INIT_NAME_LEN    256

enum init_certificates {
	INIT_CERTIFICATES_LAB, /* two CAs of our own, and what they sign */
	INIT_CERTIFICATES_CSR, /* keys and requests for somebody else's CA */
	INIT_CERTIFICATES_OWN, /* the administrator puts the files there */
};

struct init_plan {
	char directory[INIT_NAME_LEN];
	char run_dir[INIT_NAME_LEN]; /* "" = the default */
	char state_dir[INIT_NAME_LEN];
	char domains[INIT_DOMAINS_MAX][INIT_NAME_LEN];
	size_t domain_count;
	char machine[INIT_NAME_LEN];
	char internal_address[64];
	char access_name[INIT_NAME_LEN];
	char access_address[64];
	char av_name[INIT_NAME_LEN];
	char av_address[64];
	char av_nat[64];              /* "" = none */
	char webconf_name[INIT_NAME_LEN];
	char webconf_address[64];     /* "" = no web conferences */
	char next_hop[INIT_NAME_LEN]; /* without port */
	unsigned next_hop_port;       /* 0 = 5061 */
	char next_hop_address[64];    /* "" = by DNS */
	enum init_certificates certificates;
	bool federation;
	bool lab;          /* loopback addresses are meant */
	unsigned port_add; /* to every fixed port: 0, or 10000 */
};

/* Fill in the addresses and names of the loopback lab (architecture 11). */
void init_plan_loopback(struct init_plan *plan);
/* Names are names, addresses are addresses, and what must be there is.
 * The text says which option to give. EDGE_ECONFIG. */
EDGE_MUST int init_plan_check(const struct init_plan *plan, struct why *why);

/* The same for the answer to one question. */
EDGE_MUST int init_plan_check_one(const struct init_plan *plan,
	const char *option, struct why *why);

/* The files, on the heap; NULL when out of memory. */
char *init_plan_edge_yaml(const struct init_plan *plan);
char *init_plan_topology_yaml(const struct init_plan *plan);

/* Names that a certificate for the outside must carry (access-edge.md
 * 13.2): the n-th, or NULL. */
const char *init_plan_outside_name(const struct init_plan *plan, size_t n,
	char room[static INIT_NAME_LEN]);

/* A DNS name in lower case with a dot inside. */
bool init_is_name(const char *text);

#endif
