/*
 * Key files and commands as signers. A command gets the 47 bytes of the
 * signature input on its standard input and answers with 64 bytes within a
 * minute; it gets no other descriptor of ours and a clean environment. What
 * it answered is verified by common/bundle before it is used.
 */
#include "edgectl/publish/signing.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/err.h"

#define FILE_MAX   8192u
#define COMMAND_MS 60000
#define EXIT_MS    3000 /* once it has said everything */

/* ---- files -------------------------------------------------------------- */

static int read_pem(const char *path, bool is_secret, char out[FILE_MAX],
	size_t *len, struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n = -1;

	if (fd < 0 || fstat(fd, &st) < 0 || (n = read(fd, out, FILE_MAX)) < 0) {
		int err = -errno;

		if (fd >= 0)
			close(fd);
		return why_set(why, err, "%s: %s%s", path, err_text(err),
			!is_secret ? "" : err == -ENOENT ?
				"; 'edgectl publish key generate' makes one" :
			err == -EACCES ?
				"; become the user who runs the publisher" :
				"");
	}
	close(fd);
	if (is_secret && (st.st_mode & 077) != 0)
		return why_set(why, EDGE_ECONFIG,
			"%s: others may read it: chmod 600 it, or better make "
			"a new key", path);
	if ((size_t)n == FILE_MAX)
		return why_set(why, EDGE_ETOOBIG, "%s: not a key in PEM", path);
	*len = (size_t)n;
	return 0;
}

int signing_add_file(struct signing *s, const char *path, struct why *why)
{
	char pem[FILE_MAX];
	size_t len = 0;
	int err;

	if (s->count == BUNDLE_SIGNERS_MAX)
		return why_set(why, EDGE_ETOOBIG, "more than %u signers",
			BUNDLE_SIGNERS_MAX);
	err = read_pem(path, true, pem, &len, why);
	if (err == 0) {
		err = bundle_key_from_pem(&s->keys[s->count],
			(struct str){pem, len}, why);
		if (err < 0)
			why_prefix(why, err, "%s", path);
	}
	digest_wipe(pem, sizeof(pem));
	if (err == 0) {
		bundle_key_signer(s->keys[s->count], &s->signers[s->count]);
		s->count++;
	}
	return err;
}

int signing_read_public(const char *path, uint8_t out[static BUNDLE_KEY_LEN],
	struct why *why)
{
	struct bundle_signer signer;
	struct bundle_key *key = NULL;
	char pem[FILE_MAX];
	size_t len = 0;
	int err = read_pem(path, false, pem, &len, why);

	if (err < 0)
		return err;
	if (memmem(pem, len, "PRIVATE KEY", 11) == NULL) {
		err = bundle_key_read_public((struct str){pem, len}, out, why);
	} else {
		err = bundle_key_from_pem(&key, (struct str){pem, len}, why);
		if (err == 0) {
			bundle_key_signer(key, &signer);
			memcpy(out, signer.public_key, BUNDLE_KEY_LEN);
		}
		bundle_key_free(key);
	}
	digest_wipe(pem, sizeof(pem));
	return err < 0 ? why_prefix(why, err, "%s", path) : 0;
}

/* ---- commands ----------------------------------------------------------- */

struct child {
	pid_t pid;
	int to;   /* its standard input */
	int from; /* its standard output */
};

static int start(struct child *c, char *const *words, struct why *why)
{
	static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
	static char *const environment[] = {path, NULL};
	posix_spawn_file_actions_t actions;
	int in[2] = {-1, -1};
	int out[2] = {-1, -1};
	int rc;

	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(out, O_CLOEXEC) < 0) {
		close(in[0]);
		close(in[1]);
		return -errno;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	rc = posix_spawn(&c->pid, words[0], &actions, NULL, words,
		environment);
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	c->to = in[1];
	c->from = out[0];
	if (rc == 0)
		return 0;
	close(c->to);
	close(c->from);
	return why_set(why, -rc, "%s: %s", words[0], err_text(-rc));
}

/* Everything it says until it closes, no more than cap, not for ever. */
static int hear(const struct child *c, uint8_t *out, size_t cap, size_t *len)
{
	struct mono deadline = mono_after_ms(mono_now(), COMMAND_MS);

	*len = 0;
	for (;;) {
		struct pollfd p = {.fd = c->from, .events = POLLIN};
		int64_t left = mono_since_ms(mono_now(), deadline);
		ssize_t n;

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(c->from, out + *len, cap - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		*len += (size_t)n;
		if (*len == cap)
			return EDGE_ETOOBIG;
	}
}

/* The status it ends with. Who has said everything and stays is ended. */
static int reap(const struct child *c, int64_t patience_ms)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
	const struct mono deadline = mono_after_ms(mono_now(), patience_ms);
	int status = 0;
	pid_t pid;

	while ((pid = waitpid(c->pid, &status, WNOHANG)) == 0 &&
		mono_since_ms(mono_now(), deadline) > 0)
		nanosleep(&pause, NULL);
	if (pid == c->pid)
		return status;
	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status;
}

static int sign_by_command(void *arg,
	const uint8_t input[static BUNDLE_INPUT_LEN],
	uint8_t out[static BUNDLE_SIGNATURE_LEN], struct why *why)
{
	const struct publish_signer *s = arg;
	uint8_t answer[BUNDLE_SIGNATURE_LEN + 1];
	struct child c;
	size_t len = 0;
	int status;
	int err = start(&c, s->command, why);

	if (err < 0)
		return err;
	/* 47 bytes fit into any pipe. Who fails before he reads them says
	 * more by his status. */
	if (write(c.to, input, BUNDLE_INPUT_LEN) != BUNDLE_INPUT_LEN &&
		errno != EPIPE)
		err = -errno;
	close(c.to);
	if (err == 0)
		err = hear(&c, answer, sizeof(answer), &len);
	close(c.from);
	status = reap(&c, err == 0 ? EXIT_MS : 0);
	if (err == -ETIMEDOUT)
		return why_set(why, err, "%s gave no signature within %d s",
			s->command[0], COMMAND_MS / 1000);
	if (err < 0 && err != EDGE_ETOOBIG)
		return why_set(why, err, "%s: %s", s->command[0],
			err_text(err));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 ||
		len != BUNDLE_SIGNATURE_LEN)
		return why_set(why, EDGE_EREFUSED,
			"%s: exit status 0 and the 64 bytes of an Ed25519 "
			"signature are wanted, not status %d and %zu bytes",
			s->command[0],
			WIFEXITED(status) ? WEXITSTATUS(status) : -1, len);
	memcpy(out, answer, BUNDLE_SIGNATURE_LEN);
	return 0;
}

/* ---- all ---------------------------------------------------------------- */

int signing_open(struct signing *s, const struct publish_conf *conf,
	struct why *why)
{
	int err = 0;

	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < conf->signer_count && err == 0; i++) {
		const struct publish_signer *from = &conf->signers[i];
		struct bundle_signer *to = &s->signers[s->count];

		if (from->key != NULL) {
			err = signing_add_file(s, from->key, why);
			continue;
		}
		err = signing_read_public(from->public, to->public_key, why);
		to->sign = sign_by_command;
		/* Borrowed for as long as the configuration lives; nothing is
		 * written through it. */
		to->arg = (void *)(uintptr_t)from;
		s->count += err == 0;
	}
	return err;
}

void signing_fini(struct signing *s)
{
	for (size_t i = 0; i < BUNDLE_SIGNERS_MAX; i++)
		bundle_key_free(s->keys[i]);
	if (s->has_helper)
		close(s->helper_fd);
	memset(s, 0, sizeof(*s));
}
