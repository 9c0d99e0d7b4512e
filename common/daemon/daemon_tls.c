/*
 * The daemon's TLS contexts: which files belong to a use, one watched
 * context per use, role and way of verifying, and what status shows of the
 * certificates. Building and swapping contexts is net/tls's affair.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/daemon/daemon_life.h"
#include "common/run/setting.h"

struct daemon_cert {
	struct list node;
	enum conf_use use;
	enum tls_role role;
	enum tls_verify verify;
	struct tls_watch *watch; /* owned */
	bool has_info;
	struct tls_cert_info info; /* as of the last swap */
};

/* What a daemon can't start without, for --check. */
static const unsigned daemon_uses[CONF_DAEMON_COUNT] = {
	[CONF_AV_AUTH] = 1u << CONF_USE_INTERNAL,
	[CONF_AV_EDGE] = 0,
	[CONF_ACCESS_EDGE] =
		1u << CONF_USE_INTERNAL | 1u << CONF_USE_EXTERNAL_SIP,
	[CONF_WEBCONF_EDGE] =
		1u << CONF_USE_INTERNAL | 1u << CONF_USE_EXTERNAL_WEBCONF,
	[CONF_REPLICATION_AGENT] = 1u << CONF_USE_INTERNAL,
};

/* The oldest version, where the daemon has a setting for it. */
static const char *tls_min(const struct daemon *d)
{
	const struct setting_set *set = NULL;

	if (d->topology != NULL && setting_find(d->name, "tls_min") != NULL)
		set = topology_settings(d->topology, d->name);
	return set != NULL ? setting_text(set, "tls_min") : "1.2";
}

static struct tls_spec spec_of(const struct daemon *d, enum conf_use use,
	enum tls_role role, enum tls_verify verify)
{
	const struct conf_certificate *cert = &d->conf->certs[use];

	return (struct tls_spec){
		.role = role,
		.verify = verify,
		.chain_path = cert->chain,
		.key_path = cert->key,
		.more_path = role == TLS_ROLE_SERVER ? cert->more : NULL,
		.trust_path = use == CONF_USE_INTERNAL
			? d->conf->trust_internal
			: d->conf->trust_external,
		.allow_legacy = strcmp(tls_min(d), "1.2") < 0,
		.only_13 = strcmp(tls_min(d), "1.3") == 0,
		.alpn = d->spec->alpn,
	};
}

static void read_info(const struct daemon *d, struct daemon_cert *c)
{
	c->has_info = tls_cert_info_load(d->conf->certs[c->use].chain,
			      &c->info, NULL) == 0;
}

static struct daemon_cert *find(struct daemon *d, enum conf_use use,
	enum tls_role role, enum tls_verify verify)
{
	struct list *node;

	list_for_each(node, &d->certs) {
		struct daemon_cert *c =
			container_of(node, struct daemon_cert, node);

		if (c->use == use && c->role == role && c->verify == verify)
			return c;
	}
	return NULL;
}

int daemon_tls(struct daemon *d, enum conf_use use, enum tls_role role,
	enum tls_verify verify, struct tls_watch **out, struct why *why)
{
	const struct tls_spec spec = spec_of(d, use, role, verify);
	struct daemon_cert *c = find(d, use, role, verify);
	int err;

	if (c != NULL) {
		*out = c->watch;
		return 0;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return why_set(why, -ENOMEM, "%s", err_text(-ENOMEM));
	err = tls_watch_new(&c->watch, &spec, why);
	if (err < 0) {
		free(c);
		return why_prefix(why, err, "certificate for %s",
			conf_use_name(use));
	}
	c->use = use;
	c->role = role;
	c->verify = verify;
	read_info(d, c);
	list_push_back(&d->certs, &c->node);
	*out = c->watch;
	return 0;
}

static void tell_swap(struct daemon *d, const struct daemon_cert *c)
{
	char until[WALL_TEXT_LEN];

	daemon_event(d, "certificate.swapped", "use=%s not_after=%s",
		conf_use_name(c->use), wall_text(c->info.not_after, until));
}

int daemon_certs_poll(struct daemon *d, bool force, struct why *why)
{
	struct list *node;
	int swapped = 0;
	int failed = 0;

	list_for_each(node, &d->certs) {
		struct daemon_cert *c =
			container_of(node, struct daemon_cert, node);
		struct why one = {""};
		int rc = tls_watch_poll(c->watch, force, &one);

		if (rc == 1) {
			swapped++;
			read_info(d, c);
			tell_swap(d, c);
		} else if (rc < 0 && failed == 0) {
			failed = why_set(why, rc,
				"certificate for %s: %s; the old one stays in "
				"use", conf_use_name(c->use),
				why_text(&one, rc));
		}
	}
	if (swapped > 0 && d->spec->certs != NULL && d->state != NULL)
		d->spec->certs(d->state);
	/* Bad files are told once; they stay bad until a swap. */
	if (failed < 0)
		d->has_bad_cert = true;
	else if (swapped > 0)
		d->has_bad_cert = false;
	return failed < 0 ? failed : swapped;
}

size_t daemon_certs_view(const struct daemon *d, struct daemon_cert_view *out,
	size_t cap)
{
	const struct list *node;
	unsigned seen = 0;
	size_t n = 0;

	list_for_each(node, &d->certs) {
		const struct daemon_cert *c =
			container_of(node, const struct daemon_cert, node);

		if ((seen & 1u << c->use) != 0 || n >= cap)
			continue;
		seen |= 1u << c->use;
		out[n++] = (struct daemon_cert_view){
			.use = c->use,
			.chain = d->conf->certs[c->use].chain,
			.info = c->has_info ? &c->info : NULL,
		};
	}
	return n;
}

int daemon_certs_check(const struct daemon *d, struct why *why)
{
	for (unsigned use = 0; use < CONF_USE_COUNT; use++) {
		const struct tls_spec spec = spec_of(d, use, TLS_ROLE_SERVER,
			TLS_VERIFY_REQUIRE);
		struct tls_ctx *ctx;
		int err;

		if ((daemon_uses[d->spec->id] & 1u << use) == 0)
			continue;
		err = tls_ctx_new(&ctx, &spec, why);
		if (err < 0)
			return why_prefix(why, err, "certificate for %s",
				conf_use_name(use));
		tls_ctx_unref(ctx);
	}
	return 0;
}

void daemon_certs_free(struct daemon *d)
{
	struct list *node;
	struct list *next;

	list_for_each_safe(node, next, &d->certs) {
		struct daemon_cert *c =
			container_of(node, struct daemon_cert, node);

		tls_watch_free(c->watch);
		free(c);
	}
	list_init(&d->certs);
}
