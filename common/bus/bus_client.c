/*
 * The asking side of the bus, blocking, over libcurl. Nothing of the
 * environment counts (no proxy, no .netrc, no redirect); a reply is bounded
 * in size and time. Errors say what to do next, because edgectl prints them
 * as they are.
 */
#include "common/bus/bus_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "common/base/err.h"

#define REPLY_MAX    (64u << 20)
#define LINE_LEN_MAX (1u << 20)

struct text {
	char *p; /* owned, NUL-terminated */
	size_t len;
	size_t cap;
	size_t max;
};

/* One question: what curl's callbacks need. */
struct question {
	CURL *curl;
	struct curl_slist *headers;
	struct text reply;
	/* Streams only: */
	int (*fn)(const json_t *line, void *arg);
	void *arg;
	int stopped; /* what fn returned */
};

static int text_add(struct text *t, const char *p, size_t n)
{
	size_t cap = t->cap > 0 ? t->cap : 4096;
	char *room;

	if (n > t->max - t->len)
		return EDGE_ETOOBIG;
	while (cap < t->len + n + 1)
		cap *= 2;
	if (cap != t->cap) {
		room = realloc(t->p, cap);
		if (room == NULL)
			return -ENOMEM;
		t->p = room;
		t->cap = cap;
	}
	memcpy(t->p + t->len, p, n);
	t->len += n;
	t->p[t->len] = '\0';
	return 0;
}

static size_t on_data(char *p, size_t size, size_t count, void *arg)
{
	struct question *q = arg;

	return text_add(&q->reply, p, size * count) == 0 ? size * count : 0;
}

/* Hand out the lines that are whole, keep the rest. */
static int hand_lines(struct question *q)
{
	char *at = q->reply.p;
	char *end;

	while ((end = memchr(at, '\n',
			q->reply.len - (size_t)(at - q->reply.p))) != NULL) {
		json_t *line =
			json_loadb(at, (size_t)(end - at), 0, NULL);

		at = end + 1;
		if (line == NULL)
			continue;
		q->stopped = q->fn(line, q->arg);
		json_decref(line);
		if (q->stopped != 0)
			return -1;
	}
	q->reply.len -= (size_t)(at - q->reply.p);
	memmove(q->reply.p, at, q->reply.len);
	return 0;
}

static size_t on_stream_data(char *p, size_t size, size_t count, void *arg)
{
	struct question *q = arg;

	if (text_add(&q->reply, p, size * count) < 0 || hand_lines(q) < 0)
		return 0;
	return size * count;
}

static void question_fini(struct question *q)
{
	curl_slist_free_all(q->headers);
	if (q->curl != NULL)
		curl_easy_cleanup(q->curl);
	free(q->reply.p);
}

