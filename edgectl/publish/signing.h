/*
 * Those who sign for a publisher: keys in files, and commands that sign
 * their standard input (an HSM, a card, a key on another machine).
 */
#ifndef EDGECTL_PUBLISH_SIGNING_H
#define EDGECTL_PUBLISH_SIGNING_H

#include "common/bundle/bundle.h"
#include "edgectl/publish/publish_conf.h"

/* The way to a command that a helper runs, see signing_helper.h. */
struct signing_delegate {
	int fd;
	size_t at;
};

struct signing {
	struct bundle_signer signers[BUNDLE_SIGNERS_MAX];
	size_t count;
	struct bundle_key *keys[BUNDLE_SIGNERS_MAX]; /* owned; NULL = command */
	struct signing_delegate delegates[BUNDLE_SIGNERS_MAX];
	bool has_helper;
	int helper_fd;
};

/* All of the configuration. Key files that others may read are refused.
 * signing_fini also after a failure. */
EDGE_MUST int signing_open(struct signing *s, const struct publish_conf *conf,
	struct why *why);
/* One more key file; for `publish key rotate --with`. */
EDGE_MUST int signing_add_file(struct signing *s, const char *path,
	struct why *why);
void signing_fini(struct signing *s);

/* A public key: PEM in a file, or the file of a whole key. */
EDGE_MUST int signing_read_public(const char *path,
	uint8_t out[static BUNDLE_KEY_LEN], struct why *why);

#endif
