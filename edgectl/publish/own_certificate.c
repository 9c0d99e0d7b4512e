/*
 * What would fail with the first machine fails here, with the file and the
 * line of publisher.yaml that are to be mended.
 */
#include "edgectl/publish/own_certificate.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/net/tls.h"

static int check_files(const struct publish_conf *conf, struct why *why)
{
	const struct {
		const char *path;
		const char *key; /* in publisher.yaml */
	} files[] = {
		{conf->chain, "certificate: {chain}"},
		{conf->key, "certificate: {key}"},
		{conf->trust, "trust"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		int err = access(files[i].path, R_OK) < 0 ? -errno : 0;

		if (err < 0)
			return why_set(why, err, "%s: %s; '%s' of %s names it",
				files[i].path, err_text(err), files[i].key,
				conf->path);
	}
	return 0;
}

static int check_pair(const struct publish_conf *conf, struct why *why)
{
	const struct tls_spec spec = {
		.role = TLS_ROLE_CLIENT,
		.verify = TLS_VERIFY_REQUIRE,
		.chain_path = conf->chain,
		.key_path = conf->key,
		.trust_path = conf->trust,
	};
	struct tls_ctx *ctx = NULL;
	int err = tls_ctx_new(&ctx, &spec, why);

	if (err == 0)
		tls_ctx_unref(ctx);
	return err;
}

int own_certificate_check(const struct publish_conf *conf, struct why *why)
{
	struct tls_cert_info info;
	int err = check_files(conf, why);

	if (err == 0)
		err = check_pair(conf, why);
	if (err == 0)
		err = tls_cert_info_load(conf->chain, &info, why);
	if (err < 0)
		return err;
	for (size_t i = 0; i < info.name_count; i++)
		if (strcasecmp(info.names[i], conf->name) == 0)
			return 0;
	return why_set(why, EDGE_ECONFIG, "%s is made out to %s%s, and no edge "
		"will take us for %s: correct 'name' or 'certificate' of %s",
		conf->chain, info.name_count > 0 ? info.names[0] : "nobody",
		info.name_count > 1 ? " and others" : "", conf->name,
		conf->path);
}

int own_certificate_in_time(const struct publish_conf *conf, struct why *why)
{
	struct tls_cert_info info;
	struct wall now = wall_now();
	char text[WALL_TEXT_LEN];
	int err = tls_cert_info_load(conf->chain, &info, why);

	if (err < 0)
		return err;
	if (now.s > info.not_after.s)
		return why_set(why, EDGE_ECONFIG, "%s expired on %s, and no "
			"edge lets it in: renew it", conf->chain,
			wall_text(info.not_after, text));
	if (now.s < info.not_before.s)
		return why_set(why, EDGE_ECONFIG, "%s is not valid before %s: "
			"is the clock of this machine right?", conf->chain,
			wall_text(info.not_before, text));
	return 0;
}
