/*
 * Tests of the keeper (replication-agent/keeper_*.c): what is taken, what is
 * refused, what survives. No daemon runs here; tests/net has them.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "common/base/clock.h"
#include "common/bundle/bundle_wire.h"
#include "keepers.h"

#define SKIPPED 77

static struct bundle_version v(uint32_t epoch, uint64_t serial)
{
	return (struct bundle_version){epoch, serial};
}

START_TEST(test_staged_changes_nothing_until_activated)
{
	struct bundle_bytes b;
	struct record_facts facts;

	ck_assert_int_eq(bring(1, 1), 200);
	ck_assert_int_eq(current_number(), 1);
	make_number(&b, 1, 2);
	ck_assert_int_eq(stage(&b), 201);
	ck_assert_int_eq(current_number(), 1);
	record_get(keeper.record, &facts);
	ck_assert(facts.staged.is_set);
	ck_assert_uint_eq(facts.highest.version.serial, 2);
	ck_assert_int_eq(activate(&b, v(1, 2)), 200);
	ck_assert_int_eq(current_number(), 2);
	/* Every order may be repeated. */
	ck_assert_int_eq(activate(&b, v(1, 2)), 200);
	ck_assert_int_eq(stage(&b), 200);
	ck_assert_int_eq(current_number(), 2);
	bundle_bytes_fini(&b);
}
END_TEST

START_TEST(test_B9_1_forged_bundles_never_reach_the_store)
{
	struct bundle_bytes b;

	ck_assert_int_eq(bring(1, 1), 200);
	make_number(&b, 1, 2);
	/* Each refusal is remembered on the disk: some bytes do here, all
	 * are flipped in the test of the codec. */
	for (size_t i = 0; i < b.len; i += 9) {
		int status;

		b.p[i] ^= 0x20;
		status = stage(&b);
		ck_assert_msg(status == 400 || status == 403 || status == 413,
			"byte %zu: %d", i, status);
		b.p[i] ^= 0x20;
	}
	ck_assert_int_eq(current_number(), 1);
	/* The highest mark has not moved either: the true one is new. */
	ck_assert_int_eq(stage(&b), 201);
	bundle_bytes_fini(&b);
}
END_TEST

START_TEST(test_B9_2_replay_conflict_and_old_epochs_are_refused)
{
	struct bundle_manifest m = manifest_of(3, 7);
	struct bundle_bytes old;
	struct bundle_bytes b;

	make_number(&old, 3, 5);
	ck_assert_int_eq(stage(&old), 201);
	ck_assert_int_eq(activate(&old, v(3, 5)), 200);
	ck_assert_int_eq(bring(3, 7), 200);
	ck_assert_int_eq(stage(&old), 409); /* a replay */
	ck_assert_int_eq(activate(&old, v(3, 5)), 404);
	ck_assert_int_eq(bring(2, 1000), 409); /* lower epoch, higher serial */
	make_bundle(&b, &m, SAMPLE);           /* same version, other hash */
	ck_assert_int_eq(stage(&b), 409);
	ck_assert_int_eq(current_number(), 7);
	bundle_bytes_fini(&b);
	bundle_bytes_fini(&old);
	ck_assert_int_eq(bring(4, 1), 200);
	ck_assert_int_eq(bring(3, 9), 409);
	ck_assert_int_eq(current_number(), 1);
}
END_TEST

START_TEST(test_marks_survive_a_restart)
{
	struct bundle_bytes b;

	make_number(&b, 3, 9);
	ck_assert_int_eq(bring(3, 7), 200);
	ck_assert_int_eq(stage(&b), 201);
	keeper_fini(&keeper);
	open_keeper();
	ck_assert_int_eq(bring(3, 8), 409);
	/* Its file went with the restart; the bundle is still known. */
	ck_assert_int_eq(activate(&b, v(3, 9)), 200);
	ck_assert_int_eq(current_number(), 9);
	bundle_bytes_fini(&b);
}
END_TEST

