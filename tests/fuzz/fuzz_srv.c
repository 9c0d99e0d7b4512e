/* SRV answers: any bytes as a DNS message. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/net/srv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resolve_srv rows[SRV_ROWS_MAX];
	size_t count = 0;
	size_t i;

	if (srv_parse(data, size, rows, SRV_ROWS_MAX, &count) < 0)
		return 0;
	if (count > SRV_ROWS_MAX)
		abort();
	srv_sort(rows, count);
	for (i = 0; i < count; i++) {
		if (memchr(rows[i].target, '\0', sizeof(rows[i].target)) ==
			NULL || rows[i].target[0] == '\0')
			abort();
		if (i > 0 && rows[i].priority < rows[i - 1].priority)
			abort();
	}
	return 0;
}
