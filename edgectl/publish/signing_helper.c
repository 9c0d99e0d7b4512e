/*
 * Both ends of the socket between a publisher in its sandbox and the child
 * that runs signing commands. A question is the number of a signer and what
 * it shall sign; the child knows the commands from before.
 */
#include "edgectl/publish/signing_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/err.h"

#define CHILD_FD 3

struct question {
	size_t at;
	uint8_t input[BUNDLE_INPUT_LEN];
};

struct answer {
	int err;
	uint8_t signature[BUNDLE_SIGNATURE_LEN];
	struct why why;
};

/* ---- the child ---------------------------------------------------------- */

/* Neither the record nor its lock outlive the publisher in here. */
static int keep_only(int fd)
{
	if (fd != CHILD_FD && dup3(fd, CHILD_FD, O_CLOEXEC) < 0)
		return -errno;
	return close_range(CHILD_FD + 1, ~0U, 0) < 0 ? -errno : 0;
}

static void answer(const struct signing *s, const struct question *q,
	struct answer *a)
{
	memset(a, 0, sizeof(*a));
	a->err = EDGE_EUNKNOWN;
	if (q->at < s->count && s->keys[q->at] == NULL)
		a->err = s->signers[q->at].sign(s->signers[q->at].arg,
			q->input, a->signature, &a->why);
}

static void run_child(const struct signing *s, int fd)
{
	struct question q;
	struct answer a;
	ssize_t n;

	prctl(PR_SET_NAME, "publish-signer", 0, 0, 0);
	if (keep_only(fd) < 0)
		_exit(1);
	for (;;) {
		n = recv(CHILD_FD, &q, sizeof(q), 0);
		if (n < 0 && errno == EINTR)
			continue; /* our end is that of the publisher */
		if (n != (ssize_t)sizeof(q))
			_exit(n == 0 ? 0 : 1);
		answer(s, &q, &a);
		if (send(CHILD_FD, &a, sizeof(a), MSG_NOSIGNAL) < 0)
			_exit(0);
	}
}

/* ---- the publisher ------------------------------------------------------ */

static int ask(void *arg, const uint8_t input[static BUNDLE_INPUT_LEN],
	uint8_t out[static BUNDLE_SIGNATURE_LEN], struct why *why)
{
	const struct signing_delegate *d = arg;
	struct question q = {.at = d->at};
	struct answer a;
	ssize_t n;

	memcpy(q.input, input, BUNDLE_INPUT_LEN);
	n = send(d->fd, &q, sizeof(q), MSG_NOSIGNAL);
	if (n == (ssize_t)sizeof(q))
		do
			n = recv(d->fd, &a, sizeof(a), 0);
		while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(a))
		return why_set(why, EDGE_EPEER, "the process that runs "
			"signing commands is gone: restart this service");
	if (a.err < 0) {
		a.why.text[sizeof(a.why.text) - 1] = '\0';
		return why_set(why, a.err, "%s", a.why.text);
	}
	memcpy(out, a.signature, BUNDLE_SIGNATURE_LEN);
	return 0;
}

static bool has_commands(const struct signing *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->keys[i] == NULL)
			return true;
	return false;
}

int signing_delegate(struct signing *s, struct why *why)
{
	int fds[2];
	pid_t pid;

	if (!has_commands(s))
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return why_set(why, -errno, "a helper that signs: %s",
			err_text(-errno));
	pid = fork();
	if (pid == 0)
		run_child(s, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return why_set(why, -EAGAIN, "a helper that signs: %s",
			err_text(-EAGAIN));
	}
	s->has_helper = true;
	s->helper_fd = fds[0];
	for (size_t i = 0; i < s->count; i++) {
		if (s->keys[i] != NULL)
			continue;
		s->delegates[i] = (struct signing_delegate){fds[0], i};
		s->signers[i].sign = ask;
		s->signers[i].arg = &s->delegates[i];
	}
	return 0;
}