START_TEST(test_refused_bundle_of_a_new_publisher_fences_the_old)
{
	/* No servers: a warning only; a machine that is not ours: refused. */
	static const char FOREIGN[] =
		"domains: [contoso.test]\n"
		"edges:\n"
		"  pool.other.test:\n"
		"    next_hop: fe.int.contoso.test\n"
		"    access: {name: sip.contoso.test}\n"
		"    machines:\n"
		"      m.other.test: {internal: 10.0.0.11, access: "
		"198.51.100.11}\n" SAMPLE_SERVERS;
	struct bundle_manifest m = manifest_of(2, 1);
	struct bundle_bytes b;

	ck_assert_int_eq(bring(1, 1), 200);
	make_bundle(&b, &m, FOREIGN);
	ck_assert_int_eq(stage(&b), 422);
	ck_assert_int_eq(bring(1, 2), 409);
	ck_assert_int_eq(current_number(), 1);
	ck_assert_int_eq(bring(2, 2), 200);
	bundle_bytes_fini(&b);
}
END_TEST

/* Too new for this agent, and signed all the same. */
START_TEST(test_B9_8_bundle_for_newer_agents_fences_the_old_epoch)
{
	struct bundle_manifest m = manifest_of(2, 1);
	struct bundle_bytes b;
	char *yaml = numbered_yaml(1);

	ck_assert_int_eq(bring(1, 1), 200);
	snprintf(m.min_agent, sizeof(m.min_agent), "999.0.0");
	make_bundle(&b, &m, yaml);
	ck_assert_int_eq(stage(&b), 415);
	ck_assert_int_eq(bring(1, 2), 409);
	ck_assert_int_eq(current_number(), 1);
	ck_assert_int_eq(bring(2, 2), 200);
	bundle_bytes_fini(&b);
	free(yaml);
}
END_TEST

START_TEST(test_semantic_errors_are_listed)
{
	/* The relay range covers UDP 3478: an error of the checks. */
	static const char CLASH[] =
		"domains: [contoso.test]\n"
		"edges:\n"
		"  " MACHINE ":\n"
		"    next_hop: fe.int.contoso.test\n"
		"    access: {name: sip.contoso.test}\n"
		"    av: {name: av.contoso.test, media_ports: 3000-4000}\n"
		"    machines:\n"
		"      " MACHINE ": {internal: 10.0.0.10, access: "
		"198.51.100.10, av: 198.51.100.30}\n" SAMPLE_SERVERS;
	struct bundle_manifest m = manifest_of(1, 1);
	struct keeper_result r = {.status = 0};
	struct bundle_bytes b;

	make_bundle(&b, &m, CLASH);
	keeper_stage(&keeper, b.p, b.len, NULL, NULL, &r);
	ck_assert_int_eq(r.status, 422);
	ck_assert_uint_ge(json_array_size(r.details), 1);
	ck_assert_str_ne(r.why.text, "");
	ck_assert_int_eq(current_number(), -1);
	keeper_result_fini(&r);
	bundle_bytes_fini(&b);
}
END_TEST

START_TEST(test_abort_forgets_and_the_version_stays_used)
{
	struct keeper_result r = {.status = 0};
	struct bundle_manifest m = manifest_of(1, 2);
	struct bundle_bytes b;
	struct bundle_bytes other;

	ck_assert_int_eq(bring(1, 1), 200);
	make_number(&b, 1, 2);
	ck_assert_int_eq(stage(&b), 201);
	keeper_abort(&keeper, v(1, 2), b.sha256, &r);
	ck_assert_int_eq(r.status, 200);
	keeper_abort(&keeper, v(1, 2), b.sha256, &r);
	ck_assert_int_eq(r.status, 404);
	keeper_result_fini(&r);
	make_bundle(&other, &m, SAMPLE);
	ck_assert_int_eq(stage(&other), 409);
	ck_assert_int_eq(stage(&b), 201);
	bundle_bytes_fini(&other);
	bundle_bytes_fini(&b);
}
END_TEST

START_TEST(test_pinned_host_stages_and_waits)
{
	struct keeper_result r = {.status = 0};
	struct bundle_bytes b;
	struct why why = {""};

	ck_assert_int_eq(bring(1, 1), 200);
	ck_assert_int_eq(pin_set(state_dir, "a test", "because", &why), 0);
	make_number(&b, 1, 2);
	ck_assert_int_eq(stage(&b), 201);
	ck_assert_int_eq(activate(&b, v(1, 2)), 409);
	ck_assert_int_eq(current_number(), 1);
	keeper_unpin(&keeper, &r);
	ck_assert_int_eq(r.status, 200);
	ck_assert_int_eq(current_number(), 2);
	keeper_result_fini(&r);
	bundle_bytes_fini(&b);
}
END_TEST

