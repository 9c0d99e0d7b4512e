/*
 * A request on 4443: the first line of the input is method, path and the
 * header Edge-Version, the rest is the body.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "replication-agent/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = {(const char *)data, size};
	struct str line = {all.p, str_find(all, '\n')};
	struct str method;
	struct str uri = {NULL, 0};
	struct request_raw raw = {.body = str_skip(all, line.n + 1)};
	char version[128] = "";
	struct request r;
	struct why why = {""};
	int status;

	if (!str_split(&line, ' ', &method))
		return 0;
	(void)str_split(&line, ' ', &uri);
	if (line.n > 0 && str_copy(line, version, sizeof(version)) == 0)
		raw.version = version;
	raw.method = method;
	raw.uri = uri;
	status = request_read(&r, &raw, &why);
	if (status != 0 && status != 400 && status != 404 && status != 405)
		abort();
	if (status == 0 && strlen(request_name(r.kind)) == 0)
		abort();
	return 0;
}
