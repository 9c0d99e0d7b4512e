/*
 * The stateful fuzzer's events in a long random row over one shard's state:
 * after each of them free and used ports are the range, no quota is
 * exceeded and nothing is without an owner (T9, T10; R4, R16). RANDOM_EVENTS
 * says how many; SEED repeats a row.
 */
#define EVENTS_MAX UINT32_MAX
#include "tests/fuzz/fuzz_turn.c"

#include "common/base/rand.h"
#include "tests/unit/av-edge/suite.h"

#define EVENTS_SHORT 100000
#define EVENT_BYTES  16 /* more than one takes on the average */

static uint64_t state;

/* xorshift64*: a row that can be had again. */
static uint8_t next_byte(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint8_t)(state * UINT64_C(2685821657736338717) >> 56);
}

static uint64_t number_from(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 10) : fallback;
}

START_TEST(test_T10_random_events_leave_nothing_behind)
{
	uint64_t wanted = number_from("RANDOM_EVENTS", EVENTS_SHORT);
	size_t len = wanted * EVENT_BYTES;
	uint64_t seed = number_from("SEED", rand_u64() | 1);
	uint8_t *row = malloc(len);
	size_t i;

	ck_assert_ptr_nonnull(row);
	fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
	state = seed;
	for (i = 0; i < len; i++)
		row[i] = next_byte();
	ck_assert_int_eq(LLVMFuzzerTestOneInput(row, len), 0);
	ck_assert_uint_ge(events_done, wanted);
	ck_assert_uint_ge(made_total, wanted / 100);
	printf("%u events, %u allocations made\n", events_done, made_total);
	free(row);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_T10_random_events_leave_nothing_behind,
	};

	return suite_run("turn_random", tests, ARRAY_COUNT(tests), NULL,
		NULL);
}
