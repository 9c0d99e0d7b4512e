/*
 * The connector's last word on tickets: what an edge can know does not make
 * one, a ticket is good once in the whole pool, keys survive a restart.
 */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "webconf-edge/connector/mint.h"

#define AUDIENCE "webcon.a.test"
#define MEETING  "sip:board@a.test"

static const struct wall NOW = {1700000000};

static struct {
	char folder[64];
	struct mint mint;
} t;

static void open_mint(enum ticket_alg alg)
{
	struct why why = {""};

	ck_assert_msg(mint_open(&t.mint, t.folder, alg, NOW, &why) == 0, "%s",
		why.text);
}

static void setup(void)
{
	snprintf(t.folder, sizeof(t.folder), "/tmp/test-mint-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(t.folder));
	open_mint(TICKET_ED25519);
}

static void teardown(void)
{
	struct dirent *entry;
	DIR *dir = opendir(t.folder);
	char path[400];

	mint_close(&t.mint);
	while ((entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", t.folder, entry->d_name);
		unlink(path);
	}
	closedir(dir);
	rmdir(t.folder);
}

static struct str mint(bool is_reusable, uint8_t room[static TICKET_MAX_LEN])
{
	const struct mint_wish wish = {.conference = STR_LIT(MEETING),
		.audience = AUDIENCE,
		.lifetime_s = 300,
		.is_reusable = is_reusable};
	char text[TICKET_TEXT_LEN];
	struct ticket ticket;
	size_t len;

	ck_assert_int_eq(mint_ticket(&t.mint, &wish, NOW, &ticket, text), 0);
	ck_assert_int_eq(digest_unb64url(str_of(text), room, TICKET_MAX_LEN,
				 &len), 0);
	return (struct str){(const char *)room, len};
}

static const char *check(struct str bytes)
{
	struct ticket ticket;

	return mint_check(&t.mint, bytes, AUDIENCE, NOW, &ticket);
}

START_TEST(test_a_ticket_is_good_once)
{
	uint8_t room[TICKET_MAX_LEN];
	struct str bytes = mint(false, room);
	struct ticket ticket;

	ck_assert_str_eq(check(bytes), "ok");
	ck_assert_str_eq(check(bytes), "replayed");
	ck_assert_int_eq(ticket_read(bytes, &ticket), 0);
	mint_give_back(&t.mint, &ticket);
	ck_assert_str_eq(check(bytes), "ok");
	bytes = mint(true, room);
	ck_assert_str_eq(check(bytes), "ok");
	ck_assert_str_eq(check(bytes), "ok");
}
END_TEST

START_TEST(test_what_is_wrong_is_refused)
{
	uint8_t room[TICKET_MAX_LEN];
	struct str bytes = mint(false, room);
	struct ticket ticket;

	ck_assert_str_eq(mint_check(&t.mint, bytes, "other.a.test", NOW,
				 &ticket), "audience");
	ck_assert_str_eq(mint_check(&t.mint, bytes, AUDIENCE,
				 (struct wall){NOW.s + 361}, &ticket), "time");
	ck_assert_int_eq(ticket_read(bytes, &ticket), 0);
	ck_assert_int_eq(mint_revoke(&t.mint, ticket.id, NOW), 0);
	ck_assert_int_eq(mint_revoke(&t.mint, ticket.id, NOW), 0);
	ck_assert_str_eq(check(bytes), "revoked");
	room[bytes.n - 1] ^= 1;
	ck_assert_str_eq(check(bytes), "signature");
	room[40] ^= 1;
	ck_assert_str_eq(check(bytes), "server");
	bytes.n--;
	ck_assert_str_eq(check(bytes), "shape");
}
END_TEST

/* Everything an edge learns: server id, public key, its number, and all
 * tickets it has ever seen. A key of its own does not help it. */
START_TEST(test_a_compromised_edge_mints_nothing)
{
	uint8_t public[TICKET_PUBLIC_MAX];
	uint8_t room[TICKET_MAX_LEN];
	struct str seen = mint(false, room);
	struct ticket_key *known = NULL;
	struct ticket_key *own = NULL;
	uint8_t forged[TICKET_MAX_LEN];
	struct ticket ticket;
	size_t len;

	ck_assert_int_eq(ticket_read(seen, &ticket), 0);
	ck_assert_str_eq(check(seen), "ok");
	len = ticket_key_public(t.mint.key, public);
	ck_assert_int_eq(ticket_key_from_public(&known, TICKET_ED25519,
				 (struct str){(const char *)public, len},
				 ticket.key_id), 0);
	memset(ticket.id, 7, sizeof(ticket.id)); /* not used before */
	ck_assert_int_eq(ticket_sign(&ticket, known, forged, &len),
		EDGE_ETLS);
	ck_assert_int_eq(ticket_key_make(&own, TICKET_ED25519,
				 ticket.key_id), 0);
	ck_assert_int_eq(ticket_sign(&ticket, own, forged, &len), 0);
	ck_assert_str_eq(check((struct str){(const char *)forged, len}),
		"signature");
	/* the old signature under a new id */
	memset(room + 24, 7, 16);
	ck_assert_str_eq(check(seen), "signature");
	ticket_key_free(known);
	ticket_key_free(own);
}
END_TEST

START_TEST(test_id_and_key_survive_a_restart)
{
	uint8_t room[TICKET_MAX_LEN];
	struct str bytes = mint(false, room);

	mint_close(&t.mint);
	open_mint(TICKET_ED25519);
	ck_assert_str_eq(check(bytes), "ok");
}
END_TEST

/* T22: the memory of what was used is not that of one process. */
START_TEST(test_T22_used_and_revoked_tickets_survive_a_restart)
{
	uint8_t rooms[4][TICKET_MAX_LEN];
	struct str used = mint(false, rooms[0]);
	struct str revoked = mint(false, rooms[1]);
	struct str failed = mint(false, rooms[2]);
	struct str reusable = mint(true, rooms[3]);
	struct ticket ticket;

	ck_assert_str_eq(mint_check(&t.mint, used, AUDIENCE, NOW, &ticket),
		"ok");
	mint_use_up(&t.mint, &ticket, NOW);
	ck_assert_int_eq(ticket_read(revoked, &ticket), 0);
	ck_assert_int_eq(mint_revoke(&t.mint, ticket.id, NOW), 0);
	ck_assert_str_eq(mint_check(&t.mint, failed, AUDIENCE, NOW, &ticket),
		"ok");
	mint_give_back(&t.mint, &ticket);
	ck_assert_str_eq(mint_check(&t.mint, reusable, AUDIENCE, NOW,
		&ticket), "ok");
	mint_use_up(&t.mint, &ticket, NOW);
	for (int i = 0; i < 2; i++) {
		mint_close(&t.mint);
		open_mint(TICKET_ED25519);
		ck_assert_str_eq(check(used), "replayed");
		ck_assert_str_eq(check(revoked), "revoked");
		ck_assert_str_eq(check(reusable), "ok");
	}
	ck_assert_str_eq(check(failed), "ok");
}
END_TEST

START_TEST(test_files_are_nobody_elses)
{
	static const char *const names[] = {"server.id", "ticket.key"};
	char path[128];
	struct stat st;

	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", t.folder, names[i]);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_uint_eq(st.st_mode & 0777, 0600);
	}
}
END_TEST

START_TEST(test_another_algorithm_makes_another_key)
{
	uint8_t room[TICKET_MAX_LEN];
	struct str bytes = mint(false, room);

	mint_close(&t.mint);
	open_mint(TICKET_P256);
	ck_assert_str_eq(check(bytes), "key");
	bytes = mint(false, room);
	ck_assert_str_eq(check(bytes), "ok");
}
END_TEST

START_TEST(test_a_damaged_key_is_not_replaced)
{
	struct why why = {""};
	char path[128];
	FILE *file;

	mint_close(&t.mint);
	snprintf(path, sizeof(path), "%s/ticket.key", t.folder);
	file = fopen(path, "w");
	fputs("no key\n", file);
	fclose(file);
	ck_assert_int_lt(mint_open(&t.mint, t.folder, TICKET_ED25519, NOW,
			 &why),
		0);
	ck_assert_ptr_nonnull(strstr(why.text, "ticket.key"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mint");
	TCase *tc = tcase_create("mint");
	SRunner *runner;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_a_ticket_is_good_once);
	tcase_add_test(tc, test_what_is_wrong_is_refused);
	tcase_add_test(tc, test_a_compromised_edge_mints_nothing);
	tcase_add_test(tc, test_id_and_key_survive_a_restart);
	tcase_add_test(tc,
		test_T22_used_and_revoked_tickets_survive_a_restart);
	tcase_add_test(tc, test_files_are_nobody_elses);
	tcase_add_test(tc, test_another_algorithm_makes_another_key);
	tcase_add_test(tc, test_a_damaged_key_is_not_replaced);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
