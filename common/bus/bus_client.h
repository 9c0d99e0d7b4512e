/*
 * One question to a daemon over its control bus, blocking, by libcurl. Used
 * by edgectl and tests; replies are bounded in size and time.
 */
#ifndef BUS_CLIENT_H
#define BUS_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/why.h"

/* socket: path of the Unix socket. body NULL = GET, else POST (borrowed).
 * *status is the HTTP status; *reply the parsed JSON (caller decrefs).
 * -ENOENT or -ECONNREFUSED when the daemon does not run, -EACCES without
 * rights; an HTTP error status is not an error here. */
EDGE_MUST int bus_ask(const char *socket, const char *path,
	const json_t *body, int timeout_ms, int *status, json_t **reply,
	struct why *why);
/* The same for text (/metrics). Caller frees *text. */
EDGE_MUST int bus_ask_text(const char *socket, const char *path,
	int timeout_ms, int *status, char **text, struct why *why);
/* Follow a stream; fn gets each line and returns 0 to go on. */
EDGE_MUST int bus_follow(const char *socket, const char *path,
	int (*fn)(const json_t *line, void *arg), void *arg, struct why *why);

/* "<run_dir>/<daemon>.sock" or ".admin.sock" into out. EDGE_ETOOBIG. */
EDGE_MUST int bus_socket_path(char *out, size_t cap, const char *run_dir,
	const char *daemon, bool admin);

#endif
