/*
 * One easy handle for each request; the connection stays in the multi
 * handle's cache for the next. The peer must show a certificate of our CA
 * with the machine's name or the pool's, which OpenSSL checks itself: curl
 * would only know of one name.
 */
#include "edgectl/publish/edge_call.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/list.h"
#include "common/bundle/bundle_wire.h"

#define REPLY_MAX       (1u << 20)
#define CERTIFICATE_MAX 16384u
#define CONNECTIONS_MAX 1024L

struct edge_calls {
	CURLM *multi;
	const struct publish_conf *conf;
	struct list running; /* struct request.node */
	size_t count;
	uint64_t bytes;
};

struct request {
	struct list node;
	struct edge_calls *owner;
	CURL *easy;
	struct curl_slist *headers;
	struct curl_slist *address;
	struct edge_target target;
	edge_call_cb *done;
	void *arg;
	size_t tag;
	const char *body;
	size_t body_len;
	size_t body_at;
	char *reply;
	size_t reply_len;
	char error[CURL_ERROR_SIZE];
};

int edge_calls_new(struct edge_calls **out, const struct publish_conf *conf,
	struct why *why)
{
	struct edge_calls *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	list_init(&c->running);
	c->conf = conf;
	c->multi = curl_multi_init();
	if (c->multi == NULL) {
		free(c);
		return why_set(why, -ENOMEM, "no HTTP client");
	}
	curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX);
	*out = c;
	return 0;
}

static void request_free(struct request *q)
{
	if (q->easy != NULL) {
		curl_multi_remove_handle(q->owner->multi, q->easy);
		curl_easy_cleanup(q->easy);
	}
	curl_slist_free_all(q->headers);
	curl_slist_free_all(q->address);
	list_remove(&q->node);
	free(q->reply);
	free(q);
}

void edge_calls_free(struct edge_calls *c)
{
	struct list *it;

	if (c == NULL)
		return;
	while ((it = list_first(&c->running)) != NULL)
		request_free(container_of(it, struct request, node));
	curl_multi_cleanup(c->multi);
	free(c);
}

/* ---- what libcurl asks -------------------------------------------------- */

static size_t take_reply(char *bytes, size_t size, size_t count, void *arg)
{
	struct request *q = arg;
	size_t n = size * count;
	char *bigger;

	if (n > REPLY_MAX - q->reply_len)
		return 0; /* ends the transfer */
	bigger = realloc(q->reply, q->reply_len + n + 1);
	if (bigger == NULL)
		return 0;
	q->reply = bigger;
	memcpy(q->reply + q->reply_len, bytes, n);
	q->reply_len += n;
	q->reply[q->reply_len] = '\0';
	return n;
}

static size_t give_body(char *room, size_t size, size_t count, void *arg)
{
	struct request *q = arg;
	size_t left = q->body_len - q->body_at;
	size_t n = size * count < left ? size * count : left;

	if (n > 0)
		memcpy(room, q->body + q->body_at, n);
	q->body_at += n;
	return n;
}

/* An upload that goes to a connection which was closed meanwhile. */
static int rewind_body(void *arg, curl_off_t offset, int origin)
{
	struct request *q = arg;

	if (origin != SEEK_SET || offset < 0 ||
		(size_t)offset > q->body_len)
		return CURL_SEEKFUNC_FAIL;
	q->body_at = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* Either name will do (as the original compares); no wildcards. */
static CURLcode set_names(CURL *easy, void *ssl_ctx, void *arg)
{
	const struct request *q = arg;
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ssl_ctx);

	(void)easy;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_WILDCARDS);
	if (X509_VERIFY_PARAM_set1_host(param, q->target.fqdn, 0) != 1 ||
		X509_VERIFY_PARAM_add1_host(param, q->target.pool, 0) != 1)
		return CURLE_OUT_OF_MEMORY;
	return CURLE_OK;
}

/* ---- one request -------------------------------------------------------- */

static int set_address(struct request *q)
{
	char line[400];
	bool is_6 = strchr(q->target.address, ':') != NULL;

	snprintf(line, sizeof(line), "%s:%u:%s%s%s", q->target.fqdn,
		q->target.port, is_6 ? "[" : "", q->target.address,
		is_6 ? "]" : "");
	q->address = curl_slist_append(NULL, line);
	return q->address != NULL ? 0 : -ENOMEM;
}

static int add_header(struct request *q, const char *name, const char *value)
{
	struct curl_slist *longer;
	char line[200];

	snprintf(line, sizeof(line), "%s: %s", name, value);
	longer = curl_slist_append(q->headers, line);
	if (longer == NULL)
		return -ENOMEM;
	q->headers = longer;
	return 0;
}

