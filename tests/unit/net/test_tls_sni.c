/* Certificates by the name that is asked for. */
#include <check.h>
#include <sys/stat.h>

#include "common/base/err.h"
#include "common/net/tls_sni.h"
#include "tests/unit/net/ends.h"
#include "tests/unit/net/pki.h"

static struct loop *loop;
static struct pki pki;
static char folder[128];
static struct tls_spec spec;
static char *chain, *key, *ca;

/* A pair goes into the folder; pki_fini() knows files of its own only. */
static void move_in(const char *name)
{
	static const char *const ends[] = {"crt", "key"};

	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		char from[512], to[512];

		snprintf(from, sizeof(from), "%s/%s.%s", pki.dir, name,
			ends[i]);
		snprintf(to, sizeof(to), "%s/%s.%s", folder, name, ends[i]);
		ck_assert_int_eq(rename(from, to), 0);
	}
}

static void setup(void)
{
	ck_assert_int_eq(loop_new(&loop), 0);
	pki_init(&pki);
	snprintf(folder, sizeof(folder), "%s/more", pki.dir);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	pki_ca(&pki, "ca");
	pki_leaf(&pki, "ca", "main", "DNS:sip.a.test");
	pki_leaf(&pki, "ca", "b", "DNS:sip.b.test,DNS:sip.bb.test");
	pki_leaf(&pki, "ca", "c", "DNS:sip.c.test");
	pki_leaf(&pki, "ca", "peer", "DNS:peer.test");
	move_in("b");
	move_in("c");
	chain = pki_path_dup(&pki, "main.crt");
	key = pki_path_dup(&pki, "main.key");
	ca = pki_path_dup(&pki, "ca.crt");
	spec = (struct tls_spec){.role = TLS_ROLE_SERVER,
		.verify = TLS_VERIFY_NONE, .chain_path = chain,
		.key_path = key, .trust_path = ca, .more_path = folder};
}

static void teardown(void)
{
	char path[300];
	static const char *const left[] = {"b.crt", "b.key", "c.crt",
		"c.key", "d.crt", "d.key", "readme", ".crt"};

	for (size_t i = 0; i < ARRAY_COUNT(left); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, left[i]);
		unlink(path);
	}
	rmdir(folder);
	free(chain);
	free(key);
	free(ca);
	pki_fini(&pki);
	loop_free(loop);
}

/* Does a client that asks for this name find it in the certificate? */
static bool finds(struct tls_ctx *server, const char *name,
	const char *own)
{
	struct end here = {0}, there = {0};
	struct stream_limits limits = {0};
	struct stream_target to = {.name = name};
	struct tls_ctx *client = NULL;
	char file[512], secret[512];
	struct why why = {""};
	int fd = test_listen(&to.remote);
	bool ok;

	snprintf(file, sizeof(file), "%s/%s.crt", pki.dir, own);
	snprintf(secret, sizeof(secret), "%s/%s.key", pki.dir, own);
	ck_assert_int_eq(tls_ctx_new(&client, &(struct tls_spec){
		.role = TLS_ROLE_CLIENT, .verify = TLS_VERIFY_REQUIRE,
		.chain_path = file, .key_path = secret, .trust_path = ca},
		&why), 0);
	ck_assert_int_eq(stream_connect(&there.stream, loop, &to, client,
		&limits, &end_ops, &there), 0);
	ck_assert_int_eq(stream_accept(&here.stream, loop, test_accept(fd),
		&to.remote, server, &limits, &end_ops, &here), 0);
	TURN_UNTIL(loop, (there.is_ready && here.is_ready) ||
		there.is_ended);
	ok = there.is_ready && here.is_ready;
	if (!ok)
		ck_assert_int_eq(there.end, STREAM_END_NAME);
	else if (spec.verify == TLS_VERIFY_REQUIRE)
		ck_assert(here.peer.is_verified);
	tls_ctx_unref(client);
	end_fini(&here);
	end_fini(&there);
	close(fd);
	return ok;
}

START_TEST(test_certificate_is_that_of_the_name_asked_for)
{
	struct tls_ctx *server = NULL;
	struct why why = {""};

	ck_assert_msg(tls_ctx_new(&server, &spec, &why) == 0, "%s",
		why.text);
	ck_assert(finds(server, "sip.a.test", "peer"));
	ck_assert(finds(server, "sip.b.test", "peer"));
	ck_assert(finds(server, "SIP.bb.test", "peer"));
	ck_assert(finds(server, "sip.c.test", "peer"));
	ck_assert(!finds(server, "sip.d.test", "peer"));
	tls_ctx_unref(server);
}
END_TEST

