/*
 * A request to the control bus as bytes: method, blank, path with query,
 * line feed, body. Everything that is decided before a handler is called.
 */
#include <stdlib.h>

#include "common/base/str.h"
#include "common/bus/bus_match.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void no_handler(struct bus_request *req, void *state)
{
	(void)req;
	(void)state;
}

static const char *const check_fields[] = {"generation", NULL};
static const char *const drain_fields[] = {"deadline_s", "reason", NULL};
static const struct bus_route common_routes[] = {
	{"GET", "/v1/status", BUS_READ, NULL, "", no_handler},
	{"GET", "/metrics", BUS_READ, NULL, "", no_handler},
	{"POST", "/v1/check", BUS_CHECK, check_fields, "", no_handler},
};
static const struct bus_route own_routes[] = {
	{"GET", "/v1/allocations", BUS_READ, NULL, "", no_handler},
	{"POST", "/v1/drain", BUS_CHANGE, drain_fields, "", no_handler},
};
static const struct bus_route *const tables[] = {common_routes, own_routes};
static const size_t counts[] = {
	ARRAY_COUNT(common_routes), ARRAY_COUNT(own_routes)};
static const struct bus_tables all = {tables, counts, 2};

/* A peer that may check but not change. */
static bool may(enum bus_right right, const void *arg)
{
	(void)arg;
	return right != BUS_CHANGE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	struct bus_call call = {.may = may};
	struct bus_match match;
	struct str head;

	if (size == 0 || !str_split(&rest, '\n', &head))
		return 0;
	call.body = rest.p != NULL ? rest : (struct str){"", 0};
	str_split(&head, ' ', &call.method);
	call.uri = head.p != NULL ? head : (struct str){"", 0};
	if (bus_match_init(&match, &all, &call) == 0) {
		if (match.route->right == BUS_CHANGE)
			abort();
	} else if (match.status < 400 || match.why.text[0] == '\0') {
		abort();
	}
	bus_match_fini(&match);
	return 0;
}