START_TEST(test_unpin_activates_only_what_was_to_be)
{
	struct keeper_result r = {.status = 0};
	struct bundle_bytes b;
	struct why why = {""};

	ck_assert_int_eq(bring(1, 1), 200);
	ck_assert_int_eq(pin_set(state_dir, "a test", "because", &why), 0);
	make_number(&b, 1, 2);
	ck_assert_int_eq(stage(&b), 201);
	keeper_unpin(&keeper, &r);
	ck_assert_int_eq(current_number(), 1);
	keeper_result_fini(&r);
	bundle_bytes_fini(&b);
}
END_TEST

START_TEST(test_revert_goes_back_and_pins)
{
	struct record_facts facts;
	struct pin pin;

	ck_assert_int_eq(bring(1, 1), 200);
	ck_assert_int_eq(bring(1, 2), 200);
	ck_assert_int_eq(bring(1, 3), 200);
	record_get(keeper.record, &facts);
	keeper_revert(&keeper, &facts, "av-edge: does not like it");
	ck_assert_int_eq(current_number(), 2);
	ck_assert(pin_read(&pin, state_dir));
	ck_assert_ptr_nonnull(strstr(pin.reason, "does not like it"));
	record_get(keeper.record, &facts);
	ck_assert_uint_eq(facts.highest.version.serial, 3);
	ck_assert_str_eq(facts.last_error.code, "generation.reverted");
	/* Neither it nor anything older comes back by itself. */
	ck_assert_int_eq(bring(1, 3), 409);
	ck_assert_int_eq(bring(1, 2), 409);
	ck_assert_int_eq(current_number(), 2);
}
END_TEST

START_TEST(test_interrupted_revert_is_finished)
{
	struct record_facts facts;
	struct why why = {""};
	struct pin pin;

	ck_assert_int_eq(bring(1, 1), 200);
	ck_assert_int_eq(bring(1, 2), 200);
	record_get(keeper.record, &facts);
	facts.is_reverting = true;
	ck_assert_int_eq(record_put(keeper.record, &facts, &why), 0);
	keeper_fini(&keeper);
	open_keeper();
	ck_assert_int_eq(current_number(), 1);
	ck_assert(pin_read(&pin, state_dir));
}
END_TEST

START_TEST(test_damaged_current_falls_back_to_previous)
{
	ck_assert_int_eq(bring(1, 1), 200);
	ck_assert_int_eq(bring(1, 2), 200);
	keeper_fini(&keeper);
	damage("current");
	open_keeper();
	ck_assert_int_eq(current_number(), 1);
}
END_TEST

START_TEST(test_lost_store_is_rebuilt_from_a_bundle)
{
	ck_assert_int_eq(bring(1, 1), 200);
	ck_assert_int_eq(bring(1, 2), 200);
	keeper_fini(&keeper);
	damage("current");
	damage("previous");
	open_keeper();
	ck_assert_int_eq(current_number(), 2);
	/* And the marks are where they were. */
	ck_assert_int_eq(bring(1, 1), 409);
}
END_TEST

START_TEST(test_lost_record_learns_from_what_is_current)
{
	char path[2 * PATH_MAX];

	ck_assert_int_eq(bring(2, 5), 200);
	keeper_fini(&keeper);
	snprintf(path, sizeof(path), "%s/state.json", keeper.dir);
	ck_assert_int_eq(truncate(path, 10), 0);
	open_keeper();
	ck_assert_int_eq(bring(2, 4), 409);
	ck_assert_int_eq(bring(1, 99), 409);
	ck_assert_int_eq(bring(2, 6), 200);
}
END_TEST

