/*
 * Flow tokens: make and verify, and the file of their keys. 28 octets as
 * base64url: version, flags (with the number of the key), edge id, cid, and
 * the first half of an HMAC-SHA-256 over all of it.
 */
#include "access-edge/flow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/rand.h"
#include "common/store/pool_keys.h"

#define TOKEN_VERSION 1
#define TOKEN_BYTES   28
#define SIGNED_BYTES  12
#define MAC_BYTES     16
#define OLD_KEY_S     86400
#define FILE_MAX      1024

/* ---- tokens -------------------------------------------------------------- */

static void make_mac(const struct flow_key *key, const uint8_t *signed_part,
	uint8_t out[static DIGEST_SHA256_LEN])
{
	const struct digest_part parts[] = {
		{"ae-flow", 7},
		{signed_part, SIGNED_BYTES},
	};

	digest_hmac_sha256(key->secret, sizeof(key->secret), parts,
		ARRAY_COUNT(parts), out);
}

const char *flow_token(const struct flow_keys *keys, uint8_t flags,
	uint64_t cid, char out[static FLOW_TOKEN_LEN + 1])
{
	uint8_t raw[TOKEN_BYTES], mac[DIGEST_SHA256_LEN];
	struct wbuf w = wbuf_of(raw, sizeof(raw));

	wbuf_u8(&w, TOKEN_VERSION);
	wbuf_u8(&w, (uint8_t)(flags | keys->keys[0].number << 4));
	wbuf_bytes(&w, keys->edge_id, sizeof(keys->edge_id));
	wbuf_u64(&w, cid);
	make_mac(&keys->keys[0], raw, mac);
	wbuf_bytes(&w, mac, MAC_BYTES);
	digest_b64url(raw, sizeof(raw), out);
	return out;
}

static const struct flow_key *key_of(const struct flow_keys *keys,
	unsigned number, struct wall now)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (keys->keys[i].number != number)
			continue;
		if (i == 0 || keys->keys[i].is_shared ||
			now.s - keys->keys[i - 1].made.s < OLD_KEY_S)
			return &keys->keys[i];
	}
	return NULL;
}

enum flow_verdict flow_check(const struct flow_keys *keys, struct str token,
	struct wall now, struct flow *out)
{
	uint8_t raw[TOKEN_BYTES + 2], mac[DIGEST_SHA256_LEN];
	const struct flow_key *key;
	struct rbuf r;
	size_t len = 0;
	uint8_t flags;
	const uint8_t *edge_id;

	if (token.n != FLOW_TOKEN_LEN ||
		digest_unb64url(token, raw, sizeof(raw), &len) != 0 ||
		len != TOKEN_BYTES || raw[0] != TOKEN_VERSION)
		return FLOW_NONE;
	r = rbuf_of(raw, len);
	rbuf_skip(&r, 1);
	flags = rbuf_u8(&r);
	edge_id = rbuf_take(&r, 2);
	out->cid = rbuf_u64(&r);
	key = key_of(keys, flags >> 4, now);
	if (key == NULL || edge_id == NULL)
		return FLOW_FORGED;
	make_mac(key, raw, mac);
	if (!digest_eq(mac, raw + SIGNED_BYTES, MAC_BYTES))
		return FLOW_FORGED;
	out->flags = flags & 0x0f;
	out->is_other_edge =
		memcmp(edge_id, keys->edge_id, 2) != 0; /* gate: public */
	return FLOW_GOOD;
}

/* ---- sealed text --------------------------------------------------------- */

#define SEAL_VERSION 2
#define SEAL_HEAD    2 /* version, number of the key */
#define SEAL_EXTRA   (SEAL_HEAD + DIGEST_SEAL_NONCE + DIGEST_SEAL_TAG)

/* One key for one purpose. */
static void seal_key(const struct flow_key *key,
	uint8_t out[static DIGEST_SHA256_LEN])
{
	const struct digest_part part = {"ae-hide", 7};

	digest_hmac_sha256(key->secret, sizeof(key->secret), &part, 1, out);
}

