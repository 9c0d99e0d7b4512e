/*
 * Dialogs and transactions in any order over real connections: what the
 * steps mean is in tests/unit/access-edge/dialogs.h. The lab stays from one
 * input to the next; now and then all go, and nothing may be left.
 */
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/access-edge/dialogs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct dialogs d;
	static bool is_open;

	if (!is_open)
		dialogs_init(&d);
	is_open = dialogs_play(&d, data, len);
	if (!is_open)
		dialogs_fini(&d);
	return 0;
}