START_TEST(test_keys_change_by_trust_bundle)
{
	struct bundle_key *second = key_number(9);
	struct bundle_manifest m = manifest_of(1, 2);
	struct bundle_signer signers[2];
	struct bundle_trust next;
	struct bundle_bytes b;
	struct why why = {""};

	memset(&next, 0, sizeof(next));
	trust_in(&next, second);
	next.serial = 2;
	bundle_key_signer(key, &signers[0]);
	bundle_key_signer(second, &signers[1]);
	ck_assert_int_eq(bundle_make_trust(&b, &m, &next, signers, 1, &why),
		0);
	ck_assert_int_eq(stage(&b), 403);
	bundle_bytes_fini(&b);
	ck_assert_int_eq(bundle_make_trust(&b, &m, &next, signers, 2, &why),
		0);
	ck_assert_int_eq(stage(&b), 201);
	ck_assert_int_eq(stage(&b), 200);
	bundle_bytes_fini(&b);
	ck_assert_int_eq(bring(1, 1), 403); /* the old key's word is over */
	bundle_key_free(key);
	key = second;
	ck_assert_int_eq(bring(1, 1), 200);
}
END_TEST

/* Keys of the next serial: ours is over, the second one's word counts. */
static void change_keys(struct bundle_key *second)
{
	struct bundle_manifest m = manifest_of(1, 2);
	struct bundle_signer signers[2];
	struct bundle_trust next;
	struct bundle_bytes b;
	struct why why = {""};

	memset(&next, 0, sizeof(next));
	trust_in(&next, second);
	next.serial = 2;
	bundle_key_signer(key, &signers[0]);
	bundle_key_signer(second, &signers[1]);
	ck_assert_int_eq(bundle_make_trust(&b, &m, &next, signers, 2, &why),
		0);
	ck_assert_int_eq(stage(&b), 201);
	bundle_bytes_fini(&b);
}

START_TEST(test_staged_of_a_revoked_key_is_not_activated)
{
	struct bundle_key *second = key_number(9);
	struct bundle_bytes b;

	ck_assert_int_eq(bring(1, 1), 200);
	make_number(&b, 1, 2);
	ck_assert_int_eq(stage(&b), 201);
	change_keys(second);
	ck_assert_int_eq(activate(&b, v(1, 2)), 403);
	ck_assert_int_eq(current_number(), 1);
	bundle_bytes_fini(&b);
	bundle_key_free(key);
	key = second;
	ck_assert_int_eq(bring(1, 3), 200);
}
END_TEST

START_TEST(test_unpin_brings_nothing_of_a_revoked_key)
{
	struct bundle_key *second = key_number(9);
	struct keeper_result r = {.status = 0};
	struct bundle_bytes b;
	struct why why = {""};

	ck_assert_int_eq(bring(1, 1), 200);
	ck_assert_int_eq(pin_set(state_dir, "a test", "because", &why), 0);
	make_number(&b, 1, 2);
	ck_assert_int_eq(stage(&b), 201);
	ck_assert_int_eq(activate(&b, v(1, 2)), 409);
	change_keys(second);
	keeper_unpin(&keeper, &r);
	ck_assert_int_eq(current_number(), 1);
	keeper_result_fini(&r);
	bundle_bytes_fini(&b);
	bundle_key_free(second);
}
END_TEST

START_TEST(test_staged_that_the_shelf_lost_can_be_sent_again)
{
	char path[PATH_MAX + 128];
	struct bundle_bytes b;

	make_number(&b, 1, 1);
	ck_assert_int_eq(stage(&b), 201);
	snprintf(path, sizeof(path), "%s/bundles/%s.edgb", keeper.dir,
		b.sha256);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(activate(&b, v(1, 1)), 404);
	ck_assert_int_eq(stage(&b), 201);
	ck_assert_int_eq(activate(&b, v(1, 1)), 200);
	ck_assert_int_eq(current_number(), 1);
	bundle_bytes_fini(&b);
}
END_TEST

static int take_head(struct bundle_version version, const char *of,
	int64_t created)
{
	struct bundle_manifest m = manifest_of(version.epoch, version.serial);
	struct keeper_result r = {.status = 0};
	struct bundle_signer signer;
	struct bundle_bytes b;
	struct why why = {""};

	snprintf(m.of, sizeof(m.of), "%s", of);
	m.created.s = created;
	m.expires.s = created + BUNDLE_HEAD_LIFE_S;
	bundle_key_signer(key, &signer);
	ck_assert_int_eq(bundle_make_head(&b, &m, &signer, 1, &why), 0);
	keeper_take_head(&keeper, b.p, b.len, &r);
	keeper_result_fini(&r);
	bundle_bytes_fini(&b);
	return r.status;
}

