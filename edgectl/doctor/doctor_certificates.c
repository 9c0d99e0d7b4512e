/*
 * The doctor on certificates (access-edge.md 13.2): there, readable by the
 * daemon that needs them, key fits, right names, in time, signed by whom the
 * other side trusts.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "common/net/tls.h"
#include "common/run/rights.h"
#include "edgectl/doctor/doctor.h"
#include "edgectl/doctor/doctor_read.h"

#define SOON_DAYS 30

/* What each use must be fit for. */
struct use_row {
	enum conf_use use;
	enum conf_daemon reader;
	enum topology_usage usage; /* needed when there is such a listener */
	enum topology_side side;
};

static const struct use_row USES[] = {
	{CONF_USE_EXTERNAL_SIP, CONF_ACCESS_EDGE, TOPOLOGY_SIP_CLIENT,
		TOPOLOGY_EXTERNAL},
	{CONF_USE_EXTERNAL_WEBCONF, CONF_WEBCONF_EDGE, TOPOLOGY_WEBCONF_CLIENT,
		TOPOLOGY_EXTERNAL},
	{CONF_USE_EXTERNAL_AV, CONF_AV_EDGE, TOPOLOGY_TURN_TCP,
		TOPOLOGY_EXTERNAL},
	{CONF_USE_INTERNAL, CONF_ACCESS_EDGE, TOPOLOGY_SIP_INTERNAL,
		TOPOLOGY_INTERNAL},
	{CONF_USE_INTERNAL, CONF_AV_AUTH, TOPOLOGY_AUTH, TOPOLOGY_INTERNAL},
};

static bool may(const struct rights *r, const struct stat *st, unsigned how)
{
	return doctor_may(st, how, r->uid, r->gid, r->memberships,
		r->membership_count);
}

/* The first folder on the way to path that the user can't pass, in out. */
static bool is_closed(const char *path, const struct rights *rights,
	char out[static PATH_MAX])
{
	struct stat st;

	for (const char *at = strchr(path + 1, '/'); at != NULL;
		at = strchr(at + 1, '/')) {
		snprintf(out, PATH_MAX, "%.*s", (int)(at - path), path);
		if (stat(out, &st) == 0 && S_ISDIR(st.st_mode) &&
			!may(rights, &st, DOCTOR_PASS))
			return true;
	}
	return false;
}

/* Where the file is named, and where links lead to (Let's Encrypt's live/
 * and archive/, both root's alone). */
static bool check_folders(struct doctor *d, const struct use_row *row,
	const struct rights *rights, const char *path)
{
	char real[PATH_MAX];
	char folder[PATH_MAX];
	char cure[WHY_LEN];

	if (!is_closed(path, rights, folder) &&
		(realpath(path, real) == NULL ||
			!is_closed(real, rights, folder)))
		return true;
	snprintf(cure, sizeof(cure), "have the files copied to "
		CONF_TLS_DIR " when they are renewed, and name those in "
		"edge.yaml; or setfacl -m u:%s:x %.200s",
		d->conf->users[row->reader], folder);
	doctor_add(d, DOCTOR_FAIL, conf_use_name(row->use), cure,
		"%s: %s (uid %u) can't pass through %s", path,
		conf_daemon_name(row->reader), (unsigned)rights->uid, folder);
	return false;
}

static void check_reader(struct doctor *d, const struct use_row *row,
	const char *path)
{
	struct rights rights;
	struct why why = {""};
	struct stat st;
	char cure[WHY_LEN];

	if (rights_find(&rights, row->reader, d->conf->users, &why) != 0)
		return; /* the room of configuration tells of users */
	if (stat(path, &st) != 0) {
		doctor_add(d, DOCTOR_FAIL, conf_use_name(row->use),
			"put the file there, or name another in edge.yaml",
			"%s: %s", path, strerror(errno));
		return;
	}
	if (!check_folders(d, row, &rights, path))
		return;
	snprintf(cure, sizeof(cure), "chgrp sallyport-%s %s && chmod 640 %s",
		row->use == CONF_USE_INTERNAL ?
			"tls" : conf_daemon_name(row->reader), path, path);
	if (!may(&rights, &st, DOCTOR_READ))
		doctor_add(d, DOCTOR_FAIL, conf_use_name(row->use), cure,
			"%s: %s (uid %u) can't read it", path,
			conf_daemon_name(row->reader), (unsigned)rights.uid);
	else if ((st.st_mode & S_IROTH) != 0 && strstr(path, ".key") != NULL)
		doctor_add(d, DOCTOR_WARN, conf_use_name(row->use),
			cure, "%s: everybody can read the key", path);
}

static void check_dates(struct doctor *d, const char *use, const char *chain,
	const struct tls_cert_info *info)
{
	const int64_t now = wall_now().s;
	const long long days = (info->not_after.s - now) / 86400;

	if (info->not_before.s > now)
		doctor_add(d, DOCTOR_FAIL, use, "set the clock, or wait",
			"%s: not valid before a moment in the future", chain);
	else if (info->not_after.s <= now)
		doctor_add(d, DOCTOR_FAIL, use,
			"renew it: put the new files "
			"in place, they are taken up by themselves",
			"%s: expired %lld %s ago", chain, -days,
			days == -1 ? "day" : "days");
	else if (days < SOON_DAYS)
		doctor_add(d, DOCTOR_WARN, use,
			"renew it: put the new files "
			"in place, they are taken up by themselves",
			"%s: expires in %lld days", chain, days);
}

static bool has_name(const struct tls_cert_info *info, const char *name)
{
	for (size_t i = 0; i < info->name_count; i++)
		if (strcasecmp(info->names[i], name) == 0)
			return true;
	return false;
}

