/*
 * An array under a lock: reservations are few and live for half a minute.
 * The number of them is read without it, because each shard looks each
 * second whether one is over.
 */
#include "av-edge/reservation.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/rand.h"

struct reservations {
	pthread_mutex_t lock;
	atomic_size_t count;
	struct reservation rows[RESERVATION_MAX]; /* count of them */
};

int reservations_new(struct reservations **out)
{
	struct reservations *all = calloc(1, sizeof(*all));

	if (all == NULL)
		return -ENOMEM;
	pthread_mutex_init(&all->lock, NULL);
	*out = all;
	return 0;
}

void reservations_free(struct reservations *all)
{
	if (all == NULL)
		return;
	pthread_mutex_destroy(&all->lock);
	free(all);
}

int reservation_add(struct reservations *all, struct reservation *r,
	struct mono now)
{
	int err = EDGE_EBUSY;
	size_t n;

	rand_bytes(r->token, sizeof(r->token));
	r->until_ms = now.ms + RESERVATION_MS;
	pthread_mutex_lock(&all->lock);
	n = atomic_load(&all->count);
	if (n < RESERVATION_MAX) {
		all->rows[n] = *r;
		atomic_store(&all->count, n + 1);
		err = 0;
	}
	pthread_mutex_unlock(&all->lock);
	return err;
}

static void take_at(struct reservations *all, size_t i,
	struct reservation *out)
{
	size_t last = atomic_load(&all->count) - 1;

	*out = all->rows[i];
	all->rows[i] = all->rows[last];
	atomic_store(&all->count, last);
}

/* What is looked for; the first two or the third. */
struct wanted {
	const uint8_t *token;
	const uint8_t *client_id;
	struct mono over_at;
};

static bool is_wanted(const struct reservation *r, const struct wanted *w,
	struct mono now)
{
	if (w->token == NULL)
		return r->until_ms <= w->over_at.ms;
	return r->until_ms > now.ms &&
	    digest_eq(r->token, w->token, sizeof(r->token)) &&
	    digest_eq(r->client_id, w->client_id, sizeof(r->client_id));
}

static bool take(struct reservations *all, const struct wanted *w,
	struct mono now, struct reservation *out)
{
	bool found = false;
	size_t i;

	if (atomic_load(&all->count) == 0)
		return false;
	pthread_mutex_lock(&all->lock);
	for (i = 0; i < atomic_load(&all->count) && !found; i++) {
		found = is_wanted(&all->rows[i], w, now);
		if (found)
			take_at(all, i, out);
	}
	pthread_mutex_unlock(&all->lock);
	return found;
}

bool reservation_claim(struct reservations *all, const uint8_t *token,
	const uint8_t *client_id, struct mono now, struct reservation *out)
{
	const struct wanted w = {.token = token, .client_id = client_id};

	return take(all, &w, now, out);
}

bool reservation_next_over(struct reservations *all, struct mono now,
	struct reservation *out)
{
	const struct wanted w = {.over_at = now};

	return take(all, &w, now, out);
}

bool reservation_of_port(struct reservations *all, uint8_t family,
	uint16_t port, struct reservation *out)
{
	bool found = false;
	size_t i;

	pthread_mutex_lock(&all->lock);
	for (i = 0; i < atomic_load(&all->count) && !found; i++) {
		found = all->rows[i].port == port &&
		    all->rows[i].family == family;
		if (found)
			*out = all->rows[i];
	}
	pthread_mutex_unlock(&all->lock);
	return found;
}

size_t reservation_count(struct reservations *all)
{
	return atomic_load(&all->count);
}
