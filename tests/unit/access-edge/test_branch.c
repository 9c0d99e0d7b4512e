/* Branches: cookies that know a request when it comes back. */
#include "access-edge/branch.h"
#include "tests/unit/access-edge/plain.h"
#include "tests/unit/check_main.h"

static const struct branch_key key = {{1, 2, 3}};

/* The request again, below a Via of ours and one of the server's. */
static bool comes_back(struct plain *p, const char *uri, const char *extra,
	const char *sent_by)
{
	struct sip_msg *m = plain_request("INVITE", "sip:b@a.test", "");
	char branch[BRANCH_LEN], text[1024];
	bool is_loop;

	branch_make(branch_loop_hash(m, &key), branch);
	sip_msg_free(m);
	snprintf(text, sizeof(text), "Via: SIP/2.0/TLS fe;branch=z9hG4bKf"
		"\r\nVia: SIP/2.0/TLS %s;branch=%s\r\n%s", sent_by, branch,
		extra);
	m = plain_request("INVITE", uri, text);
	is_loop = branch_is_loop(m, branch_loop_hash(m, &key), &p->policy);
	sip_msg_free(m);
	return is_loop;
}

START_TEST(test_S13_loop_is_told_from_a_spiral)
{
	struct plain p;

	plain_init(&p);
	ck_assert(comes_back(&p, "sip:b@a.test", "", "edge.int.test:5061"));
	ck_assert(comes_back(&p, "sip:b@a.test", "", "Sip.A.test:443"));
	/* Another target, another route, another proxy's branch. */
	ck_assert(!comes_back(&p, "sip:b@192.0.2.9", "",
		"edge.int.test:5061"));
	ck_assert(!comes_back(&p, "sip:b@a.test", "Route: <sip:x;lr>\r\n",
		"edge.int.test:5061"));
	ck_assert(!comes_back(&p, "sip:b@a.test", "", "edge.int.test:5062"));
	ck_assert(!comes_back(&p, "sip:b@a.test", "", "other.test:5061"));
	plain_fini(&p);
}
END_TEST

START_TEST(test_branches_are_cookies_and_differ)
{
	char a[BRANCH_LEN], b[BRANCH_LEN];

	branch_make(7, a);
	branch_make(7, b);
	ck_assert_int_eq(strncmp(a, "z9hG4bK", 7), 0);
	ck_assert_uint_eq(strlen(a), 7 + 32 + 1 + 16);
	ck_assert_str_ne(a, b);
}
END_TEST

int main(void)
{
	RUN_SUITE("access-edge/branch",
		test_S13_loop_is_told_from_a_spiral,
		test_branches_are_cookies_and_differ);
}