static void check_names(struct doctor *d, const struct use_row *row,
	const struct tls_cert_info *info)
{
	const char *use = conf_use_name(row->use);
	const struct topology_listener *l;
	char name[300];

	if (row->use == CONF_USE_INTERNAL) {
		if (!has_name(info, d->conf->machine))
			doctor_add(d, DOCTOR_FAIL, use,
				"get one with this "
				"DNS name",
				"lacks the name %s", d->conf->machine);
		return;
	}
	l = topology_listener(d->topology, row->usage, row->side);
	if (l != NULL && !has_name(info, l->public_fqdn))
		doctor_add(d, DOCTOR_FAIL, use, "get one with this DNS name",
			"lacks the name %s that clients connect to",
			l->public_fqdn);
	if (row->use != CONF_USE_EXTERNAL_SIP)
		return;
	for (size_t i = 0; i < d->topology->domain_count; i++) {
		snprintf(name, sizeof(name), "sip.%s", d->topology->domains[i]);
		if (!has_name(info, name))
			doctor_add(d, DOCTOR_WARN, use,
				"add this DNS name at "
				"the next renewal",
				"lacks %s: clients of "
				"that domain that find us by DNS will "
				"refuse it",
				name);
	}
}

/* 0, or OpenSSL's reason why the chain does not lead to the trust file. */
static int verify_chain(const char *chain_path, const char *trust_path)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *rest = sk_X509_new_null();
	BIO *bio = BIO_new_file(chain_path, "r");
	X509 *leaf =
		bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	X509 *more;
	int reason = X509_V_ERR_UNSPECIFIED;

	if (store == NULL || ctx == NULL || rest == NULL || leaf == NULL ||
		X509_STORE_load_file(store, trust_path) != 1)
		goto out;
	while ((more = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		if (sk_X509_push(rest, more) <= 0)
			X509_free(more);
	if (X509_STORE_CTX_init(ctx, store, leaf, rest) != 1)
		goto out;
	reason = X509_verify_cert(ctx) == 1 ? 0 : X509_STORE_CTX_get_error(ctx);
out:
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	sk_X509_pop_free(rest, X509_free);
	X509_free(leaf);
	BIO_free(bio);
	return reason;
}

static void check_chain(struct doctor *d, const struct use_row *row,
	const char *chain)
{
	const char *trust = row->use == CONF_USE_INTERNAL ?
		d->conf->trust_internal :
		d->conf->trust_external;
	int reason;

	if (trust == NULL)
		return; /* the system's bundle: the clients' affair */
	if (access(trust, R_OK) != 0)
		return; /* told already */
	reason = verify_chain(chain, trust);
	if (reason != 0 && reason != X509_V_ERR_CERT_HAS_EXPIRED &&
		reason != X509_V_ERR_CERT_NOT_YET_VALID)
		doctor_add(d, DOCTOR_FAIL, conf_use_name(row->use),
			"put the whole chain into the file, leaf first, or "
			"name the right authority under 'trust'",
			"%s is not signed by %s: %s", chain, trust,
			X509_verify_cert_error_string(reason));
}

static void check_use(struct doctor *d, const struct use_row *row)
{
	const struct conf_certificate *cert = &d->conf->certs[row->use];
	const char *use = conf_use_name(row->use);
	const unsigned before = d->count[DOCTOR_FAIL];
	struct tls_cert_info info;
	struct tls_ctx *ctx = NULL;
	struct why why = {""};
	int err;

	check_reader(d, row, cert->key);
	check_reader(d, row, cert->chain);
	if (d->count[DOCTOR_FAIL] > before)
		return;
	/* As the daemon does it, so that it says what the daemon says. */
	err = tls_ctx_new(&ctx,
		&(struct tls_spec){
			.role = TLS_ROLE_SERVER,
			.verify = TLS_VERIFY_NONE,
			.chain_path = cert->chain,
			.key_path = cert->key,
		},
		&why);
	tls_ctx_unref(ctx);
	if (err == 0)
		err = tls_cert_info_load(cert->chain, &info, &why);
	if (err != 0) {
		doctor_add(d, DOCTOR_FAIL, use,
			"put a PEM chain and its "
			"own key there",
			"%s", why_text(&why, err));
		return;
	}
	check_dates(d, use, cert->chain, &info);
	check_names(d, row, &info);
	check_chain(d, row, cert->chain);
	if (d->count[DOCTOR_FAIL] == before)
		doctor_add(d, DOCTOR_OK, use, NULL, "%s for %s, %lld days left",
			info.subject, conf_daemon_name(row->reader),
			(long long)((info.not_after.s - wall_now().s) / 86400));
}

/* Whom we believe: without the inside's authorities no daemon starts. */
static void check_trust(struct doctor *d, const char *what, const char *path)
{
	if (path != NULL && access(path, R_OK) != 0)
		doctor_add(d, DOCTOR_FAIL, what,
			"put the certificates of that side's authorities "
			"there, PEM, or name another file under 'trust'",
			"%s: %s", path, strerror(errno));
}

/* TURN is served without a certificate as well, but not over TLS. */
static bool is_needed(const struct doctor *d, const struct use_row *row)
{
	if (row->use == CONF_USE_EXTERNAL_AV &&
		!d->conf->certs[row->use].is_set)
		return false;
	return topology_listener(d->topology, row->usage, row->side) != NULL;
}

void doctor_certificates(struct doctor *d)
{
	if (d->topology == NULL)
		return;
	check_trust(d, "trust, internal", d->conf->trust_internal);
	check_trust(d, "trust, external", d->conf->trust_external);
	for (size_t i = 0; i < ARRAY_COUNT(USES); i++)
		if (is_needed(d, &USES[i]))
			check_use(d, &USES[i]);
}
