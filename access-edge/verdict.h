/*
 * What a decision says: go on, answer, or be silent. Made by admit,
 * anonymous and route, carried out by answer.c, which also tells the log
 * which rule decided, and by which line of the configuration.
 */
#ifndef ACCESS_EDGE_VERDICT_H
#define ACCESS_EDGE_VERDICT_H

#include <stdbool.h>
#include <stdio.h>

#include "access-edge/diag.h"

enum verdict_kind {
	VERDICT_PASS,
	VERDICT_ANSWER,
	VERDICT_DROP,
};

struct verdict {
	enum verdict_kind kind;
	unsigned status;     /* ANSWER */
	const char *reason;  /* ANSWER: NULL = the usual phrase */
	enum diag_id diag;   /* ANSWER: 0 = none */
	struct diag_facts facts; /* for inside only */
	bool close;          /* the connection ends after it */
	bool is_abuse;       /* logged as such */
	const char *cause;   /* for the log, a literal */
	char detail[128];    /* for the log: what the world said, or "" */
	const char *rule;    /* which check; a literal, NULL = none */
	const char *setting; /* name of the setting that decided, or another
	                      * key of topology.yaml; NULL = none */
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

/* The same, decided by a line of the configuration. */
static inline struct verdict verdict_by(const char *setting, unsigned status,
	enum diag_id diag, const char *cause)
{
	struct verdict v = verdict_answer(status, diag, cause);

	v.setting = setting;
	return v;
}

/* Named, where no table of checks does it. */
static inline struct verdict verdict_rule(struct verdict v, const char *rule)
{
	v.rule = rule;
	return v;
}

/* What the world said: "connection refused". NULL is "". */
static inline struct verdict verdict_detail(struct verdict v,
	const char *detail)
{
	snprintf(v.detail, sizeof(v.detail), "%.127s", detail != NULL ? detail :
		"");
	return v;
}

static inline struct verdict verdict_no_memory(void)
{
	return verdict_rule(verdict_answer(500, DIAG_NONE, "no memory"),
		"memory");
}

#endif
