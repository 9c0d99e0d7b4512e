/* Keys that a pool shares: out of the topology, into the same file. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "av-auth/keys.h"
#include "common/base/err.h"
#include "common/cred/av_cred.h"
#include "common/seal/pool_key.h"
#include "common/seal/seal.h"
#include "tests/unit/net/pki.h"

static const struct wall NOW = {1767225600};

static struct pki pki;
static char folder[64];
static char path[128];
static char chain[600], key[600], other_chain[600], other_key[600];
static struct topology topology;
static struct topology_sealed rows[4];
static struct pool_key secrets[4];
static struct keys keys;
static struct keys_source source;
static struct keys_place place;
static struct why why;

static void setup(void)
{
	const struct pki_spec ours = {.name = "edge", .cn = "edge.test"};
	const struct pki_spec theirs = {.name = "other", .cn = "other.test"};

	pki_init(&pki);
	pki_make(&pki, &ours);
	pki_make(&pki, &theirs);
	snprintf(chain, sizeof(chain), "%s", pki_path(&pki, "edge.crt"));
	snprintf(key, sizeof(key), "%s", pki_path(&pki, "edge.key"));
	snprintf(other_chain, sizeof(other_chain), "%s",
		pki_path(&pki, "other.crt"));
	snprintf(other_key, sizeof(other_key), "%s",
		pki_path(&pki, "other.key"));
	snprintf(folder, sizeof(folder), "/tmp/test_keys_pool.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pool.key", folder);
	memset(&topology, 0, sizeof(topology));
	memset(&keys, 0, sizeof(keys));
	memset(&why, 0, sizeof(why));
	topology.sealed = rows;
	source = (struct keys_source){&topology, chain, key};
	place = (struct keys_place){.folder = folder, .owner = (uid_t)-1,
		.group = (gid_t)-1, .source = &source};
}

static void forget_rows(void)
{
	for (size_t i = 0; i < topology.sealed_count; i++)
		free(rows[i].cms);
	topology.sealed_count = 0;
}

static void teardown(void)
{
	forget_rows();
	unlink(path);
	rmdir(folder);
	pki_fini(&pki);
}

static struct wall after(int64_t s)
{
	return (struct wall){NOW.s + s};
}

/* The publisher's side: key id, sealed to a certificate, as the next row. */
static void publish(uint32_t id, bool is_current, const char *to)
{
	struct topology_sealed *row = &rows[topology.sealed_count];
	struct pool_key *secret = &secrets[id];
	uint8_t text[POOL_KEY_TEXT_MAX];
	struct seal_bytes sealed = {NULL, 0};
	struct str reader;
	char pem[8192];
	FILE *f = fopen(to, "r");

	ck_assert_ptr_nonnull(f);
	reader = (struct str){pem, fread(pem, 1, sizeof(pem), f)};
	fclose(f);
	if (secret->id != id)
		pool_key_make(secret, POOL_KEY_AV, id, NOW);
	ck_assert_int_eq(seal_make(&sealed, text, pool_key_print(secret, text),
				 &reader, 1, &why), 0);
	*row = (struct topology_sealed){.purpose = "av", .key_id = id,
		.is_current = is_current, .cms = sealed.p,
		.cms_len = sealed.len};
	topology.sealed_count++;
}

static int follow(struct wall now)
{
	bool is_changed;

	return keys_follow(&keys, &source, now, &is_changed, &why);
}

START_TEST(test_fresh_member_of_a_pool_has_the_pools_key_alone)
{
	struct keys again;

	publish(1, true, chain);
	ck_assert_int_eq(keys_open(&keys, &place, NOW, &why), 0);
	ck_assert_uint_eq(keys.ring.count, 1);
	ck_assert(keys.ring.keys[0].is_shared);
	ck_assert_mem_eq(keys.ring.keys[0].sk0, secrets[1].secret, 32);
	ck_assert_mem_eq(keys.ring.keys[0].sk1, secrets[1].secret + 32, 32);
	ck_assert_mem_eq(keys.ring.keys[0].sk2, secrets[1].secret + 64, 32);
	ck_assert_int_eq(keys_open(&again, &place, after(60), &why), 0);
	ck_assert_int_eq(again.ring.keys[0].created.s, NOW.s);
}
END_TEST

/* Two edges, one key: what one mints the other believes. */
START_TEST(test_credential_of_one_member_checks_at_the_other)
{
	struct av_key_ring first;
	struct av_cred c, checked;

	publish(1, true, chain);
	ck_assert_int_eq(keys_open(&keys, &place, NOW, &why), 0);
	first = keys.ring;
	unlink(path);
	forget_rows();
	publish(1, true, other_chain);
	source = (struct keys_source){&topology, other_chain, other_key};
	ck_assert_int_eq(keys_open(&keys, &place, after(5), &why), 0);
	ck_assert_int_eq(av_cred_mint(&c, &first, AV_CRED_V2,
				 STR_LIT("sip:a@b.test"), after(60)), 0);
	ck_assert_int_eq(av_cred_check(&checked, &keys.ring, c.user,
				 c.user_len, NOW, 0), 0);
}
END_TEST

START_TEST(test_T22_joining_a_pool_ends_no_credential)
{
	uint8_t own[AV_KEY_LEN];

	ck_assert_int_eq(keys_open(&keys, &place, NOW, &why), 0);
	memcpy(own, keys.ring.keys[0].sk1, sizeof(own));
	publish(1, true, chain);
	ck_assert_int_eq(follow(after(100)), 0);
	ck_assert_uint_eq(keys.ring.count, 2);
	ck_assert(keys.ring.keys[0].is_shared);
	ck_assert_mem_eq(keys.ring.keys[1].sk1, own, sizeof(own));
	/* the overlap counts from when the pool's key came */
	ck_assert_int_eq(follow(after(100 + KEYS_OVERLAP_S)), 0);
	ck_assert_uint_eq(keys.ring.count, 2);
	ck_assert_int_eq(follow(after(101 + KEYS_OVERLAP_S)), 0);
	ck_assert_uint_eq(keys.ring.count, 1);
}
END_TEST

