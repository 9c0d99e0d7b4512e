/*
 * Merging two views of one call by the host's clock. Which messages there
 * are is the tracer's affair; the client's legs are in the ladder already.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/attr.h"
#include "edgectl/call/call_trace.h"
#include "edgectl/call/ladder.h"
#include "edgectl/output.h"

#define TRACE_MAX (16u << 20)

/* Parties of the trace, as the ladder calls them; others are clients. */
static const struct {
	const char *name;
	const char *party;
} PARTIES[] = {
	{"inside", "registrar"},
	{"access-edge", "access-edge"},
	{"av-auth", "av-auth"},
};

static const char *party(const json_t *line, const char *key)
{
	const char *name = output_str(line, key, "");

	for (size_t i = 0; i < ARRAY_COUNT(PARTIES); i++)
		if (strcmp(PARTIES[i].name, name) == 0)
			return PARTIES[i].party;
	return NULL;
}

static void add_line(json_t *ladder, const json_t *line, int64_t start_us)
{
	const char *from = party(line, "from");
	const char *to = party(line, "to");
	const json_int_t time_us =
		json_integer_value(json_object_get(line, "time_us"));
	const json_t *status = json_object_get(line, "status");
	char what[160];

	if (from == NULL || to == NULL || time_us < start_us)
		return;
	if (status == NULL)
		snprintf(what, sizeof(what), "%s",
			output_str(line, "method", ""));
	else
		snprintf(what, sizeof(what), "%lld %s (%s)",
			json_integer_value(status),
			output_str(line, "reason", ""),
			output_str(line, "method", ""));
	ladder_add(ladder, (double)(time_us - start_us) / 1000.0, from, to,
		what);
}

void call_trace_merge(json_t *ladder, struct str trace, int64_t start_us)
{
	struct str line;

	while (str_split(&trace, '\n', &line)) {
		json_t *object = json_loadb(line.p, line.n, 0, NULL);

		if (object != NULL)
			add_line(ladder, object, start_us);
		json_decref(object);
	}
	ladder_sort(ladder);
}

void call_trace_merge_file(json_t *ladder, const char *path, int64_t start_us)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0 &&
		st.st_size <= TRACE_MAX)
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd,
			0);
	if (map != MAP_FAILED) {
		call_trace_merge(ladder, (struct str){map, (size_t)st.st_size},
			start_us);
		munmap(map, (size_t)st.st_size);
	}
	if (fd >= 0)
		close(fd);
}
