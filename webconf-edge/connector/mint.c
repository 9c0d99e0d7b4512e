/*
 * The key that signs, and the check of what it signed. Lives here: the two
 * files, the pool-wide memory of used tickets. Does not live here: the bytes
 * of a ticket (common/wce/ticket.c), that memory on disk (spent.c),
 * connections.
 */
#include "webconf-edge/connector/mint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/rand.h"

#define FILE_MAX  4096u
#define SKEW_S    60
#define USED_MAX  1000000u
/* Clocks of two hosts differ: a ticket is good a little before it is made. */
#define BEFORE_S  30

/* ---- files --------------------------------------------------------------- */

static int read_file(const char *path, char out[static FILE_MAX], size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, out, FILE_MAX - 1);
	close(fd);
	if (n < 0)
		return -errno;
	out[n] = '\0';
	*len = (size_t)n;
	return 0;
}

/* New, or not at all: a half-written key must not be there. */
static int write_file(const char *path, const char *text)
{
	const size_t len = strlen(text);
	char beside[PATH_MAX];
	int err = 0;
	int fd;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >=
		(int)sizeof(beside))
		return -ENAMETOOLONG;
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len || fsync(fd) < 0)
		err = errno != 0 ? -errno : -EIO;
	close(fd);
	if (err == 0 && rename(beside, path) < 0)
		err = -errno;
	if (err < 0)
		unlink(beside);
	return err;
}

static int make_id(struct mint *m, const char *path)
{
	char hex[2 * WCE_ID_LEN + 1];

	rand_bytes(m->server, sizeof(m->server));
	str_hex(m->server, sizeof(m->server), hex);
	return write_file(path, hex);
}

static int open_id(struct mint *m, const char *folder, struct why *why)
{
	char path[PATH_MAX];
	char text[FILE_MAX];
	size_t len = 0;
	int err;

	snprintf(path, sizeof(path), "%s/server.id", folder);
	err = read_file(path, text, &len);
	if (err == -ENOENT)
		err = make_id(m, path);
	else if (err == 0)
		err = str_unhex(str_trim((struct str){text, len}), m->server,
			sizeof(m->server), &len);
	if (err == 0 && len != 0 && len != WCE_ID_LEN)
		err = EDGE_EMALFORMED;
	if (err < 0)
		return why_set(why, err, "%s: %s", path, err_text(err));
	return 0;
}

/* The number of a key follows from the key, so that two never share one by
 * mistake for long. */
static int number_key(struct ticket_key **key)
{
	uint8_t public[TICKET_PUBLIC_MAX];
	const struct digest_part part = {public,
		ticket_key_public(*key, public)};
	uint8_t sum[DIGEST_SHA256_LEN];
	struct ticket_key *numbered = NULL;
	char *pem = NULL;
	int err;

	digest_sha256(&part, 1, sum);
	err = ticket_key_pem(*key, &pem);
	if (err < 0)
		return err;
	err = ticket_key_from_pem(&numbered, str_of(pem),
		(uint16_t)(sum[0] << 8 | sum[1]));
	digest_wipe(pem, strlen(pem));
	free(pem);
	if (err < 0)
		return err;
	ticket_key_free(*key);
	*key = numbered;
	return 0;
}

static int make_key(struct mint *m, const char *path, enum ticket_alg alg)
{
	char *pem = NULL;
	int err = ticket_key_make(&m->key, alg, 0);

	if (err == 0)
		err = ticket_key_pem(m->key, &pem);
	if (err == 0)
		err = write_file(path, pem);
	if (pem != NULL)
		digest_wipe(pem, strlen(pem));
	free(pem);
	return err;
}

/* Another algorithm than the file's: a new key, the old one kept beside. */
static int replace_key(struct mint *m, const char *path, enum ticket_alg alg)
{
	char old[PATH_MAX];

	if (snprintf(old, sizeof(old), "%s.old", path) >= (int)sizeof(old))
		return -ENAMETOOLONG;
	if (rename(path, old) < 0)
		return -errno;
	ticket_key_free(m->key);
	m->key = NULL;
	return make_key(m, path, alg);
}

static int open_key(struct mint *m, const char *folder, enum ticket_alg alg,
	struct why *why)
{
	char path[PATH_MAX];
	char text[FILE_MAX];
	size_t len = 0;
	int err;

	snprintf(path, sizeof(path), "%s/ticket.key", folder);
	err = read_file(path, text, &len);
	if (err == -ENOENT)
		err = make_key(m, path, alg);
	else if (err == 0)
		err = ticket_key_from_pem(&m->key, (struct str){text, len},
			0);
	digest_wipe(text, sizeof(text));
	if (err == 0 && ticket_key_alg(m->key) != alg)
		err = replace_key(m, path, alg);
	if (err == 0)
		err = number_key(&m->key);
	if (err < 0)
		return why_set(why, err, "%s: %s", path, err_text(err));
	return 0;
}

