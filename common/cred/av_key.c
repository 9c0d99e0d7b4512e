/*
 * The pool key ring and its file. A line for each key, newest first:
 *
 *	key ID CREATED SK0 SK1 SK2
 *	pool ID CREATED SK0 SK1 SK2
 *
 * "key" was made here, "pool" is shared by all machines of the pool.
 * CREATED in Unix seconds, the three keys as 64 hex digits each; lines that
 * begin with '#' are comments. Short, empty or repeated keys are refused
 * (requirement R11), so is a file that others may read. What the keys are
 * used for is av_cred.c's affair.
 */
#include "common/cred/av_key.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/rand.h"
#include "common/base/str.h"
#include "common/cred/secret_file.h"

#define OWN      "key"
#define SHARED   "pool"
#define HEX_LEN  (2u * AV_KEY_LEN)

static const char HEADING[] =
	"# Sallyport A/V pool key, secret: av-auth writes, av-edge reads it.\n"
	"# key|pool ID CREATED CLIENT-ID-KEY USER-NAME-KEY PASSWORD-KEY\n";

void av_key_ring_rotate(struct av_key_ring *ring, struct wall now)
{
	struct av_key fresh = {.id = 1, .created = now};

	for (size_t i = 0; i < ring->count; i++)
		if (!ring->keys[i].is_shared && ring->keys[i].id >= fresh.id)
			fresh.id = ring->keys[i].id + 1;

	rand_bytes(fresh.sk0, sizeof(fresh.sk0));
	rand_bytes(fresh.sk1, sizeof(fresh.sk1));
	rand_bytes(fresh.sk2, sizeof(fresh.sk2));
	if (ring->count < AV_KEYS_MAX)
		ring->count++;
	memmove(&ring->keys[1], &ring->keys[0],
		(ring->count - 1) * sizeof(ring->keys[0]));
	ring->keys[0] = fresh;
	digest_wipe(&fresh, sizeof(fresh));
}

size_t av_key_ring_prune(struct av_key_ring *ring, struct wall now,
	int64_t overlap_s)
{
	size_t before = ring->count;
	const struct av_key *successor;

	while (ring->count > 1) {
		successor = &ring->keys[ring->count - 2];
		if (now.s - successor->created.s <= overlap_s)
			break;
		ring->count--;
		digest_wipe(&ring->keys[ring->count], sizeof(ring->keys[0]));
	}
	return before - ring->count;
}

static bool is_same_key(const struct av_key *a, const struct av_key *b)
{
	return a->id == b->id && a->is_shared == b->is_shared &&
		digest_eq(a->sk0, b->sk0, AV_KEY_LEN) &&
		digest_eq(a->sk1, b->sk1, AV_KEY_LEN) &&
		digest_eq(a->sk2, b->sk2, AV_KEY_LEN);
}

/* CREATED of a shared key is when this machine first had it: what was
 * minted with the one before it is counted from there. */
static void add_shared(struct av_key_ring *next,
	const struct av_key_ring *old, const struct av_key *shared,
	struct wall now)
{
	struct av_key *key = &next->keys[next->count++];

	*key = *shared;
	key->is_shared = true;
	key->created = now;
	for (size_t i = 0; i < old->count; i++)
		if (is_same_key(&old->keys[i], key))
			key->created = old->keys[i].created;
}

static bool is_same_ring(const struct av_key_ring *a,
	const struct av_key_ring *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!is_same_key(&a->keys[i], &b->keys[i]))
			return false;
	return true;
}

bool av_key_ring_follow(struct av_key_ring *ring, const struct av_key *shared,
	size_t count, struct wall now, int64_t overlap_s)
{
	struct av_key_ring next = {.count = 0};
	bool is_changed;

	for (size_t i = 0; i < count && next.count < AV_KEYS_MAX; i++)
		add_shared(&next, ring, &shared[i], now);
	if (count == 0 && (ring->count == 0 || ring->keys[0].is_shared)) {
		next = *ring;
		av_key_ring_rotate(&next, now);
	} else {
		for (size_t i = 0; i < ring->count; i++)
			if (next.count < AV_KEYS_MAX &&
				(count == 0 || !ring->keys[i].is_shared))
				next.keys[next.count++] = ring->keys[i];
	}
	av_key_ring_prune(&next, now, overlap_s);
	is_changed = !is_same_ring(ring, &next);
	*ring = next;
	av_key_ring_wipe(&next);
	return is_changed;
}

void av_key_ring_wipe(struct av_key_ring *ring)
{
	digest_wipe(ring, sizeof(*ring));
}

/* ---- reading ------------------------------------------------------------ */

static bool is_weak(const uint8_t key[static AV_KEY_LEN])
{
	uint8_t differs = 0;

	for (size_t i = 1; i < AV_KEY_LEN; i++)
		differs |= key[i] ^ key[0];
	return differs == 0;
}

static int read_secret(struct str *rest, uint8_t out[static AV_KEY_LEN])
{
	struct str word;
	size_t len;

	if (!str_split(rest, ' ', &word) || word.n != HEX_LEN)
		return EDGE_EMALFORMED;
	if (str_unhex(word, out, AV_KEY_LEN, &len) < 0 || len != AV_KEY_LEN)
		return EDGE_EMALFORMED;
	return is_weak(out) ? EDGE_EMALFORMED : 0;
}

