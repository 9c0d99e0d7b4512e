/*
 * The two clocks. Tests may freeze both; nobody else calls clock_gettime(),
 * so that a test that moves the clock moves it for everyone.
 */
#include "common/base/clock.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

static atomic_bool faked;
static _Atomic int64_t fake_mono_ms;
static _Atomic int64_t fake_wall_ms;

static bool is_faked(void)
{
	return atomic_load_explicit(&faked, memory_order_relaxed);
}

static struct timespec read_clock(clockid_t id)
{
	struct timespec ts = {0};

	clock_gettime(id, &ts); /* can't fail for these two clocks */
	return ts;
}

static int64_t to_ms(struct timespec ts)
{
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct mono mono_now(void)
{
	if (is_faked())
		return (struct mono){atomic_load(&fake_mono_ms)};
	return (struct mono){to_ms(read_clock(CLOCK_MONOTONIC))};
}

uint64_t mono_now_us(void)
{
	struct timespec ts;

	if (is_faked())
		return (uint64_t)atomic_load(&fake_mono_ms) * 1000;
	ts = read_clock(CLOCK_MONOTONIC);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

int64_t wall_now_ms(void)
{
	if (is_faked())
		return atomic_load(&fake_wall_ms);
	return to_ms(read_clock(CLOCK_REALTIME));
}

int64_t wall_now_us(void)
{
	struct timespec ts;

	if (is_faked())
		return atomic_load(&fake_wall_ms) * 1000;
	ts = read_clock(CLOCK_REALTIME);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

struct wall wall_now(void)
{
	return (struct wall){wall_now_ms() / 1000};
}

int64_t mono_since_ms(struct mono a, struct mono b)
{
	return b.ms - a.ms;
}

struct mono mono_after_ms(struct mono a, int64_t delay_ms)
{
	return (struct mono){a.ms + delay_ms};
}

bool mono_is_past(struct mono deadline, struct mono now)
{
	return now.ms >= deadline.ms;
}

const char *wall_text(struct wall w, char out[static WALL_TEXT_LEN])
{
	time_t t = (time_t)w.s;
	struct tm tm;

	/* Four digits of year, as RFC 3339 has it. */
	if (gmtime_r(&t, &tm) == NULL || tm.tm_year < -1900 ||
		tm.tm_year > 8099 ||
		strftime(out, WALL_TEXT_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		memcpy(out, "-", 2);
	return out;
}

void clock_fake(int64_t mono_ms, int64_t wall_ms)
{
	atomic_store(&fake_mono_ms, mono_ms);
	atomic_store(&fake_wall_ms, wall_ms);
	atomic_store(&faked, true);
}

void clock_fake_advance(int64_t ms)
{
	atomic_fetch_add(&fake_mono_ms, ms);
	atomic_fetch_add(&fake_wall_ms, ms);
}

void clock_real(void)
{
	atomic_store(&faked, false);
}
