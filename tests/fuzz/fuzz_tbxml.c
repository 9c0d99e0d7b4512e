/*
 * Topologies of the original from any bytes: refused with a reason, or with
 * remarks, or imported; what was imported is a topology.yaml that reads.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/store/topology_yaml.h"
#include "edgectl/topology/tbxml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct topology_yaml *y = NULL;
	struct why why = {""};
	struct tbxml t;
	char *yaml = NULL;

	if (tbxml_parse(&t, "fuzz", text, &why) < 0) {
		if (why.text[0] == '\0')
			abort();
	} else if (t.has_errors) {
		if (t.note_count == 0)
			abort();
	} else {
		if (tbxml_yaml(&t, "fuzz", &yaml, &why) < 0 ||
			topology_yaml_parse(&y, "again", str_of(yaml), &why) <
				0)
			abort();
		topology_yaml_free(y);
		free(yaml);
	}
	tbxml_fini(&t);
	return 0;
}