static int question_init(struct question *q, const char *socket,
	const char *path, int timeout_ms)
{
	char url[1024];
	int n;

	*q = (struct question){.reply.max = REPLY_MAX};
	n = snprintf(url, sizeof(url), "http://bus%s", path);
	if (n < 0 || (size_t)n >= sizeof(url))
		return EDGE_ETOOBIG;
	q->curl = curl_easy_init();
	q->headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (q->curl == NULL || q->headers == NULL)
		return -ENOMEM;
	curl_easy_setopt(q->curl, CURLOPT_URL, url);
	curl_easy_setopt(q->curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(q->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(q->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(q->curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(q->curl, CURLOPT_HTTPHEADER, q->headers);
	curl_easy_setopt(q->curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(q->curl, CURLOPT_WRITEDATA, q);
	return 0;
}

static int connect_failed(const struct question *q, const char *socket,
	struct why *why)
{
	long code = 0;

	curl_easy_getinfo(q->curl, CURLINFO_OS_ERRNO, &code);
	switch (code) {
	case EACCES:
		return why_set(why, -EACCES,
			"%s: permission denied; ask as root, or as a member "
			"of group sallyport (to read) or sallyport-admin",
			socket);
	case ECONNREFUSED:
		return why_set(why, -ECONNREFUSED,
			"%s: nobody answers; the daemon does not run", socket);
	case EAGAIN:
		return why_set(why, -EBUSY,
			"%s: too many others ask; try again", socket);
	default:
		return why_set(why, -ENOENT,
			"%s: no such socket; the daemon does not run (start it "
			"with systemctl or 'edgectl up')",
			socket);
	}
}

static int perform(struct question *q, const char *socket, int *status,
	struct why *why)
{
	const CURLcode rc = curl_easy_perform(q->curl);
	long code = 0;

	switch (rc) {
	case CURLE_OK:
		curl_easy_getinfo(q->curl, CURLINFO_RESPONSE_CODE, &code);
		*status = (int)code;
		return 0;
	case CURLE_COULDNT_CONNECT:
		return connect_failed(q, socket, why);
	case CURLE_OPERATION_TIMEDOUT:
		return why_set(why, -ETIMEDOUT,
			"%s: the daemon did not answer in time", socket);
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING:
		return why_set(why, EDGE_EPEER, "%s: the daemon ended before "
			"it answered; its log says why", socket);
	case CURLE_WRITE_ERROR:
		return why_set(why, EDGE_ETOOBIG, "%s: the reply is over %zu "
			"bytes", socket, q->reply.max);
	default:
		return why_set(why, EDGE_EPEER, "%s: %s", socket,
			curl_easy_strerror(rc));
	}
}

int bus_ask(const char *socket, const char *path, const json_t *body,
	int timeout_ms, int *status, json_t **reply, struct why *why)
{
	struct question q;
	json_error_t error;
	char *text = NULL;
	json_t *parsed;
	int code = 0;
	int err;

	err = question_init(&q, socket, path, timeout_ms);
	if (err == 0 && body != NULL) {
		text = json_dumps(body, JSON_COMPACT);
		err = text != NULL ? 0 : -ENOMEM;
		curl_easy_setopt(q.curl, CURLOPT_POSTFIELDS, text);
	}
	if (err < 0) {
		why_set(why, err, "%s: %s", socket, err_text(err));
		goto out;
	}
	err = perform(&q, socket, &code, why);
	if (err < 0)
		goto out;
	parsed = json_loadb(q.reply.p != NULL ? q.reply.p : "", q.reply.len, 0,
		&error);
	if (parsed == NULL) {
		err = why_set(why, EDGE_EMALFORMED,
			"%s: the answer to %s (status %d) is not JSON: %s",
			socket, path, code, error.text);
		goto out;
	}
	*status = code;
	*reply = parsed;
out:
	question_fini(&q);
	free(text);
	return err;
}

int bus_ask_text(const char *socket, const char *path, int timeout_ms,
	int *status, char **text, struct why *why)
{
	struct question q;
	int code = 0;
	int err;

	err = question_init(&q, socket, path, timeout_ms);
	if (err == 0)
		err = text_add(&q.reply, "", 0);
	if (err < 0)
		why_set(why, err, "%s: %s", socket, err_text(err));
	else
		err = perform(&q, socket, &code, why);
	if (err == 0) {
		*status = code;
		*text = q.reply.p;
		q.reply.p = NULL;
	}
	question_fini(&q);
	return err;
}

int bus_follow(const char *socket, const char *path,
	int (*fn)(const json_t *line, void *arg), void *arg, struct why *why)
{
	struct question q;
	int code = 0;
	int err;

	err = question_init(&q, socket, path, 0);
	if (err < 0) {
		why_set(why, err, "%s: %s", socket, err_text(err));
		goto out;
	}
	q.reply.max = LINE_LEN_MAX;
	q.fn = fn;
	q.arg = arg;
	curl_easy_setopt(q.curl, CURLOPT_WRITEFUNCTION, on_stream_data);
	err = perform(&q, socket, &code, why);
	if (q.stopped != 0)
		err = q.stopped < 0 ? q.stopped : 0;
	else if (err == 0 && code != 200)
		err = why_set(why, EDGE_EREFUSED,
			"%s: %s was refused with status %d", socket, path,
			code);
out:
	question_fini(&q);
	return err;
}

int bus_socket_path(char *out, size_t cap, const char *run_dir,
	const char *daemon, bool admin)
{
	const int n = snprintf(out, cap, "%s/%s%s.sock", run_dir, daemon,
		admin ? ".admin" : "");

	return n < 0 || (size_t)n >= cap ? EDGE_ETOOBIG : 0;
}