static void set_tls(struct request *q)
{
	const struct publish_conf *conf = q->owner->conf;

	curl_easy_setopt(q->easy, CURLOPT_SSLCERT, conf->chain);
	curl_easy_setopt(q->easy, CURLOPT_SSLKEY, conf->key);
	curl_easy_setopt(q->easy, CURLOPT_CAINFO, conf->trust);
	curl_easy_setopt(q->easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(q->easy, CURLOPT_SSLVERSION,
		(long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(q->easy, CURLOPT_SSL_VERIFYPEER, 1L);
	/* set_names() has OpenSSL check the names during the handshake. */
	curl_easy_setopt(q->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(q->easy, CURLOPT_SSL_CTX_FUNCTION, set_names);
	curl_easy_setopt(q->easy, CURLOPT_SSL_CTX_DATA, q);
	curl_easy_setopt(q->easy, CURLOPT_CERTINFO, 1L);
}

static void set_body(struct request *q, const struct edge_call *call)
{
	if (call->body == NULL)
		return;
	curl_easy_setopt(q->easy, CURLOPT_READFUNCTION, give_body);
	curl_easy_setopt(q->easy, CURLOPT_READDATA, q);
	curl_easy_setopt(q->easy, CURLOPT_SEEKFUNCTION, rewind_body);
	curl_easy_setopt(q->easy, CURLOPT_SEEKDATA, q);
	curl_easy_setopt(q->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(q->easy, CURLOPT_INFILESIZE_LARGE,
		(curl_off_t)call->len);
	curl_easy_setopt(q->easy, CURLOPT_CUSTOMREQUEST, call->method);
}

static int set_up(struct request *q, const struct edge_call *call)
{
	const struct publish_conf *conf = q->owner->conf;
	char url[512];
	int err;

	snprintf(url, sizeof(url), "https://%s:%u%s", q->target.fqdn,
		q->target.port, call->path);
	err = set_address(q);
	if (err == 0)
		err = add_header(q, "Expect", ""); /* no 100-continue */
	if (err == 0 && call->body != NULL)
		err = add_header(q, "Content-Type", call->type);
	if (err == 0 && call->version != NULL)
		err = add_header(q, BUNDLE_HEADER_VERSION, call->version);
	if (err < 0)
		return err;
	curl_easy_setopt(q->easy, CURLOPT_URL, url);
	curl_easy_setopt(q->easy, CURLOPT_RESOLVE, q->address);
	curl_easy_setopt(q->easy, CURLOPT_HTTPHEADER, q->headers);
	curl_easy_setopt(q->easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(q->easy, CURLOPT_HTTP_VERSION,
		(long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(q->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(q->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(q->easy, CURLOPT_CONNECTTIMEOUT_MS,
		(long)conf->connect_ms);
	curl_easy_setopt(q->easy, CURLOPT_TIMEOUT_MS, (long)conf->transfer_ms);
	curl_easy_setopt(q->easy, CURLOPT_ERRORBUFFER, q->error);
	curl_easy_setopt(q->easy, CURLOPT_WRITEFUNCTION, take_reply);
	curl_easy_setopt(q->easy, CURLOPT_WRITEDATA, q);
	curl_easy_setopt(q->easy, CURLOPT_PRIVATE, q);
	set_tls(q);
	set_body(q, call);
	return 0;
}

int edge_calls_start(struct edge_calls *c, const struct edge_target *target,
	const struct edge_call *call)
{
	struct request *q = calloc(1, sizeof(*q));
	int err = -ENOMEM;

	if (q == NULL)
		return err;
	list_init(&q->node);
	q->owner = c;
	q->target = *target;
	q->done = call->done;
	q->arg = call->arg;
	q->tag = call->tag;
	q->body = call->body;
	q->body_len = call->len;
	q->easy = curl_easy_init();
	if (q->easy != NULL)
		err = set_up(q, call);
	if (err == 0 && curl_multi_add_handle(c->multi, q->easy) != CURLM_OK)
		err = -ENOMEM;
	if (err < 0) {
		request_free(q);
		return err;
	}
	list_push_back(&c->running, &q->node);
	c->count++;
	return 0;
}

size_t edge_calls_count(const struct edge_calls *c)
{
	return c->count;
}

uint64_t edge_calls_bytes(const struct edge_calls *c)
{
	return c->bytes;
}

/* ---- answers ------------------------------------------------------------ */

/* PEM of the edge's own certificate, the first of its chain. */
static const char *find_certificate(CURL *easy)
{
	struct curl_certinfo *chain = NULL;

	if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) != CURLE_OK ||
		chain == NULL || chain->num_of_certs < 1)
		return NULL;
	for (struct curl_slist *it = chain->certinfo[0]; it != NULL;
		it = it->next)
		if (strncmp(it->data, "Cert:", 5) == 0 &&
			strlen(it->data) < CERTIFICATE_MAX)
			return it->data + 5;
	return NULL;
}

/* What of OpenSSL's words means that it is our certificate, or the edge's,
 * and what is to be done. */
static const struct {
	const char *word;
	const char *meaning;
} CAUSES[] = {
	{"alert certificate expired", "it says that our certificate has "
		"expired: renew it, or set its clock"},
	{"alert unknown ca", "it does not know the CA of our certificate: "
		"'trust: internal' in its edge.yaml"},
	{"alert bad certificate", "it does not accept our certificate: it "
		"wants one from the CA of 'trust: internal' in its edge.yaml"},
	{"certificate required", "it wants a certificate of us"},
	{"certificate has expired", "its certificate has expired: renew it "
		"there, or set our clock"},
	{"not yet valid", "its certificate is not valid yet: are the clocks "
		"right?"},
	{"ostname mismatch", "its certificate has neither the machine's name "
		"nor its pool's"},
	{"issuer certificate", "its certificate is from none of the CAs of "
		"'trust' in publisher.yaml"},
	{"self-signed", "its certificate is from none of the CAs of 'trust' "
		"in publisher.yaml"},
};

static const char *find_cause(const struct request *q)
{
	for (size_t i = 0; i < ARRAY_COUNT(CAUSES); i++)
		if (strstr(q->error, CAUSES[i].word) != NULL)
			return CAUSES[i].meaning;
	return NULL;
}

/* The sentence first, the library's words behind it: tables are narrow. */
static void tell_cause(const struct request *q, CURLcode code,
	struct edge_reply *reply)
{
	const char *said = q->error[0] != '\0' ? q->error :
						 curl_easy_strerror(code);
	const char *cause = find_cause(q);
	long os = 0;

	curl_easy_getinfo(q->easy, CURLINFO_OS_ERRNO, &os);
	if (code == CURLE_COULDNT_CONNECT && os != 0)
		reply->err = why_set(&reply->why, EDGE_EPEER, "%s:%u: %s; "
			"does its replication-agent run, is the port open "
			"from here?", q->target.address, q->target.port,
			err_text(-(int)os));
	else if (code == CURLE_OPERATION_TIMEDOUT)
		reply->err = why_set(&reply->why, EDGE_EPEER, "%s:%u: no "
			"answer; is it on, does something between drop our "
			"packets? (%s)", q->target.address, q->target.port,
			said);
	else
		reply->err = why_set(&reply->why, EDGE_EPEER, "%s:%u: %s%s%s%s",
			q->target.address, q->target.port, cause != NULL ?
				cause : said, cause != NULL ? " (" : "",
			cause != NULL ? said : "", cause != NULL ? ")" : "");
}

static void count_bytes(struct edge_calls *c, CURL *easy)
{
	curl_off_t up = 0;
	curl_off_t down = 0;

	curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &up);
	curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
	c->bytes += (uint64_t)(up + down);
}

static void finish(struct edge_calls *c, struct request *q, CURLcode code)
{
	struct edge_reply reply = {.err = 0};

	count_bytes(c, q->easy);
	if (code != CURLE_OK)
		tell_cause(q, code, &reply);
	else
		curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE,
			&reply.status);
	if (code == CURLE_OK && q->reply_len > 0)
		reply.body = json_loadb(q->reply, q->reply_len,
			JSON_REJECT_DUPLICATES, NULL);
	reply.certificate = find_certificate(q->easy);
	list_remove(&q->node);
	c->count--;
	q->done(q->arg, q->tag, &reply);
	json_decref(reply.body);
	request_free(q);
}

void edge_calls_turn(struct edge_calls *c, int fd, int max_wait_ms)
{
	struct curl_waitfd extra = {.fd = fd, .events = CURL_WAIT_POLLIN};
	CURLMsg *message;
	int running = 0;
	int left = 0;

	curl_multi_perform(c->multi, &running);
	if ((size_t)running == c->count)
		curl_multi_poll(c->multi, &extra, fd >= 0, max_wait_ms, NULL);
	curl_multi_perform(c->multi, &running);
	while ((message = curl_multi_info_read(c->multi, &left)) != NULL) {
		struct request *q = NULL;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &q);
		if (q != NULL)
			finish(c, q, code);
	}
}
