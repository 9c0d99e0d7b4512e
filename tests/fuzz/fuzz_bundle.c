/*
 * A whole bundle as it comes over the wire: envelope, manifest, signatures;
 * what is whole is unpacked into an empty schema, whoever signed it, because
 * a publisher may err, too.
 */
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/bundle/bundle.h"
#include "common/bundle/bundle_layout.h"
#include "common/bundle/bundle_trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bundle_trust trust;
	struct sqlite3 *db = NULL;
	struct bundle b;
	char *text = NULL;

	if (bundle_read(&b, data, size, NULL) < 0)
		return 0;
	/* What was read prints as what it was: parts are sent with it. */
	if (bundle_manifest_print(&b.manifest, &text, NULL) < 0 ||
		strlen(text) != buf_load_u32(data + BUNDLE_MAGIC_LEN) ||
		memcmp(text, data + BUNDLE_MAGIC_LEN + 4, strlen(text)) != 0)
		abort();
	free(text);
	if (b.manifest.type == BUNDLE_TRUST &&
		bundle_trust_parse(&trust,
			(struct str){(const char *)b.payload, b.payload_len},
			NULL) == 0 &&
		bundle_trust_verify(&trust, &b, NULL) == 0)
		(void)trust.serial;
	if (b.manifest.type == BUNDLE_TOPOLOGY && b.manifest.raw_len < 65536 &&
		bundle_scratch(&db, &b, NULL) == 0)
		sqlite3_close(db);
	bundle_fini(&b);
	return 0;
}
