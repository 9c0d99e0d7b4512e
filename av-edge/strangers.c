/*
 * The reply budget: common/net/limit under a lock. Taken per request on the
 * control path, never per packet of media.
 */
#include "av-edge/strangers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/net/limit.h"

#define EARNED_MAX 1000
#define FORGET_S   60
#define SLOTS      65536

struct strangers {
	pthread_mutex_t lock;
	struct limit *limit; /* owned */
	uint32_t rate_per_s;
};

static int make_limit(struct limit **out, uint32_t rate_per_s)
{
	const struct limit_spec spec = {
		.rate_per_s = rate_per_s,
		.burst = rate_per_s,
		.earned_max = rate_per_s > EARNED_MAX ? rate_per_s :
							EARNED_MAX,
		.forget_s = FORGET_S,
		.slots = SLOTS,
	};

	return limit_new(out, &spec);
}

int strangers_new(struct strangers **out, uint32_t rate_per_s)
{
	struct strangers *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL)
		return -ENOMEM;
	err = make_limit(&s->limit, rate_per_s);
	if (err < 0) {
		free(s);
		return err;
	}
	s->rate_per_s = rate_per_s;
	pthread_mutex_init(&s->lock, NULL);
	*out = s;
	return 0;
}

void strangers_free(struct strangers *s)
{
	if (s == NULL)
		return;
	limit_free(s->limit);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int strangers_set_rate(struct strangers *s, uint32_t rate_per_s)
{
	struct limit *fresh = NULL, *old;
	int err;

	if (rate_per_s == s->rate_per_s)
		return 0;
	err = make_limit(&fresh, rate_per_s);
	if (err < 0)
		return err;
	pthread_mutex_lock(&s->lock);
	old = s->limit;
	s->limit = fresh;
	s->rate_per_s = rate_per_s;
	pthread_mutex_unlock(&s->lock);
	limit_free(old);
	return 0;
}

bool strangers_may_get_reply(struct strangers *s, const struct addr *source,
	struct mono now)
{
	bool may;

	pthread_mutex_lock(&s->lock);
	may = limit_take(s->limit, source, now);
	pthread_mutex_unlock(&s->lock);
	return may;
}

void strangers_earn(struct strangers *s, const struct addr *source,
	struct mono now)
{
	pthread_mutex_lock(&s->lock);
	limit_earn(s->limit, source, now);
	pthread_mutex_unlock(&s->lock);
}