START_TEST(test_head_tells_that_something_is_held_back)
{
	static const char OTHER[] = "11111111111111111111111111111111"
				    "11111111111111111111111111111111";
	const int64_t now = wall_now().s;
	struct keeper_view view;
	struct record_facts facts;

	ck_assert_int_eq(bring(1, 1), 200);
	keeper_see(&keeper, &view);
	ck_assert_int_eq(take_head(v(1, 1), view.current.manifest_sha256,
		now - 10), 204);
	keeper_see(&keeper, &view);
	ck_assert(!keeper_is_behind(&view));
	ck_assert_int_eq(take_head(v(1, 2), OTHER, now), 204);
	keeper_see(&keeper, &view);
	ck_assert(keeper_is_behind(&view));
	record_get(keeper.record, &facts);
	ck_assert_int_gt(facts.behind_since.s, 0);
	/* Not backwards; not from the future; and it is remembered. */
	ck_assert_int_eq(take_head(v(1, 1), OTHER, now), 409);
	ck_assert_int_eq(take_head(v(1, 2), OTHER, now - 5), 409);
	ck_assert_int_eq(take_head(v(1, 3), OTHER, now + 1000), 403);
	keeper_fini(&keeper);
	open_keeper();
	keeper_see(&keeper, &view);
	ck_assert(keeper_is_behind(&view));
	/* A head of a new publisher closes the door to the old one. */
	ck_assert_int_eq(take_head(v(2, 1), OTHER, now + 1), 204);
	ck_assert_int_eq(bring(1, 2), 409);
}
END_TEST

START_TEST(test_clock_jumps_refuse_nothing_but_the_future)
{
	struct bundle_bytes b;

	make_number(&b, 1, 1); /* made at 1700000000 */
	clock_fake(1000, (1700000000LL - 400) * 1000);
	ck_assert_int_eq(stage(&b), 403);
	clock_fake(2000, (1700000000LL - 200) * 1000);
	ck_assert_int_eq(stage(&b), 201);
	clock_fake(3000, 4000000000LL * 1000); /* it has expired, and is good */
	ck_assert_int_eq(activate(&b, v(1, 1)), 200);
	ck_assert_int_eq(bring(1, 2), 200);
	clock_fake(4000, 1000LL * 1000); /* back to 1970 */
	ck_assert_int_eq(current_number(), 2);
	ck_assert_int_eq(stage(&b), 403);
	clock_real();
	bundle_bytes_fini(&b);
}
END_TEST

START_TEST(test_without_trust_nothing_is_taken)
{
	struct bundle_bytes b;
	struct why why = {""};

	ck_assert_int_eq(file_remove(keeper.dir, "trust.json", &why), 0);
	make_number(&b, 1, 1);
	ck_assert_int_eq(stage(&b), 403);
	ck_assert_int_eq(current_number(), -1);
	bundle_bytes_fini(&b);
}
END_TEST

/* ---- disks --------------------------------------------------------------- */

/* A disk of so many KiB below the folder, in a mount namespace of our own;
 * false where that is not allowed. */
static bool own_disk(const char *dir, unsigned kib)
{
	char options[64];

	snprintf(options, sizeof(options), "size=%uk,mode=0755", kib);
	return unshare(CLONE_NEWNS) == 0 &&
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		mount("test", dir, "tmpfs", 0, options) == 0;
}

/* Fill what is left, but for so many KiB. */
static void fill_but(const char *dir, unsigned kib)
{
	static const char zeros[4096];
	char path[PATH_MAX];
	unsigned total = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/ballast", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	while (write(fd, zeros, sizeof(zeros)) == sizeof(zeros))
		total += 4;
	ck_assert_int_eq(ftruncate(fd, total > kib ?
		(off_t)(total - kib) * 1024 : 0), 0);
	close(fd);
}

