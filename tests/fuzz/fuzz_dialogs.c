/*
 * Dialogs and transactions in any order over real connections: what the
 * steps mean is in tests/unit/access-edge/dialogs.h. The lab stays from one
 * input to the next; now and then all go, and nothing may be left.
 */
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/access-edge/dialogs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* In place of libcheck, which wants a runner: an assertion that fails is a
 * crash that the fuzzer keeps. */
void _mark_point(const char *file, int line)
{
	(void)file;
	(void)line;
}

void _ck_assert_failed(const char *file, int line, const char *expr,
	const char *msg, ...)
{
	(void)msg;
	fprintf(stderr, "%s:%d: %s\n", file, line, expr);
	abort();
}

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
