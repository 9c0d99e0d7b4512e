/* edgectl version: what this is, and which libraries it runs with. */
#include <ares.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <expat.h>
#include <libfyaml.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <srtp2/srtp.h>
#include <stdio.h>
#include <zstd.h>

#include "edgectl/commands.h"
#include "edgectl/output.h"

#ifndef EDGE_VERSION
#error "EDGE_VERSION is set by the Makefile"
#endif

static void as_text(FILE *to, const json_t *object)
{
	const char *name;
	json_t *libraries = json_object_get(object, "libraries");
	json_t *value;

	fprintf(to, "sallyport %s\n", output_str(object, "version", "?"));
	json_object_foreach(libraries, name, value)
		fprintf(to, "  %-10s %s\n", name, json_string_value(value));
}

static int run(struct cmd_call *call)
{
	json_t *object = json_pack("{s:b,s:s,s:{s:s,s:s,s:s,s:s,s:s,s:s,s:s,"
				   "s:s,s:s,s:s}}",
		"ok", 1, "version", EDGE_VERSION, "libraries", "openssl",
		OpenSSL_version(OPENSSL_VERSION_STRING), "libevent",
		event_get_version(), "sqlite", sqlite3_libversion(), "c-ares",
		ares_version(NULL), "expat", XML_ExpatVersion(), "jansson",
		jansson_version_str(), "libfyaml", fy_library_version(),
		"libcurl", curl_version_info(CURLVERSION_NOW)->version,
		"libsrtp", srtp_get_version_string(), "zstd",
		ZSTD_versionString());

	output_print(call, object, as_text);
	return CMD_OK;
}

static const struct cmd_verb VERBS[] = {
	{
		.words = "",
		.help = "show the version of the suite and of its libraries",
		.examples = "edgectl version\n"
			    "edgectl version --json | jq .libraries.openssl\n",
		.run = run,
	},
};

const struct cmd cmd_version = {
	.noun = "version",
	.help = "show the version of the suite and of its libraries",
	.verbs = VERBS,
	.verb_count = ARRAY_COUNT(VERBS),
};
