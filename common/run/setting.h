/*
 * The table of topology settings: every name an administrator can write
 * under `settings:`, with its type, unit, bounds, default and help. Names
 * follow the original's parameters in lower snake case. Plan, man page,
 * `edgectl topology show` and the daemons read this one table.
 */
#ifndef RUN_SETTING_H
#define RUN_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"

enum setting_kind {
	SETTING_BOOL,
	SETTING_NUMBER,   /* unsigned, min..max */
	SETTING_DURATION, /* kept in seconds; written 8h, 90s, 15m, 2d */
	SETTING_CHOICE,   /* one of `choices` */
	SETTING_NAME,     /* a DNS name, may be empty */
	SETTING_PREFIXES, /* list of addresses or prefixes */
	SETTING_TOKENS,   /* list of SIP tokens */
	SETTING_NAMES,    /* list of DNS names */
	SETTING_URLS,     /* list of http:// and https:// bases */
};

struct setting_def {
	const char *component; /* daemon, or "topology" */
	const char *name;
	enum setting_kind kind;
	const char *unit; /* "s", "kbit/s", "" */
	const char *fallback; /* default as canonical JSON: true, 28800, [] */
	uint64_t min;
	uint64_t max;
	const char *const *choices; /* NULL-terminated */
	bool restart; /* true: takes effect after a restart only */
	const char *original; /* the original's parameter, or NULL if ours */
	const char *help; /* one sentence */
};

size_t setting_count(void);
const struct setting_def *setting_at(size_t i);
/* NULL when unknown. */
const struct setting_def *setting_find(const char *component,
	const char *name);
/* Nearest valid name of that component, or NULL. */
const char *setting_nearest(const char *component, const char *name);

/* Canonical JSON value (as in the store) checked against the row's type and
 * bounds. why says what would be right. EDGE_ECONFIG. */
EDGE_MUST int setting_check(const struct setting_def *def, const char *json,
	struct why *why);
/* What a person wrote (scalar text or list items) to canonical JSON on the
 * heap: "8h" gives 28800. Caller frees. */
EDGE_MUST int setting_from_text(const struct setting_def *def,
	const struct str *items, size_t count, bool is_list, char **json,
	struct why *why);
/* Canonical JSON to what a person would write: 28800 gives "8h", lists give
 * "[a, b]". Heap, caller frees; NULL when out of memory. */
char *setting_to_text(const struct setting_def *def, const char *json);

/* Effective values of one component: defaults with overrides laid over. */
struct setting_set;
EDGE_MUST int setting_set_new(struct setting_set **out,
	const char *component);
void setting_set_free(struct setting_set *set); /* accepts NULL */
/* Unknown names are EDGE_EUNKNOWN: an error in YAML, a warning in a store. */
EDGE_MUST int setting_set_put(struct setting_set *set, const char *name,
	const char *json, struct why *why);
/* Asking for a name that is not in the table is a mistake of ours: assert. */
bool setting_bool(const struct setting_set *set, const char *name);
uint64_t setting_number(const struct setting_set *set, const char *name);
uint64_t setting_duration_s(const struct setting_set *set, const char *name);
const char *setting_text(const struct setting_set *set, const char *name);
size_t setting_list_count(const struct setting_set *set, const char *name);
const char *setting_list_item(const struct setting_set *set,
	const char *name, size_t i);
/* Canonical JSON of the effective value, borrowed. */
const char *setting_json(const struct setting_set *set, const char *name);
bool setting_is_default(const struct setting_set *set, const char *name);

#endif
