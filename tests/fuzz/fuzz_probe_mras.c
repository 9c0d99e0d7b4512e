/* Answers of the A/V authentication service, as a client reads them. */
#include <stdlib.h>

#include "edgectl/probe/probe_mras.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct probe_mras out;
	struct why why;

	if (probe_mras_parse(&out, (struct str){(const char *)data, size},
		    "internet", &why) == 0 &&
		(out.user[0] == '\0' || out.udp_port == 0))
		abort();
	return 0;
}
