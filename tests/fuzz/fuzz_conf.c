/* edge.yaml from any bytes: a reason or a complete configuration. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/run/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 loses 2 kB over a value of many doubled quotes. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct conf *conf = NULL;
	struct why why = {""};

	if (conf_parse(&conf, "fuzz", text, &why) < 0) {
		if (why.text[0] == '\0')
			abort();
		return 0;
	}
	if (conf->machine == NULL || conf->run_dir == NULL ||
		conf->certs[CONF_USE_INTERNAL].key == NULL ||
		conf->users[CONF_AV_AUTH] == NULL)
		abort();
	conf_free(conf);
	return 0;
}