int mint_open(struct mint *m, const char *folder, enum ticket_alg alg,
	struct wall now, struct why *why)
{
	int err;

	*m = (struct mint){.spent.fd = -1};
	err = open_id(m, folder, why);
	if (err == 0)
		err = open_key(m, folder, alg, why);
	if (err == 0)
		err = ticket_set_new(&m->used, USED_MAX);
	if (err == 0)
		err = ticket_set_new(&m->revoked, USED_MAX);
	if (err == 0)
		err = spent_open(&m->spent, folder, m->used, m->revoked, now,
			why);
	if (err < 0)
		mint_close(m);
	return err;
}

void mint_close(struct mint *m)
{
	ticket_key_free(m->key);
	ticket_set_free(m->used);
	ticket_set_free(m->revoked);
	spent_close(&m->spent);
	*m = (struct mint){.spent.fd = -1};
}

/* ---- minting ------------------------------------------------------------- */

int mint_ticket(const struct mint *m, const struct mint_wish *wish,
	struct wall now, struct ticket *ticket,
	char text[static TICKET_TEXT_LEN])
{
	struct ticket t = {
		.alg = ticket_key_alg(m->key),
		.is_single_use = !wish->is_reusable,
		.key_id = ticket_key_id(m->key),
		.not_before = {now.s - BEFORE_S},
		.not_after = {now.s + wish->lifetime_s},
		.rate_kib_s = wish->rate_kib_s,
	};
	uint8_t bytes[TICKET_MAX_LEN];
	size_t len;
	int err;

	if (t.not_after.s - t.not_before.s > TICKET_LIFE_MAX_S)
		t.not_before = now;
	rand_bytes(t.id, sizeof(t.id));
	memcpy(t.server, m->server, sizeof(t.server));
	ticket_hash(wish->conference, t.conference);
	if (wish->user.n > 0)
		ticket_hash(wish->user, t.user);
	err = str_copy(str_of(wish->audience), t.audience,
		sizeof(t.audience));
	if (err == 0)
		err = ticket_sign(&t, m->key, bytes, &len);
	if (err < 0)
		return err;
	digest_b64url(bytes, len, text);
	*ticket = t;
	return 0;
}

/* ---- checking ------------------------------------------------------------ */

static struct wall used_until(const struct ticket *ticket)
{
	return (struct wall){ticket->not_after.s + SKEW_S};
}

/* Without the file it is remembered until the next start, as it is said. */
static void note(struct mint *m, enum spent_kind kind,
	const uint8_t id[static TICKET_ID_LEN], struct wall until,
	struct wall now)
{
	int err = spent_note(&m->spent, kind, id, until, now);

	if (err < 0)
		log_limited(LOG_LEVEL_ERROR, 6, "tickets.unwritten",
			"path=%s reason=%s", log_qz(m->spent.path),
			log_qz(err_text(err)));
}

const char *mint_check(struct mint *m, struct str bytes,
	const char *audience, struct wall now, struct ticket *ticket)
{
	int err;

	if (ticket_read(bytes, ticket) < 0)
		return "shape";
	if (memcmp(ticket->server, m->server, sizeof(m->server)) != 0)
		return "server";
	if (ticket->key_id != ticket_key_id(m->key) ||
		ticket->alg != ticket_key_alg(m->key))
		return "key";
	if (ticket_verify(bytes, m->key) < 0)
		return "signature";
	err = ticket_check(ticket, audience, now, SKEW_S);
	if (err < 0)
		return err == EDGE_EREFUSED ? "audience" : "time";
	if (ticket_set_has(m->revoked, ticket->id))
		return "revoked";
	if (!ticket->is_single_use)
		return "ok";
	err = ticket_set_add(m->used, ticket->id, used_until(ticket), now);
	if (err < 0)
		return err == -EEXIST ? "replayed" : "full";
	return "ok";
}

void mint_use_up(struct mint *m, const struct ticket *ticket,
	struct wall now)
{
	if (ticket->is_single_use)
		note(m, SPENT_USED, ticket->id, used_until(ticket), now);
}

void mint_give_back(struct mint *m, const struct ticket *ticket)
{
	if (ticket->is_single_use)
		ticket_set_remove(m->used, ticket->id);
}

int mint_revoke(struct mint *m, const uint8_t id[static TICKET_ID_LEN],
	struct wall now)
{
	const struct wall until = {now.s + 2 * TICKET_LIFE_MAX_S};
	int err = ticket_set_add(m->revoked, id, until, now);

	if (err == 0)
		note(m, SPENT_REVOKED, id, until, now);
	return err == -EEXIST ? 0 : err;
}
