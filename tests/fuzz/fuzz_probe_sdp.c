/* Session descriptions of a synthetic call's peer. */
#include <stdlib.h>

#include "edgectl/probe/probe_sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct probe_sdp out;
	struct probe_sdp again;
	struct why why;
	char *text;

	if (probe_sdp_parse(&out, (struct str){(const char *)data, size},
		    &why) != 0)
		return 0;
	/* What was understood can be said again. */
	text = probe_sdp_print(&out);
	if (text == NULL || probe_sdp_parse(&again, str_of(text), &why) != 0 ||
		!addr_eq(&again.relay, &out.relay))
		abort();
	free(text);
	return 0;
}
