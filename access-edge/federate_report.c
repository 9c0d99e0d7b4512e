/*
 * Names of the steps, and the list of findings. Decides nothing.
 */
#include "access-edge/federate_report.h"

#include <stdarg.h>
#include <stdio.h>

struct step_def {
	const char *name;
	const char *help;
};

static const struct step_def steps[FEDERATE_STEP_COUNT] = {
	[FEDERATE_ENABLED] = {"enabled", "is federation on"},
	[FEDERATE_DOMAIN] = {"domain", "whose domain is it"},
	[FEDERATE_BLOCKED] = {"blocked", "is the domain blocked"},
	[FEDERATE_DEFAULT_ROUTE] = {"default-route",
		"does everything go through one server"},
	[FEDERATE_PROVIDER] = {"provider", "is it a provider"},
	[FEDERATE_DIRECT] = {"direct", "is the partner's edge configured"},
	[FEDERATE_LISTED] = {"listed",
		"is the domain allowed, or may it be discovered"},
	[FEDERATE_SRV] = {"srv", "what does DNS say"},
	[FEDERATE_PARENT] = {"parent-domain",
		"does DNS lead into the domain itself"},
	[FEDERATE_NAME] = {"certificate-name",
		"does the certificate name the server"},
	[FEDERATE_SENDER] = {"sender", "does From agree with the domain"},
	[FEDERATE_ROUTE] = {"route", "does the Route lead to its servers"},
	[FEDERATE_RECIPIENT] = {"recipient", "is the recipient ours"},
	[FEDERATE_METHOD] = {"method", "may this kind of request pass"},
	[FEDERATE_LIMITS] = {"limits", "is the partner within its limits"},
	[FEDERATE_ADDRESS] = {"address", "may we go to its address"},
	[FEDERATE_CONNECT] = {"connect", "does it take a connection"},
	[FEDERATE_TLS] = {"tls", "does it prove who it is"},
	[FEDERATE_ANSWER] = {"answer", "does it answer"},
};

const char *federate_step_name(enum federate_step step)
{
	return steps[step].name;
}

const char *federate_step_help(enum federate_step step)
{
	return steps[step].help;
}

const char *federate_result_name(enum federate_result result)
{
	static const char *const names[] = {
		[FEDERATE_SKIPPED] = "skipped",
		[FEDERATE_PASSED] = "passed",
		[FEDERATE_SETTLED] = "settled",
		[FEDERATE_REFUSED] = "refused",
		[FEDERATE_ASK] = "asked",
	};

	return names[result];
}

EDGE_PRINTF(4, 0)
void federate_found_v(struct federate_report *report,
	enum federate_step step, enum federate_result result,
	const char *fmt, va_list args)
{
	struct federate_finding *row;

	if (report->count == ARRAY_COUNT(report->rows))
		report->count--; /* the last one is the one that counts */
	row = &report->rows[report->count++];
	row->step = step;
	row->result = result;
	vsnprintf(row->text, sizeof(row->text), fmt, args);
	for (char *p = row->text; *p != '\0'; p++) {
		if (*p < ' ' || *p == 0x7f)
			*p = '?';
	}
}

void federate_found(struct federate_report *report, enum federate_step step,
	enum federate_result result, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	federate_found_v(report, step, result, fmt, args);
	va_end(args);
}
