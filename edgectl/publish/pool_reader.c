/*
 * Certificates that pool keys are sealed to. A publisher's row counts only
 * when its certificate comes from the CA that we trust: who can write to
 * the record does not get keys by that.
 */
#include "edgectl/publish/pool_reader.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/log.h"

#define PEM_MAX 65536u

/* The first certificate of our chain as text. */
static int own_pem(const struct publish_conf *conf, char **out,
	struct why *why)
{
	FILE *from = fopen(conf->chain, "re");
	X509 *x = NULL;
	size_t len = 0;
	FILE *to;
	int err = 0;

	if (from == NULL)
		return why_set(why, -errno, "%s: %s", conf->chain,
			err_text(-errno));
	x = PEM_read_X509(from, NULL, NULL, NULL);
	fclose(from);
	if (x == NULL) {
		ERR_clear_error();
		return why_set(why, EDGE_ETLS, "%s: not a certificate in PEM",
			conf->chain);
	}
	to = open_memstream(out, &len);
	if (to == NULL || PEM_write_X509(to, x) != 1)
		err = -ENOMEM;
	if (to != NULL)
		fclose(to);
	X509_free(x);
	return err;
}

int pool_ring_register(struct record *r, const struct publish_conf *conf,
	struct why *why)
{
	char *pem = NULL;
	int err = own_pem(conf, &pem, why);

	if (err == 0) {
		const struct record_value in[] = {record_text(conf->name),
			record_text(pem), record_int(wall_now().s)};

		err = record_run(r, "INSERT INTO publisher(name, certificate,"
			" seen) VALUES($1, $2, $3) ON CONFLICT(name)"
			" DO UPDATE SET certificate=excluded.certificate,"
			" seen=excluded.seen", in, 3, NULL, why);
	}
	free(pem);
	return err;
}

/* ---- publishers --------------------------------------------------------- */

static bool is_ours(X509_STORE *store, const char *pem)
{
	BIO *in = BIO_new_mem_buf(pem, -1);
	X509 *x = in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool is_good = x != NULL && ctx != NULL &&
		X509_STORE_CTX_init(ctx, store, x, NULL) == 1 &&
		X509_verify_cert(ctx) == 1;

	X509_STORE_CTX_free(ctx);
	X509_free(x);
	BIO_free(in);
	ERR_clear_error();
	return is_good;
}

static int add(struct pool_readers *out, const char *pem)
{
	char *copy;

	if (out->count == SEAL_READERS_MAX)
		return 0;
	copy = strdup(pem);
	if (copy == NULL)
		return -ENOMEM;
	out->owned[out->count] = copy;
	out->pems[out->count++] = str_of(copy);
	return 0;
}