/* What is asked of the peer stays the same whichever is shown. */
START_TEST(test_S10_peers_are_checked_with_every_certificate)
{
	struct tls_ctx *server = NULL;
	struct why why = {""};

	spec.verify = TLS_VERIFY_REQUIRE;
	ck_assert_int_eq(tls_ctx_new(&server, &spec, &why), 0);
	ck_assert(finds(server, "sip.a.test", "peer"));
	ck_assert(finds(server, "sip.b.test", "peer"));
	tls_ctx_unref(server);
}
END_TEST

/* A file with nothing but the certificate: its issuer goes out all the same,
 * when we trust it. The client knows the root alone. */
START_TEST(test_issuers_of_a_pair_are_those_that_the_port_trusts)
{
	const struct pki_spec mid = {.name = "mid", .issuer = "ca",
		.cn = "mid", .is_ca = true};
	struct tls_ctx *server = NULL;
	struct why why = {""};
	char *all = pki_path_dup(&pki, "all.crt");
	char command[512];

	pki_make(&pki, &mid);
	pki_leaf(&pki, "mid", "d", "DNS:sip.d.test");
	move_in("d");
	snprintf(command, sizeof(command),
		"cd %s && cat ca.crt mid.crt >all.crt", pki.dir);
	ck_assert_int_eq(system(command), 0);
	spec.verify = TLS_VERIFY_REQUIRE;
	spec.trust_path = all;
	ck_assert_int_eq(tls_ctx_new(&server, &spec, &why), 0);
	ck_assert(finds(server, "sip.d.test", "peer"));
	ck_assert(finds(server, "sip.a.test", "peer"));
	tls_ctx_unref(server);
	free(all);
}
END_TEST

START_TEST(test_folder_is_watched)
{
	struct tls_watch *watch = NULL;
	struct tls_ctx *server;
	struct why why = {""};
	char path[300];

	ck_assert_int_eq(tls_watch_new(&watch, &spec, &why), 0);
	ck_assert_int_eq(tls_watch_poll(watch, false, &why), 0);
	pki_leaf(&pki, "ca", "d", "DNS:sip.d.test");
	move_in("d");
	ck_assert_int_eq(tls_watch_poll(watch, false, &why), 1);
	ck_assert_int_eq(tls_watch_poll(watch, false, &why), 0);
	server = tls_watch_get(watch);
	ck_assert(finds(server, "sip.d.test", "peer"));
	tls_ctx_unref(server);
	/* A pair that can't be used keeps the old ones, and is named. */
	snprintf(path, sizeof(path), "%s/d.key", folder);
	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert_int_lt(tls_watch_poll(watch, false, &why), 0);
	ck_assert_ptr_nonnull(strstr(why.text, "d.key"));
	server = tls_watch_get(watch);
	ck_assert(finds(server, "sip.d.test", "peer"));
	tls_ctx_unref(server);
	tls_watch_free(watch);
}
END_TEST

START_TEST(test_other_files_do_not_matter_and_no_folder_is_named)
{
	struct tls_sni *sni = NULL;
	struct why why = {""};
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/readme", folder);
	f = fopen(path, "w");
	fclose(f);
	snprintf(path, sizeof(path), "%s/.crt", folder);
	f = fopen(path, "w");
	fclose(f);
	ck_assert_int_eq(tls_sni_new(&sni, &spec, &why), 0);
	ck_assert_uint_eq(tls_sni_count(sni), 2);
	tls_sni_free(sni);
	spec.more_path = "/nonexistent/more";
	ck_assert_int_eq(tls_sni_new(&sni, &spec, &why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, "/nonexistent/more"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("net/tls_sni");
	TCase *c = tcase_create("tls_sni");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_certificate_is_that_of_the_name_asked_for);
	tcase_add_test(c, test_S10_peers_are_checked_with_every_certificate);
	tcase_add_test(c,
		test_issuers_of_a_pair_are_those_that_the_port_trusts);
	tcase_add_test(c, test_folder_is_watched);
	tcase_add_test(c,
		test_other_files_do_not_matter_and_no_folder_is_named);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