const char *flow_seal(const struct flow_keys *keys, struct str plain,
	char out[static FLOW_SEALED_LEN])
{
	uint8_t raw[FLOW_PLAIN_LEN + SEAL_EXTRA], key[DIGEST_SHA256_LEN];
	uint8_t *nonce = raw + SEAL_HEAD;
	int err;

	out[0] = '\0';
	if (plain.n == 0 || plain.n > FLOW_PLAIN_LEN)
		return out;
	raw[0] = SEAL_VERSION;
	raw[1] = keys->keys[0].number;
	rand_bytes(nonce, DIGEST_SEAL_NONCE);
	seal_key(&keys->keys[0], key);
	err = digest_seal(key, nonce, plain.p, plain.n,
		nonce + DIGEST_SEAL_NONCE);
	digest_wipe(key, sizeof(key));
	if (err == 0)
		digest_b64url(raw, plain.n + SEAL_EXTRA, out);
	return out;
}

bool flow_open(const struct flow_keys *keys, struct str sealed,
	struct wall now, char room[static FLOW_SEALED_LEN], struct str *out)
{
	uint8_t raw[FLOW_SEALED_LEN], secret[DIGEST_SHA256_LEN];
	const struct flow_key *key;
	size_t len = 0;
	int err;

	if (digest_unb64url(sealed, raw, sizeof(raw), &len) != 0 ||
		len <= SEAL_EXTRA || raw[0] != SEAL_VERSION)
		return false;
	key = key_of(keys, raw[1], now);
	if (key == NULL)
		return false;
	seal_key(key, secret);
	err = digest_open(secret, raw + SEAL_HEAD,
		raw + SEAL_HEAD + DIGEST_SEAL_NONCE,
		len - SEAL_HEAD - DIGEST_SEAL_NONCE, (uint8_t *)room);
	digest_wipe(secret, sizeof(secret));
	if (err == 0)
		*out = (struct str){room, len - SEAL_EXTRA};
	return err == 0;
}

/* ---- the key file -------------------------------------------------------- */

static void set_edge_id(struct flow_keys *keys, const char *machine)
{
	char lower[256];
	uint8_t hash[DIGEST_SHA256_LEN];
	size_t n = strnlen(machine, sizeof(lower));

	for (size_t i = 0; i < n; i++)
		lower[i] = machine[i] >= 'A' && machine[i] <= 'Z' ?
			(char)(machine[i] | 0x20) : machine[i];
	const struct digest_part part = {lower, n};

	digest_sha256(&part, 1, hash);
	memcpy(keys->edge_id, hash, sizeof(keys->edge_id));
}

static void push_key(struct flow_keys *keys, struct wall now)
{
	uint8_t number = 0;

	if (keys->count > 0) {
		number = (keys->keys[0].number + 1) & 0x0f;
		keys->keys[1] = keys->keys[0];
		keys->count = 2;
	} else {
		keys->count = 1;
	}
	keys->keys[0].number = number;
	keys->keys[0].made = now;
	rand_bytes(keys->keys[0].secret, FLOW_KEY_LEN);
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) != 0 ? -errno : 0;
}

static int save(const struct flow_keys *keys, const char *path,
	struct why *why)
{
	char temp[512], text[FILE_MAX];
	size_t at = 0;
	int fd, err;

	for (size_t i = 0; i < keys->count; i++) {
		char hex[2 * FLOW_KEY_LEN + 1];

		str_hex(keys->keys[i].secret, FLOW_KEY_LEN, hex);
		at += (size_t)snprintf(text + at, sizeof(text) - at,
			"%u %lld %s\n", keys->keys[i].number,
			(long long)keys->keys[i].made.s, hex);
		digest_wipe(hex, sizeof(hex));
	}
	snprintf(temp, sizeof(temp), "%s.new", path);
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	err = fd < 0 ? -errno : write_all(fd, text, at);
	digest_wipe(text, sizeof(text));
	if (fd >= 0)
		close(fd);
	if (err == 0 && rename(temp, path) != 0)
		err = -errno;
	if (err != 0)
		return why_set(why, err, "%s: can't write the flow key: %s; "
			"the state folder must belong to the daemon's user",
			path, err_text(err));
	return 0;
}