START_TEST(test_T22_rotation_of_the_pool_keeps_the_previous_key)
{
	publish(1, true, chain);
	ck_assert_int_eq(keys_open(&keys, &place, NOW, &why), 0);
	forget_rows();
	publish(2, true, chain);
	publish(1, false, chain);
	ck_assert_int_eq(follow(after(10)), 0);
	ck_assert_uint_eq(keys.ring.count, 2);
	ck_assert_uint_eq(keys.ring.keys[0].id, 2);
	ck_assert_uint_eq(keys.ring.keys[1].id, 1);
	/* the publisher takes it back: at once */
	forget_rows();
	publish(2, true, chain);
	ck_assert_int_eq(follow(after(20)), 0);
	ck_assert_uint_eq(keys.ring.count, 1);
}
END_TEST

START_TEST(test_leaving_a_pool_makes_an_own_key_and_ends_no_credential)
{
	publish(1, true, chain);
	ck_assert_int_eq(keys_open(&keys, &place, NOW, &why), 0);
	forget_rows();
	ck_assert_int_eq(follow(after(10)), 0);
	ck_assert_uint_eq(keys.ring.count, 2);
	ck_assert(!keys.ring.keys[0].is_shared);
	ck_assert(keys.ring.keys[1].is_shared);
	ck_assert_int_eq(follow(after(11 + KEYS_OVERLAP_S)), 0);
	ck_assert_uint_eq(keys.ring.count, 1);
	ck_assert(!keys.ring.keys[0].is_shared);
}
END_TEST

START_TEST(test_key_sealed_to_another_is_refused_and_changes_nothing)
{
	struct av_key_ring before;

	ck_assert_int_eq(keys_open(&keys, &place, NOW, &why), 0);
	before = keys.ring;
	publish(1, true, other_chain);
	ck_assert_int_eq(keys_check(&keys, &source, &why), EDGE_EFORGED);
	ck_assert_ptr_nonnull(strstr(why.text, "publisher seals it anew"));
	ck_assert_int_eq(follow(after(10)), EDGE_EFORGED);
	ck_assert_mem_eq(&keys.ring, &before, sizeof(before));
}
END_TEST

/* The machine's certificate was renewed with a new key; the publisher has
 * not seen it yet. A restart must not end the service. */
START_TEST(test_same_number_is_kept_while_it_is_sealed_to_the_old_key)
{
	publish(1, true, chain);
	ck_assert_int_eq(keys_open(&keys, &place, NOW, &why), 0);
	source = (struct keys_source){&topology, other_chain, other_key};
	ck_assert_int_eq(keys_check(&keys, &source, &why), 0);
	ck_assert_int_eq(keys_open(&keys, &place, after(10), &why), 0);
	ck_assert_uint_eq(keys.ring.count, 1);
	ck_assert_mem_eq(keys.ring.keys[0].sk1, secrets[1].secret + 32, 32);
	/* another number can't be guessed */
	forget_rows();
	publish(2, true, chain);
	ck_assert_int_eq(follow(after(20)), EDGE_EFORGED);
	ck_assert_uint_eq(keys.ring.keys[0].id, 1);
}
END_TEST

START_TEST(test_a_pools_key_is_not_rotated_here)
{
	publish(1, true, chain);
	ck_assert_int_eq(keys_open(&keys, &place, NOW, &why), 0);
	ck_assert_int_eq(keys_rotate(&keys, after(10), true, &why),
		EDGE_EREFUSED);
	ck_assert_ptr_nonnull(strstr(why.text, "where that is published"));
	ck_assert_uint_eq(keys.ring.count, 1);
}
END_TEST

START_TEST(test_refused_topology_puts_the_keys_back)
{
	struct av_key_ring before;
	struct av_key_ring file;

	ck_assert_int_eq(keys_open(&keys, &place, NOW, &why), 0);
	before = keys.ring;
	publish(1, true, chain);
	ck_assert_int_eq(follow(after(10)), 0);
	keys_put_back(&keys, &before);
	ck_assert_int_eq(av_key_load(&file, path, &why), 0);
	ck_assert_uint_eq(file.count, 1);
	ck_assert(!file.keys[0].is_shared);
	ck_assert_mem_eq(file.keys[0].sk1, before.keys[0].sk1, AV_KEY_LEN);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("keys of a pool");
	TCase *tc = tcase_create("keys of a pool");
	SRunner *sr;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc,
		test_fresh_member_of_a_pool_has_the_pools_key_alone);
	tcase_add_test(tc, test_credential_of_one_member_checks_at_the_other);
	tcase_add_test(tc, test_T22_joining_a_pool_ends_no_credential);
	tcase_add_test(tc,
		test_T22_rotation_of_the_pool_keeps_the_previous_key);
	tcase_add_test(tc,
		test_leaving_a_pool_makes_an_own_key_and_ends_no_credential);
	tcase_add_test(tc,
		test_key_sealed_to_another_is_refused_and_changes_nothing);
	tcase_add_test(tc,
		test_same_number_is_kept_while_it_is_sealed_to_the_old_key);
	tcase_add_test(tc, test_a_pools_key_is_not_rotated_here);
	tcase_add_test(tc, test_refused_topology_puts_the_keys_back);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