START_TEST(test_disk_full_at_any_step_keeps_the_old)
{
	bool has_room = false;

	teardown();
	state_dir = sample_folder();
	if (!own_disk(state_dir, 2048))
		exit(SKIPPED);
	setup_at(state_dir);
	ck_assert_int_eq(bring(1, 1), 200);
	/* Page by page, each step of the way is the first without room. */
	for (unsigned kib = 0; kib < 400 && !has_room; kib += 4) {
		struct bundle_bytes b;
		int status;

		make_number(&b, 1, 2);
		fill_but(state_dir, kib);
		status = stage(&b);
		if (status == 201)
			status = activate(&b, v(1, 2));
		ck_assert_msg(status == 507 || status == 200 || status == 500,
			"%u KiB: %d", kib, status);
		ck_assert_int_eq(current_number(), status == 200 ? 2 : 1);
		has_room = status == 200;
		bundle_bytes_fini(&b);
	}
	ck_assert(has_room);
	ck_assert_int_eq(umount2(state_dir, MNT_DETACH), 0);
	state_dir = sample_folder();
}
END_TEST

/* Another user, of the group that reads: what a daemon is. */
static int number_for_a_reader(void)
{
	pid_t pid = fork();
	int status = 0;

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(setresuid(65534, 65534, 65534) == 0 &&
				access(state_dir, W_OK) < 0 ?
			current_number() & 0x7f : 0x7f);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(test_read_only_disk_keeps_the_old)
{
	struct bundle_bytes b;

	teardown();
	state_dir = sample_folder();
	if (!own_disk(state_dir, 2048))
		exit(SKIPPED);
	setup_at(state_dir);
	ck_assert_int_eq(bring(1, 1), 200);
	make_number(&b, 1, 2);
	ck_assert_int_eq(mount(NULL, state_dir, NULL, MS_REMOUNT | MS_RDONLY,
		NULL), 0);
	ck_assert_int_eq(stage(&b), 507);
	ck_assert_int_eq(current_number(), 1);
	ck_assert_int_eq(number_for_a_reader(), 1);
	ck_assert_int_eq(mount(NULL, state_dir, NULL, MS_REMOUNT, NULL), 0);
	ck_assert_int_eq(stage(&b), 201);
	bundle_bytes_fini(&b);
	ck_assert_int_eq(umount2(state_dir, MNT_DETACH), 0);
	state_dir = sample_folder();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keeper");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, test_staged_changes_nothing_until_activated);
	tcase_add_test(tc, test_B9_1_forged_bundles_never_reach_the_store);
	tcase_add_test(tc,
		test_B9_2_replay_conflict_and_old_epochs_are_refused);
	tcase_add_test(tc, test_marks_survive_a_restart);
	tcase_add_test(tc,
		test_refused_bundle_of_a_new_publisher_fences_the_old);
	tcase_add_test(tc,
		test_B9_8_bundle_for_newer_agents_fences_the_old_epoch);
	tcase_add_test(tc, test_semantic_errors_are_listed);
	tcase_add_test(tc, test_abort_forgets_and_the_version_stays_used);
	tcase_add_test(tc, test_pinned_host_stages_and_waits);
	tcase_add_test(tc, test_unpin_activates_only_what_was_to_be);
	tcase_add_test(tc, test_revert_goes_back_and_pins);
	tcase_add_test(tc, test_interrupted_revert_is_finished);
	tcase_add_test(tc, test_damaged_current_falls_back_to_previous);
	tcase_add_test(tc, test_lost_store_is_rebuilt_from_a_bundle);
	tcase_add_test(tc, test_lost_record_learns_from_what_is_current);
	tcase_add_test(tc, test_keys_change_by_trust_bundle);
	tcase_add_test(tc,
		test_staged_of_a_revoked_key_is_not_activated);
	tcase_add_test(tc, test_unpin_brings_nothing_of_a_revoked_key);
	tcase_add_test(tc, test_staged_that_the_shelf_lost_can_be_sent_again);
	tcase_add_test(tc, test_head_tells_that_something_is_held_back);
	tcase_add_test(tc, test_clock_jumps_refuse_nothing_but_the_future);
	tcase_add_test(tc, test_without_trust_nothing_is_taken);
	tcase_add_test(tc, test_disk_full_at_any_step_keeps_the_old);
	tcase_add_test(tc, test_read_only_disk_keeps_the_old);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
