/*
 * Is the daemon at its limit, and whom does it turn away for that? A pure
 * judgement of two figures a second: how late the loop is, how much memory
 * is in use.
 */
#ifndef ACCESS_EDGE_LOAD_H
#define ACCESS_EDGE_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each turns away what those before it do, and more; what is in a dialog
 * always passes. */
enum load_level {
	LOAD_FINE,
	LOAD_NO_CONNECTIONS, /* new ones from outside */
	LOAD_NO_CLIENTS,     /* new requests of clients */
	LOAD_NO_PARTNERS,    /* and of partners */
};

struct load {
	enum load_level level;
	unsigned late_seconds; /* in a row */
	const char *cause;     /* "lag", "memory"; "" when fine */
};

#define LOAD_LAG_MS 200

/* Once a second; true when the level is another one now. */
bool load_note(struct load *load, int64_t lag_ms, size_t memory,
	size_t memory_mark);
/* The setting behind it, or NULL: how late the loop may be is none. */
const char *load_setting(const struct load *load);
const char *load_level_name(enum load_level level);
/* Bytes in use on the heap. */
size_t load_memory(void);

#endif
