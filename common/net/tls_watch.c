/*
 * Certificates that are swapped while connections go on: the stamps of the
 * files are compared at each poll, a change builds a new context beside the
 * old one, and only a good one takes its place. SSL objects hold their own
 * reference, so handshakes under way and old connections finish with what
 * they began with (requirement R26).
 */
#include "common/net/tls.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/net/tls_sni.h"

/* Session tickets are sealed with a key of their context: a new context, a
 * new key, and who shows an older ticket shakes hands in full. */
#define TICKET_KEY_MS ((int64_t)12 * 3600 * 1000)

enum watched_file {
	WATCHED_CHAIN,
	WATCHED_KEY,
	WATCHED_TRUST,
	WATCHED_MORE, /* a folder: its stamp is more_seen */
	WATCHED_COUNT,
};

/* What tells one state of a file from another; all 0 = not there. */
struct stamp {
	uint64_t device;
	uint64_t inode;
	int64_t size;
	struct timespec written;
	struct timespec changed;
};

struct tls_watch {
	struct tls_spec spec; /* its paths are owned, below */
	char *paths[WATCHED_COUNT];
	struct stamp seen[WATCHED_COUNT];
	uint64_t more_seen;
	pthread_mutex_t lock; /* over ctx: workers take references */
	struct tls_ctx *ctx;  /* owned reference */
	struct mono made;     /* when it was, or could not be */
};

static struct stamp stamp_of(const char *path)
{
	struct stamp s;
	struct stat st;

	memset(&s, 0, sizeof(s));
	if (path == NULL || stat(path, &st) < 0)
		return s;
	s.device = st.st_dev;
	s.inode = st.st_ino;
	s.size = st.st_size;
	s.written = st.st_mtim;
	s.changed = st.st_ctim;
	return s;
}

static bool stamp_eq(const struct stamp *a, const struct stamp *b)
{
	return a->device == b->device && a->inode == b->inode &&
		a->size == b->size &&
		a->written.tv_sec == b->written.tv_sec &&
		a->written.tv_nsec == b->written.tv_nsec &&
		a->changed.tv_sec == b->changed.tv_sec &&
		a->changed.tv_nsec == b->changed.tv_nsec;
}

/* True when a file differs from what was seen last; it is seen now. */
static bool look(struct tls_watch *w)
{
	uint64_t more = tls_sni_stamp(w->paths[WATCHED_MORE]);
	bool is_changed = more != w->more_seen;
	int i;

	w->more_seen = more;
	for (i = 0; i < WATCHED_MORE; i++) {
		struct stamp now = stamp_of(w->paths[i]);

		if (!stamp_eq(&now, &w->seen[i]))
			is_changed = true;
		w->seen[i] = now;
	}
	return is_changed;
}

static int copy_path(char **out, const char *path)
{
	if (path == NULL)
		return 0;
	*out = strdup(path);
	return *out != NULL ? 0 : -ENOMEM;
}

int tls_watch_new(struct tls_watch **out, const struct tls_spec *spec,
	struct why *why)
{
	struct tls_watch *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (w == NULL)
		goto out;
	pthread_mutex_init(&w->lock, NULL);
	if (copy_path(&w->paths[WATCHED_CHAIN], spec->chain_path) < 0 ||
		copy_path(&w->paths[WATCHED_KEY], spec->key_path) < 0 ||
		copy_path(&w->paths[WATCHED_TRUST], spec->trust_path) < 0 ||
		copy_path(&w->paths[WATCHED_MORE], spec->more_path) < 0)
		goto out;
	w->spec = *spec;
	w->spec.chain_path = w->paths[WATCHED_CHAIN];
	w->spec.key_path = w->paths[WATCHED_KEY];
	w->spec.trust_path = w->paths[WATCHED_TRUST];
	w->spec.more_path = w->paths[WATCHED_MORE];
	/* Looked at before they are read: a change in between is seen by
	 * the next poll. */
	look(w);
	w->made = mono_now();
	err = tls_ctx_new(&w->ctx, &w->spec, why);
	if (err < 0)
		goto out;

	*out = w;
	w = NULL;
out:
	tls_watch_free(w);
	return err;
}

void tls_watch_free(struct tls_watch *w)
{
	int i;

	if (w == NULL)
		return;
	tls_ctx_unref(w->ctx);
	for (i = 0; i < WATCHED_COUNT; i++)
		free(w->paths[i]);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

struct tls_ctx *tls_watch_get(struct tls_watch *w)
{
	struct tls_ctx *ctx;

	pthread_mutex_lock(&w->lock);
	ctx = tls_ctx_ref(w->ctx);
	pthread_mutex_unlock(&w->lock);
	return ctx;
}

static bool is_stale(const struct tls_watch *w)
{
	return w->spec.role == TLS_ROLE_SERVER &&
		mono_since_ms(w->made, mono_now()) >= TICKET_KEY_MS;
}

int tls_watch_poll(struct tls_watch *w, bool force, struct why *why)
{
	const bool is_new = look(w) || force;
	struct tls_ctx *next = NULL;
	struct tls_ctx *old;
	int err;

	if (!is_new && !is_stale(w))
		return 0;
	w->made = mono_now();
	err = tls_ctx_new(&next, &w->spec, why);
	/* Not the files' fault: look at them again. */
	if (err == -ENOMEM || err == -EMFILE || err == -ENFILE) {
		memset(w->seen, 0, sizeof(w->seen));
		w->more_seen = 0;
	}
	if (err < 0)
		return err;
	pthread_mutex_lock(&w->lock);
	old = w->ctx;
	w->ctx = next;
	pthread_mutex_unlock(&w->lock);
	tls_ctx_unref(old);
	return is_new;
}
