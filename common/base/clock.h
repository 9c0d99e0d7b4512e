/*
 * Moments. struct mono for delays and deadlines, struct wall for expiry
 * times that people and other machines see. Tests may set both.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct mono {
	int64_t ms; /* since some moment before the process started */
};

struct wall {
	int64_t s; /* Unix seconds, UTC */
};

struct mono mono_now(void);
struct wall wall_now(void);
int64_t wall_now_ms(void);
int64_t wall_now_us(void);
uint64_t mono_now_us(void);

/* b - a in milliseconds. */
int64_t mono_since_ms(struct mono a, struct mono b);
struct mono mono_after_ms(struct mono a, int64_t delay_ms);
bool mono_is_past(struct mono deadline, struct mono now);

#define WALL_TEXT_LEN 24
/* "2026-03-01T12:00:00Z". Returns out. */
const char *wall_text(struct wall w, char out[static WALL_TEXT_LEN]);

/* Tests only: freeze both clocks at these moments; clock_real() ends it. */
void clock_fake(int64_t mono_ms, int64_t wall_ms);
void clock_fake_advance(int64_t ms);
void clock_real(void);

#endif
