/*
 * The steps of a decision between organisations and what each of them found:
 * for the log, `edgectl partners show` and `edgectl test federated-partner`.
 */
#ifndef ACCESS_EDGE_FEDERATE_REPORT_H
#define ACCESS_EDGE_FEDERATE_REPORT_H

#include <stdarg.h>
#include <stddef.h>

#include "common/base/attr.h"

enum federate_step {
	FEDERATE_ENABLED,
	FEDERATE_DOMAIN,
	FEDERATE_BLOCKED,
	FEDERATE_DEFAULT_ROUTE,
	FEDERATE_PROVIDER,
	FEDERATE_DIRECT,
	FEDERATE_LISTED,
	FEDERATE_SRV,
	FEDERATE_PARENT,
	FEDERATE_NAME,
	FEDERATE_SENDER,
	FEDERATE_ROUTE,
	FEDERATE_RECIPIENT,
	FEDERATE_METHOD,
	FEDERATE_LIMITS,  /* found by watch.c */
	FEDERATE_ADDRESS, /* found while dialling */
	FEDERATE_CONNECT,
	FEDERATE_TLS,
	FEDERATE_ANSWER,  /* of a test's OPTIONS */
	FEDERATE_STEP_COUNT,
};

/* "certificate-name": for logs and the bus. */
const char *federate_step_name(enum federate_step step);
/* The question it answers, for people. */
const char *federate_step_help(enum federate_step step);

enum federate_result {
	FEDERATE_SKIPPED, /* does not apply */
	FEDERATE_PASSED,
	FEDERATE_SETTLED, /* this is who it is: the other kinds are skipped */
	FEDERATE_REFUSED,
	FEDERATE_ASK,     /* DNS must be asked first */
};
const char *federate_result_name(enum federate_result result);

struct federate_finding {
	enum federate_step step;
	enum federate_result result;
	char text[200];
};

struct federate_report {
	size_t count;
	struct federate_finding rows[FEDERATE_STEP_COUNT];
};
/* What was found later, or somewhere else. */
void federate_found(struct federate_report *report, enum federate_step step,
	enum federate_result result, const char *fmt, ...)
	EDGE_PRINTF(4, 5);
void federate_found_v(struct federate_report *report,
	enum federate_step step, enum federate_result result,
	const char *fmt, va_list args);

#endif
