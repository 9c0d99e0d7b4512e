/*
 * topology.yaml from any bytes: refused with a reason, or taken; what was
 * taken passes the checks' code and comes back the same through a dump.
 */
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/store/topology_check.h"
#include "common/store/topology_yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 loses 2 kB over a value of many doubled quotes. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml\n";
}

static char *dump(struct topology_yaml *y)
{
	struct topology_finding *rows = NULL;
	struct sqlite3 *db = NULL;
	size_t count = 0;
	char *text = NULL;

	if (topology_yaml_scratch(&db, y, NULL) < 0 ||
		topology_check(db, &rows, &count, NULL) < 0 ||
		topology_yaml_dump(db, &text, NULL) < 0)
		abort();
	free(rows);
	sqlite3_close(db);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct topology_yaml *y = NULL;
	struct why why = {""};
	char *first;
	char *second;

	if (topology_yaml_parse(&y, "fuzz", text, &why) < 0) {
		if (why.text[0] == '\0')
			abort();
		return 0;
	}
	first = dump(y);
	topology_yaml_free(y);
	if (topology_yaml_parse(&y, "dump", str_of(first), &why) < 0)
		abort();
	second = dump(y);
	topology_yaml_free(y);
	if (strcmp(first, second) != 0)
		abort();
	free(first);
	free(second);
	return 0;
}
