/*
 * /etc/sallyport/publisher.yaml (publisher.yaml(5)): who publishes, where the
 * record is, who signs. Strict, read against one field table.
 */
#ifndef EDGECTL_PUBLISH_PUBLISH_CONF_H
#define EDGECTL_PUBLISH_PUBLISH_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"
#include "common/bundle/bundle.h"
#include "common/run/yaml_take.h"
#include "edgectl/publish/record_db.h"

#define PUBLISH_CONF_PATH    "/etc/sallyport/publisher.yaml"
#define PUBLISH_WORDS_MAX    16u
#define PUBLISH_CANARIES_MAX 64u

/* One who signs: a key file, or a command that signs its standard input. */
struct publish_signer {
	char *key;    /* owned path of a PKCS #8 PEM; NULL with a command */
	char *public; /* owned path of the public key in PEM; with a command */
	char *command[PUBLISH_WORDS_MAX + 1]; /* owned, NULL-terminated */
};

struct publish_conf {
	char *path;
	char name[256]; /* in our certificate, and in every manifest */
	char *chain;
	char *key;
	char *trust; /* CAs of the edges' internal certificates */
	const struct record_driver *driver;
	char *record; /* path, or what libpq takes */
	struct publish_signer signers[BUNDLE_SIGNERS_MAX];
	size_t signer_count;
	char (*canaries)[256]; /* owned; none = one of each pool */
	size_t canary_count;
	char *state_dir;
	char *user; /* to become when `serve` is started as root, or NULL */
	char *mirror; /* folder for edges that fetch, or NULL */
	bool is_all; /* every machine gets the topology of all */
	uint32_t parallel;
	uint32_t hold_s;
	uint32_t confirm_s;
	uint32_t poll_s;
	uint32_t expires_s; /* of a publication */
	uint32_t key_life_s; /* of a pool's keys; 0 = rotated by hand */
	uint32_t connect_ms;
	uint32_t transfer_ms;
};

/* The table, for its manual page's test. */
size_t publish_conf_field_count(void);
const struct yaml_field *publish_conf_field_at(size_t i);

EDGE_MUST int publish_conf_parse(struct publish_conf **out, const char *name,
	struct str text, struct why *why);
EDGE_MUST int publish_conf_load(struct publish_conf **out, const char *path,
	struct why *why);
void publish_conf_free(struct publish_conf *conf); /* accepts NULL */

#endif