/* "key ID CREATED SK0 SK1 SK2" or "pool ...". */
static const char *read_key(struct str line, struct av_key *out)
{
	uint64_t created;
	struct str word;

	if (!str_split(&line, ' ', &word) ||
		(!str_eq_z(word, OWN) && !str_eq_z(word, SHARED)))
		return "does not begin with \"key\" or \"pool\"";
	out->is_shared = str_eq_z(word, SHARED);
	if (!str_split(&line, ' ', &word) || str_to_u32(word, &out->id) < 0)
		return "the key's number is not a number";
	if (!str_split(&line, ' ', &word) || str_to_u64(word, &created) < 0 ||
		created > UINT32_MAX)
		return "the time of creation is not in Unix seconds";
	out->created.s = (int64_t)created;
	if (read_secret(&line, out->sk0) < 0 ||
		read_secret(&line, out->sk1) < 0 ||
		read_secret(&line, out->sk2) < 0)
		return "a key is not 64 random hex digits";
	if (!str_is_empty(line))
		return "there is more text after the third key";
	if (digest_eq(out->sk0, out->sk1, AV_KEY_LEN) ||
		digest_eq(out->sk1, out->sk2, AV_KEY_LEN) ||
		digest_eq(out->sk0, out->sk2, AV_KEY_LEN))
		return "the three keys are not all different";
	return NULL;
}

static const char *take_key(void *arg, struct str line)
{
	struct av_key_ring *ring = arg;
	struct av_key *key = &ring->keys[ring->count];
	const char *fault;

	if (ring->count == AV_KEYS_MAX)
		return "there are more than four keys";
	fault = read_key(line, key);
	if (fault != NULL)
		return fault;
	/* The pool's come in the order the publisher gave them. */
	for (size_t i = 0; i < ring->count; i++)
		if (ring->keys[i].is_shared == key->is_shared &&
			(key->is_shared ? key->id == ring->keys[i].id :
					  key->id >= ring->keys[i].id))
			return "the newest key does not come first";
	ring->count++;
	return NULL;
}

int av_key_load(struct av_key_ring *out, const char *path, struct why *why)
{
	struct av_key_ring ring = {.count = 0};
	const struct secret_file_spec spec = {
		.path = path,
		.forbidden = S_IRWXO | S_IWGRP,
		.tighten = "chmod 0640 it and rotate the key",
		.take = take_key,
		.arg = &ring,
		.none = "there is no key in it",
		.repair = "put a good copy back, or move the file away and "
			  "restart av-auth to make a new key (credentials in "
			  "use end)",
	};
	int err = secret_file_load(&spec, why);

	if (err == 0)
		*out = ring;
	av_key_ring_wipe(&ring);
	return err;
}

/* ---- writing ------------------------------------------------------------ */

static size_t print_key(const struct av_key *key, char *out, size_t cap)
{
	char hex[3][HEX_LEN + 1];
	int n;

	str_hex(key->sk0, AV_KEY_LEN, hex[0]);
	str_hex(key->sk1, AV_KEY_LEN, hex[1]);
	str_hex(key->sk2, AV_KEY_LEN, hex[2]);
	n = snprintf(out, cap, "%s %" PRIu32 " %" PRId64 " %s %s %s\n",
		key->is_shared ? SHARED : OWN, key->id, key->created.s,
		hex[0], hex[1], hex[2]);
	digest_wipe(hex, sizeof(hex));
	return (size_t)n;
}

static int write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Owner and group first, then the mode that lets them in, then the secret.
 * By descriptor: the folder is its owner's, who may put another file in its
 * place at any time. */
static int fill_file(int fd, const char *text, size_t len, uid_t owner,
	gid_t group)
{
	struct stat st;
	int err;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (((owner != (uid_t)-1 && st.st_uid != owner) ||
		    (group != (gid_t)-1 && st.st_gid != group)) &&
		fchown(fd, owner, group) < 0)
		return -errno;
	if (fchmod(fd, 0640) < 0)
		return -errno;
	err = write_all(fd, text, len);
	if (err < 0)
		return err;
	return fsync(fd) < 0 ? -errno : 0;
}

/* The rename itself must outlive a power cut. */
static int sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";
	int err = 0;
	int fd;

	if (slash != NULL &&
		str_copy((struct str){path, (size_t)(slash - path) + 1},
			folder, sizeof(folder)) < 0)
		return -ENAMETOOLONG;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int replace_file(const char *path, const char *text, size_t len,
	uid_t owner, gid_t group)
{
	char beside[PATH_MAX];
	int err;
	int fd;
	int n;

	n = snprintf(beside, sizeof(beside), "%s.new", path);
	if (n < 0 || (size_t)n >= sizeof(beside))
		return -ENAMETOOLONG;
	/* A leftover of a writer that died; av-auth is the only one. */
	if (unlink(beside) < 0 && errno != ENOENT)
		return -errno;
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		0600);
	if (fd < 0)
		return -errno;
	err = fill_file(fd, text, len, owner, group);
	close(fd);
	if (err == 0 && rename(beside, path) < 0)
		err = -errno;
	if (err < 0)
		unlink(beside);
	return err == 0 ? sync_folder(path) : err;
}

int av_key_save(const struct av_key_ring *ring, const char *path, uid_t owner,
	gid_t group, struct why *why)
{
	char text[SECRET_FILE_MAX];
	size_t len = sizeof(HEADING) - 1;
	int err;

	memcpy(text, HEADING, len);
	for (size_t i = 0; i < ring->count; i++)
		len += print_key(&ring->keys[i], text + len,
			sizeof(text) - len);
	err = replace_file(path, text, len, owner, group);
	digest_wipe(text, sizeof(text));
	if (err < 0)
		return why_set(why, err, "%s: can't be written: %s", path,
			err_text(err));
	return 0;
}