static int add_others(struct pool_readers *out, const struct record_rows *rows,
	const struct publish_conf *conf, struct why *why)
{
	X509_STORE *store = X509_STORE_new();
	int err = 0;

	if (store == NULL)
		return -ENOMEM;
	if (X509_STORE_load_locations(store, conf->trust, NULL) != 1) {
		ERR_clear_error();
		err = why_set(why, EDGE_ETLS, "%s: no CAs in it", conf->trust);
	}
	for (size_t i = 0; i < rows->rows && err == 0; i++) {
		const char *pem = record_cell(rows, i, 1);

		if (is_ours(store, pem))
			err = add(out, pem);
		else
			log_warning("publisher.untrusted", "name=%s text=%s",
				log_qz(record_cell(rows, i, 0)),
				log_qz("its certificate is not from our CA: "
				       "no pool key is sealed to it"));
	}
	X509_STORE_free(store);
	return err;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int list_ids(struct pool_readers *out, struct why *why)
{
	char ids[SEAL_READERS_MAX][65];
	uint8_t id[32];
	size_t at = 0;
	int err = 0;

	for (size_t i = 0; i < out->count && err == 0; i++) {
		err = seal_reader_id(out->pems[i], id, why);
		str_hex(id, sizeof(id), ids[i]);
	}
	if (err < 0)
		return err;
	qsort(ids, out->count, sizeof(ids[0]), by_text);
	for (size_t i = 0; i < out->count; i++)
		at += (size_t)snprintf(out->ids + at, sizeof(out->ids) - at,
			"%s%s", i > 0 ? " " : "", ids[i]);
	return 0;
}

int pool_readers_load(struct pool_readers *out, struct record *r,
	const struct publish_conf *conf, struct why *why)
{
	const struct record_value in[] = {record_text(conf->name)};
	struct record_rows rows = {.rows = 0};
	char *own = NULL;
	int err = own_pem(conf, &own, why);

	if (err == 0)
		err = add(out, own);
	if (err == 0)
		err = record_run(r, "SELECT name, certificate FROM publisher"
			" WHERE name<>$1 ORDER BY seen DESC", in, 1, &rows,
			why);
	if (err == 0)
		err = add_others(out, &rows, conf, why);
	if (err == 0)
		err = list_ids(out, why);
	record_rows_fini(&rows);
	free(own);
	if (err < 0)
		pool_readers_fini(out);
	return err;
}

void pool_readers_fini(struct pool_readers *readers)
{
	for (size_t i = 0; i < readers->count; i++)
		free(readers->owned[i]);
	memset(readers, 0, sizeof(*readers));
}

static int reseal_one(const struct pool_readers *readers, struct record *r,
	const struct publish_conf *conf, const struct record_rows *rows,
	size_t row, struct why *why)
{
	const struct record_value *kept = &rows->cells[row * rows->columns +
		3];
	uint8_t bytes[SEAL_SECRET_MAX];
	struct seal_bytes sealed = {NULL, 0};
	struct why none = {""};
	size_t len = 0;
	int err = seal_open(bytes, &len, kept->p, kept->len, conf->chain,
		conf->key, &none);

	if (err == EDGE_EFORGED)
		return 0; /* not ours to open: whoever can, does it */
	if (err == 0)
		err = seal_make(&sealed, bytes, len, readers->pems,
			readers->count, why);
	digest_wipe(bytes, sizeof(bytes));
	if (err == 0) {
		const struct record_value in[] = {
			record_text(record_cell(rows, row, 0)),
			record_text(record_cell(rows, row, 1)),
			record_int(record_number(rows, row, 2)),
			record_blob(sealed.p, sealed.len),
			record_text(readers->ids)};

		err = record_run(r, "UPDATE pool_key SET sealed=$4,"
			" readers=$5 WHERE pool=$1 AND purpose=$2"
			" AND key_id=$3", in, 5, NULL, why);
	}
	seal_bytes_fini(&sealed);
	return err;
}

int pool_readers_reseal(const struct pool_readers *readers, struct record *r,
	const struct publish_conf *conf, struct why *why)
{
	const struct record_value in[] = {record_text(readers->ids)};
	struct record_rows rows = {.rows = 0};
	int err = record_run(r, "SELECT pool, purpose, key_id, sealed"
		" FROM pool_key WHERE readers<>$1", in, 1, &rows, why);

	for (size_t i = 0; i < rows.rows && err == 0; i++)
		err = reseal_one(readers, r, conf, &rows, i, why);
	record_rows_fini(&rows);
	return err;
}

/* ---- machines ----------------------------------------------------------- */

int pool_reader_machine(struct record *r, const char *fqdn,
	char **certificate, char id[static 65], struct why *why)
{
	const struct record_value in[] = {record_text(fqdn)};
	struct record_rows rows = {.rows = 0};
	struct why none = {""};
	uint8_t bytes[32];
	int err = record_run(r, "SELECT certificate FROM replica"
		" WHERE fqdn=$1", in, 1, &rows, why);

	id[0] = '\0';
	if (err < 0)
		return err;
	*certificate = strdup(record_cell(&rows, 0, 0));
	record_rows_fini(&rows);
	if (*certificate == NULL)
		return -ENOMEM;
	if ((*certificate)[0] != '\0' &&
		seal_reader_id(str_of(*certificate), bytes, &none) == 0)
		str_hex(bytes, sizeof(bytes), id);
	return 0;
}

int pool_reader_is_everywhere(struct record *r, bool *out, struct why *why)
{
	struct record_rows rows = {.rows = 0};
	int err = record_run(r, "SELECT state FROM publication"
		" ORDER BY epoch DESC, serial DESC LIMIT 1", NULL, 0, &rows,
		why);

	*out = err == 0 && strcmp(record_cell(&rows, 0, 0), "done") == 0;
	record_rows_fini(&rows);
	return err;
}
