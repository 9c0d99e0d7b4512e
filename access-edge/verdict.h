/*
 * What a decision says: go on, answer, or be silent. Made by admit and
 * route, carried out by proxy.
 */
#ifndef ACCESS_EDGE_VERDICT_H
#define ACCESS_EDGE_VERDICT_H

#include <stdbool.h>

#include "access-edge/diag.h"

enum verdict_kind {
	VERDICT_PASS,
	VERDICT_ANSWER,
	VERDICT_DROP,
};

struct verdict {
	enum verdict_kind kind;
	unsigned status;    /* ANSWER */
	const char *reason; /* ANSWER: NULL = the usual phrase */
	enum diag_id diag;  /* ANSWER: 0 = none */
	bool close;         /* the connection ends after it */
	bool is_abuse;      /* logged as such */
	const char *cause;  /* for the log, a literal */
	/* One more header, borrowed from the message: "Unsupported". */
	const char *field;
	char field_value[128];
};

static inline struct verdict verdict_pass(void)
{
	return (struct verdict){.kind = VERDICT_PASS};
}

static inline struct verdict verdict_drop(const char *cause)
{
	return (struct verdict){.kind = VERDICT_DROP, .cause = cause};
}

static inline struct verdict verdict_answer(unsigned status,
	enum diag_id diag, const char *cause)
{
	return (struct verdict){.kind = VERDICT_ANSWER, .status = status,
		.diag = diag, .cause = cause};
}

#endif