/* "number made hex", one key a line. */
static int parse_key(struct str line, struct flow_key *out)
{
	struct str rest = line, number, made;
	uint32_t n;
	uint64_t s;
	size_t len = 0;

	if (!str_split(&rest, ' ', &number) || !str_split(&rest, ' ', &made))
		return EDGE_EMALFORMED;
	if (str_to_u32(number, &n) != 0 || n > 15 ||
		str_to_u64(made, &s) != 0 || s > INT64_MAX ||
		str_unhex(rest, out->secret, FLOW_KEY_LEN, &len) != 0 ||
		len != FLOW_KEY_LEN)
		return EDGE_EMALFORMED;
	out->number = (uint8_t)n;
	out->made.s = (int64_t)s;
	return 0;
}

static int parse_file(struct flow_keys *keys, struct str text)
{
	struct str line;

	keys->count = 0;
	while (text.n > 0 && str_split(&text, '\n', &line)) {
		if (line.n == 0)
			continue;
		if (keys->count == FLOW_OWN_MAX ||
			parse_key(line, &keys->keys[keys->count]) != 0)
			return EDGE_EMALFORMED;
		keys->count++;
	}
	return keys->count > 0 ? 0 : EDGE_EMALFORMED;
}

static int read_file(struct flow_keys *keys, const char *path,
	struct why *why)
{
	char text[FILE_MAX];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text));
	err = n < 0 ? -errno : 0;
	close(fd);
	if (err == 0)
		err = parse_file(keys, (struct str){text, (size_t)n});
	digest_wipe(text, sizeof(text));
	if (err == EDGE_EMALFORMED)
		return why_set(why, err, "%s: not a flow key file; remove it "
			"to have a new one made (clients register again)",
			path);
	return err;
}

int flow_keys_load(struct flow_keys *keys, const char *path,
	const char *machine, struct why *why)
{
	int err;

	memset(keys, 0, sizeof(*keys));
	set_edge_id(keys, machine);
	err = read_file(keys, path, why);
	if (err == -ENOENT) {
		push_key(keys, wall_now());
		return save(keys, path, why);
	}
	if (err != 0 && why != NULL && why->text[0] == '\0')
		why_set(why, err, "%s: can't read the flow key: %s", path,
			err_text(err));
	return err;
}

int flow_keys_rotate(struct flow_keys *keys, const char *path,
	struct why *why)
{
	struct flow_keys next = *keys;
	int err;

	push_key(&next, wall_now());
	err = save(&next, path, why);
	if (err == 0)
		*keys = next;
	flow_keys_wipe(&next);
	return err;
}

/* Numbers in a token have four bits; two that agree are told apart by
 * nothing, so ours goes when it is in the way. */
void flow_keys_share(struct flow_keys *keys, const struct flow_keys *own,
	const struct pool_keys *shared)
{
	bool is_taken = false;

	*keys = *own;
	if (shared == NULL || shared->count == 0)
		return;
	keys->count = 0;
	for (size_t i = 0; i < shared->count && keys->count < FLOW_KEYS_MAX - 1;
		i++) {
		struct flow_key *to = &keys->keys[keys->count++];

		to->number = shared->keys[i].id & 0x0f;
		to->made = shared->keys[i].created;
		to->is_shared = true;
		memcpy(to->secret, shared->keys[i].secret, FLOW_KEY_LEN);
		is_taken |= own->count > 0 &&
			to->number == own->keys[0].number;
	}
	if (own->count > 0 && !is_taken)
		keys->keys[keys->count++] = own->keys[0];
}

void flow_keys_wipe(struct flow_keys *keys)
{
	digest_wipe(keys, sizeof(*keys));
}
