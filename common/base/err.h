/*
 * Error codes. A function that can fail returns 0 or a negative code: a
 * negated errno value, or one of ours below EDGE_ERR_BASE. Counts are >= 0.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define EDGE_ERR_BASE 4096

enum edge_err {
	EDGE_EMALFORMED = -(EDGE_ERR_BASE + 1), /* shape is wrong */
	EDGE_ETOOBIG = -(EDGE_ERR_BASE + 2),    /* over a limit of ours */
	EDGE_ESHORT = -(EDGE_ERR_BASE + 3),     /* more bytes are needed */
	EDGE_EFORGED = -(EDGE_ERR_BASE + 4),    /* integrity does not hold */
	EDGE_EEXPIRED = -(EDGE_ERR_BASE + 5),   /* was good, is over */
	EDGE_EREFUSED = -(EDGE_ERR_BASE + 6),   /* policy says no */
	EDGE_EUNKNOWN = -(EDGE_ERR_BASE + 7),   /* no such thing */
	EDGE_EBUSY = -(EDGE_ERR_BASE + 8),      /* a bound is reached */
	EDGE_ECONFIG = -(EDGE_ERR_BASE + 9),    /* configuration is wrong */
	EDGE_ETLS = -(EDGE_ERR_BASE + 10),      /* OpenSSL said no */
	EDGE_EDATABASE = -(EDGE_ERR_BASE + 11), /* sqlite said no */
	EDGE_EPEER = -(EDGE_ERR_BASE + 12),     /* the other side failed */
};

/* Stable short name, for logs and JSON: "EDGE_EFORGED", "ENOENT". */
const char *err_name(int err);

/* A sentence part for people: "permission denied". Never NULL. */
const char *err_text(int err);

#endif
