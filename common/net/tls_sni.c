/*
 * The folder of further certificates. Each pair becomes a context that holds
 * nothing but the certificate: OpenSSL takes from it what it shows, and all
 * else from the context of the port. Who asks for no name, or for one that
 * nobody has, sees the certificate of the port.
 */
#include "common/net/tls_sni.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "common/base/err.h"

#define PAIRS_MAX 256

struct tls_sni {
	struct tls_ctx *pairs[PAIRS_MAX]; /* owned references */
	size_t count;
};

/* "/folder/name" of "name.crt" with this end; false when it is none. */
static bool pair_path(const char *folder, const char *file, const char *end,
	char *out, size_t cap)
{
	size_t n = strlen(file);
	int len;

	if (n <= 4 || file[0] == '.' || strcmp(file + n - 4, ".crt") != 0)
		return false;
	len = snprintf(out, cap, "%s/%.*s%s", folder, (int)n - 4, file, end);
	return len > 0 && (size_t)len < cap;
}

static int add_pair(struct tls_sni *sni, const struct tls_spec *spec,
	const char *chain, const char *key, struct why *why)
{
	struct tls_spec one = {
		.role = TLS_ROLE_SERVER,
		.verify = TLS_VERIFY_NONE,
		.chain_path = chain,
		.key_path = key,
		.trust_path = spec->trust_path,
		.allow_legacy = spec->allow_legacy,
		.only_13 = spec->only_13,
	};

	if (sni->count == PAIRS_MAX)
		return why_set(why, EDGE_ETOOBIG, "%s: more than %d "
			"certificates", spec->more_path, PAIRS_MAX);
	return tls_ctx_new(&sni->pairs[sni->count], &one, why);
}

static int read_folder(struct tls_sni *sni, const struct tls_spec *spec,
	struct why *why)
{
	DIR *dir = opendir(spec->more_path);
	char chain[PATH_MAX], key[PATH_MAX];
	const struct dirent *entry;
	int err = dir == NULL ? -errno : 0;

	if (dir == NULL)
		return why_set(why, err, "certificates in %s: %s",
			spec->more_path, err_text(err));
	while (err == 0 && (entry = readdir(dir)) != NULL) {
		if (!pair_path(spec->more_path, entry->d_name, ".crt", chain,
			sizeof(chain)) || !pair_path(spec->more_path,
			entry->d_name, ".key", key, sizeof(key)))
			continue;
		err = add_pair(sni, spec, chain, key, why);
		if (err == 0)
			sni->count++;
	}
	closedir(dir);
	return err;
}

int tls_sni_new(struct tls_sni **out, const struct tls_spec *spec,
	struct why *why)
{
	struct tls_sni *sni = calloc(1, sizeof(*sni));
	int err;

	if (sni == NULL)
		return -ENOMEM;
	err = read_folder(sni, spec, why);
	if (err != 0) {
		tls_sni_free(sni);
		return err;
	}
	*out = sni;
	return 0;
}

void tls_sni_free(struct tls_sni *sni)
{
	if (sni == NULL)
		return;
	for (size_t i = 0; i < sni->count; i++)
		tls_ctx_unref(sni->pairs[i]);
	free(sni);
}

size_t tls_sni_count(const struct tls_sni *sni)
{
	return sni->count;
}

static bool has_name(SSL_CTX *ssl, const char *name)
{
	X509 *cert = SSL_CTX_get0_certificate(ssl);

	return cert != NULL && X509_check_host(cert, name, 0, 0, NULL) == 1;
}

static int on_name(SSL *ssl, int *alert, void *arg)
{
	const struct tls_sni *sni = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	/* A leading dot would ask for any subdomain. */
	if (name == NULL || name[0] == '.' ||
		has_name(SSL_get_SSL_CTX(ssl), name))
		return SSL_TLSEXT_ERR_OK;
	for (size_t i = 0; i < sni->count; i++) {
		SSL_CTX *one = tls_ctx_ssl(sni->pairs[i]);

		if (has_name(one, name)) {
			SSL_set_SSL_CTX(ssl, one);
			break;
		}
	}
	ERR_clear_error();
	return SSL_TLSEXT_ERR_OK;
}

void tls_sni_attach(struct tls_sni *sni, SSL_CTX *ssl)
{
	/* Once it is chosen, a pair's context is where OpenSSL looks for
	 * whom we trust; its own issuers may be among them. */
	for (size_t i = 0; i < sni->count; i++) {
		SSL_CTX *one = tls_ctx_ssl(sni->pairs[i]);

		SSL_CTX_set1_cert_store(one, SSL_CTX_get_cert_store(ssl));
		tls_complete_chain(one);
	}
	SSL_CTX_set_tlsext_servername_arg(ssl, sni);
	SSL_CTX_set_tlsext_servername_callback(ssl, on_name);
}

/* FNV-1a; the order of the folder must not matter, so entries are summed. */
static uint64_t mix(const void *data, size_t len, uint64_t h)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 1099511628211u;
	return h;
}

static uint64_t file_stamp(const char *path)
{
	uint64_t h = 14695981039346656037u;
	struct stat st;

	h = mix(path, strlen(path), h);
	if (stat(path, &st) != 0)
		return h;
	h = mix(&st.st_ino, sizeof(st.st_ino), h);
	h = mix(&st.st_size, sizeof(st.st_size), h);
	h = mix(&st.st_mtim, sizeof(st.st_mtim), h);
	return mix(&st.st_ctim, sizeof(st.st_ctim), h);
}

uint64_t tls_sni_stamp(const char *folder)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	uint64_t sum = 1;
	DIR *dir = folder != NULL ? opendir(folder) : NULL;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		if (pair_path(folder, entry->d_name, ".crt", path,
			sizeof(path)))
			sum += file_stamp(path);
		if (pair_path(folder, entry->d_name, ".key", path,
			sizeof(path)))
			sum += file_stamp(path);
	}
	closedir(dir);
	return sum;
}
