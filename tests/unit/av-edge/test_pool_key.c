/* The pool key file as av-edge watches it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "av-edge/pool_key.h"
#include "tests/unit/av-edge/suite.h"

static char dir[64], path[96];
static struct pool_key key;

static void setup(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	snprintf(dir, sizeof(dir), "/tmp/pool-key-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/pool.key", dir);
	pool_key_init(&key, path);
}

static void teardown(void)
{
	pool_key_fini(&key);
	unlink(path);
	rmdir(dir);
}

static void write_keys(unsigned count)
{
	struct av_key_ring ring = {.count = 0};
	struct why why = {""};

	while (count-- > 0)
		av_key_ring_rotate(&ring, wall_now());
	ck_assert_msg(av_key_save(&ring, path, (uid_t)-1, (gid_t)-1,
		&why) == 0, "%s",
		why.text);
}

START_TEST(test_no_file_no_keys)
{
	ck_assert(!pool_key_poll(&key));
	ck_assert_uint_eq(key.ring.count, 0);
}
END_TEST

START_TEST(test_keys_are_read_once_and_again_when_replaced)
{
	uint8_t first[AV_KEY_LEN];

	write_keys(1);
	ck_assert(pool_key_poll(&key));
	ck_assert_uint_eq(key.ring.count, 1);
	memcpy(first, key.ring.keys[0].sk1, sizeof(first));
	ck_assert(!pool_key_poll(&key));
	write_keys(2);
	ck_assert(pool_key_poll(&key));
	ck_assert_uint_eq(key.ring.count, 2);
	ck_assert_mem_ne(first, key.ring.keys[0].sk1, sizeof(first));
}
END_TEST

START_TEST(test_removed_file_takes_the_keys_away)
{
	write_keys(1);
	ck_assert(pool_key_poll(&key));
	unlink(path);
	ck_assert(pool_key_poll(&key));
	ck_assert_uint_eq(key.ring.count, 0);
	ck_assert(!pool_key_poll(&key));
	write_keys(1);
	ck_assert(pool_key_poll(&key));
}
END_TEST

START_TEST(test_broken_file_leaves_the_keys)
{
	FILE *f;

	write_keys(1);
	ck_assert(pool_key_poll(&key));
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs("no key\n", f);
	fclose(f);
	ck_assert(!pool_key_poll(&key));
	ck_assert_uint_eq(key.ring.count, 1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_no_file_no_keys,
		test_keys_are_read_once_and_again_when_replaced,
		test_removed_file_takes_the_keys_away,
		test_broken_file_leaves_the_keys,
	};

	return suite_run("pool_key", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
