/*
 * The secrets that web applications share with the relay (TURN REST): read
 * from a file of its own, watched, kept in memory. While there is none,
 * credentials of that kind are off.
 */
#ifndef AV_EDGE_REST_SECRETS_H
#define AV_EDGE_REST_SECRETS_H

#include <stdbool.h>

#include "common/cred/rest_cred.h"
#include "av-edge/file_watch.h"

struct rest_secrets {
	struct file_watch file;
	struct rest_ring ring; /* what was read last */
};

void rest_secrets_init(struct rest_secrets *s, const char *path);
void rest_secrets_fini(struct rest_secrets *s);
/* Look at the file. True when ring changed. A file that can't be read
 * leaves the secrets as they are, and says so once. */
bool rest_secrets_poll(struct rest_secrets *s);

#endif
