/*
 * Fetching instead of being sent: head.edgb, and what it names, from any
 * HTTP or HTTPS server (docs/protocol/replication.md 7). The same eyes look
 * at what comes as at what is pushed; a server can hold back or break a
 * bundle, and forge none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/rand.h"
#include "common/net/resolve.h"
#include "replication-agent/agent.h"

#define BASES_MAX     8u
#define BASE_LEN      256u
#define CONNECT_S     5L
#define SLOW_BYTES    1024L /* a second, or less ... */
#define SLOW_S        8L    /* ... for so long: the next base is asked */
#define HEAD_MS       15000
#define TOTAL_MS      120000 /* head and bundle */
#define PATIENCE_MS   2000
#define SYSTEM_BUNDLE "/etc/ssl/certs/ca-certificates.crt"
#define ETAG_LEN      128u
#define PATH_LEN      352u /* bundles/<sha256>/<name>.edgb */

struct puller {
	struct agent *agent;
	struct resolver *resolver;    /* owned */
	struct resolve_query *query;  /* pending look-up */
	struct loop_timer *timer;     /* owned */
	char bases[BASES_MAX][BASE_LEN];
	size_t base_count;
	size_t at;        /* the base to ask */
	size_t failures;  /* bases that failed in a row */
	int64_t every_ms;
	enum resolve_side side;
	char etag[ETAG_LEN]; /* of the head we have from bases[at] */
	bool is_busy;
};

/* One go at one base. */
struct pull {
	struct job job;
	struct puller *puller;
	char base[BASE_LEN];
	char resolve[BASE_LEN + 128]; /* "host:port:address,..." */
	char trust[PATH_MAX];
	char etag[ETAG_LEN];
	struct mono deadline; /* of all of it */
	int err;
	struct why why;
	struct keeper_result result;
};

/* ---- HTTP ---------------------------------------------------------------- */

struct fetch {
	CURL *curl;
	int64_t time_ms; /* at most, and to the end of the whole pull */
	uint8_t *p; /* owned */
	size_t len;
	size_t cap;
	size_t max;
	char etag[ETAG_LEN];
	char error[CURL_ERROR_SIZE];
	struct worker *worker;
	bool is_waited_for;
	struct mono since; /* of that */
};

static size_t on_data(char *p, size_t size, size_t count, void *arg)
{
	struct fetch *f = arg;
	const size_t n = size * count;

	if (n > f->max - f->len)
		return 0;
	if (f->len + n > f->cap) {
		size_t cap = 2 * (f->len + n);
		uint8_t *room = realloc(f->p, cap);

		if (room == NULL)
			return 0;
		f->p = room;
		f->cap = cap;
	}
	memcpy(f->p + f->len, p, n);
	f->len += n;
	return n;
}

static size_t on_header(char *p, size_t size, size_t count, void *arg)
{
	struct fetch *f = arg;
	struct str line = str_trim((struct str){p, size * count});

	if (str_istarts(line, "etag:") &&
		str_copy(str_trim(str_skip(line, 5)), f->etag,
			sizeof(f->etag)) < 0)
		f->etag[0] = '\0'; /* too long to be told back */
	return size * count;
}

/* 0 would mean for ever. */
static long time_left_ms(const struct fetch *f, const struct pull *p)
{
	int64_t left = mono_since_ms(mono_now(), p->deadline);

	if (left > f->time_ms)
		left = f->time_ms;
	return left > 0 ? (long)left : 1;
}

/* A server that sends an octet now and then would hold the worker. */
static void set_times(struct fetch *f, const struct pull *p)
{
	curl_easy_setopt(f->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	curl_easy_setopt(f->curl, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES);
	curl_easy_setopt(f->curl, CURLOPT_LOW_SPEED_TIME, SLOW_S);
	curl_easy_setopt(f->curl, CURLOPT_TIMEOUT_MS, time_left_ms(f, p));
}

/* A mirror that is slow, or plays slow, must hold up neither the publisher's
 * orders nor the watch over a fresh generation: they wait for this thread. */
static int on_progress(void *arg, curl_off_t down_total, curl_off_t down,
	curl_off_t up_total, curl_off_t up)
{
	struct fetch *f = arg;
	const bool was_waited_for = f->is_waited_for;

	(void)down_total;
	(void)down;
	(void)up_total;
	(void)up;
	f->is_waited_for = worker_has_waiting(f->worker);
	if (!f->is_waited_for)
		return 0;
	if (!was_waited_for)
		f->since = mono_now();
	return mono_since_ms(f->since, mono_now()) > PATIENCE_MS;
}

static void set_options(struct fetch *f, const struct pull *p,
	const char *url)
{
	set_times(f, p);
	curl_easy_setopt(f->curl, CURLOPT_URL, url);
	curl_easy_setopt(f->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(f->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(f->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(f->curl, CURLOPT_ERRORBUFFER, f->error);
	curl_easy_setopt(f->curl, CURLOPT_CAINFO, p->trust);
	curl_easy_setopt(f->curl, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(f->curl, CURLOPT_USERAGENT,
		"replication-agent/" EDGE_VERSION);
	curl_easy_setopt(f->curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(f->curl, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(f->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(f->curl, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(f->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(f->curl, CURLOPT_XFERINFODATA, f);
	curl_easy_setopt(f->curl, CURLOPT_NOPROGRESS, 0L);
}

/* HTTP status, or a negative code. */
static int perform(struct fetch *f, const char *url, struct why *why)
{
	const CURLcode rc = curl_easy_perform(f->curl);
	long status = 0;

	if (rc == CURLE_ABORTED_BY_CALLBACK)
		return why_set(why, EDGE_EPEER, "%s: too slow, and others "
			"waited", url);
	if (rc != CURLE_OK)
		return why_set(why, EDGE_EPEER, "%s: %s", url,
			f->error[0] != '\0' ? f->error :
					      curl_easy_strerror(rc));
	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
	why_set(why, 0, "%s: status %ld", url, status);
	return (int)status;
}

/* The caller frees f->p in any case. */
static int fetch(struct fetch *f, const struct pull *p, const char *path,
	const char *etag, struct why *why)
{
	struct curl_slist *headers = NULL;
	struct curl_slist *resolve = curl_slist_append(NULL, p->resolve);
	char url[BASE_LEN + PATH_LEN];
	char match[ETAG_LEN + 32];
	int err = -ENOMEM;

	snprintf(url, sizeof(url), "%s/%s", p->base, path);
	f->curl = curl_easy_init();
	if (f->curl == NULL || resolve == NULL)
		goto out;
	set_options(f, p, url);
	curl_easy_setopt(f->curl, CURLOPT_RESOLVE, resolve);
	if (etag[0] != '\0') {
		snprintf(match, sizeof(match), "If-None-Match: %s", etag);
		headers = curl_slist_append(NULL, match);
		curl_easy_setopt(f->curl, CURLOPT_HTTPHEADER, headers);
	}
	err = perform(f, url, why);
out:
	if (f->curl != NULL)
		curl_easy_cleanup(f->curl);
	curl_slist_free_all(headers);
	curl_slist_free_all(resolve);
	return err;
}

/* ---- on the worker ------------------------------------------------------- */

static int take_head(struct pull *p, struct keeper *k, struct why *why)
{
	struct fetch f = {
		.max = 2 * BUNDLE_MANIFEST_MAX,
		.time_ms = HEAD_MS,
		.worker = p->puller->agent->worker,
	};
	int err = fetch(&f, p, "head.edgb", p->etag, why);

	if (err == 200) {
		keeper_take_head(k, f.p, f.len, &p->result);
		err = p->result.status == 204 ? 0 : EDGE_EREFUSED;
		if (err == 0)
			memcpy(p->etag, f.etag, sizeof(p->etag));
		else
			why_set(why, err, "%s", p->result.why.text);
	} else if (err == 304) {
		err = 0;
	}
	free(f.p);
	return err > 0 ? EDGE_EPEER : err;
}

static int stage(struct pull *p, struct keeper *k,
	const struct keeper_head *head, const struct fetch *f,
	struct why *why)
{
	keeper_stage(k, f->p, f->len, head->of, &head->version, &p->result);
	return p->result.status < 300 ? 0 :
		why_set(why, EDGE_EREFUSED, "%s", p->result.why.text);
}

/* What the mirror has for this machine, else the whole. A store that tells
 * nobody what it lacks answers 403. */
static int take_bundle(struct pull *p, struct keeper *k,
	const struct keeper_head *head, struct why *why)
{
	int err = 404;

	for (int i = 0; i < 2 && err / 100 == 4; i++) {
		struct fetch f = {
			.max = BUNDLE_MAX,
			.time_ms = TOTAL_MS,
			.worker = p->puller->agent->worker,
		};
		char path[PATH_LEN];

		if (i == 0)
			snprintf(path, sizeof(path), "bundles/%s/%s.edgb",
				head->of, k->conf->machine);
		else
			snprintf(path, sizeof(path), "bundles/%s.edgb",
				head->of);
		err = fetch(&f, p, path, "", why);
		if (err == 200)
			err = stage(p, k, head, &f, why);
		free(f.p);
	}
	return err > 0 ? EDGE_EPEER : err;
}

static void run_pull(struct job *job)
{
	struct pull *p = container_of(job, struct pull, job);
	struct keeper *k = &p->puller->agent->keeper;
	struct keeper_view *view = malloc(sizeof(*view));
	struct record_facts facts;

	p->deadline = mono_after_ms(mono_now(), TOTAL_MS);
	p->err = view != NULL ? take_head(p, k, &p->why) : -ENOMEM;
	if (p->err < 0)
		goto out;
	keeper_see(k, view);
	record_get(k->record, &facts);
	if (!keeper_is_behind(view))
		goto out;
	/* Pinned, and here already: it waits for the pin to go. */
	if (!facts.staged.is_set ||
		strcmp(facts.staged.sha256, view->head.of) != 0)
		p->err = take_bundle(p, k, &view->head, &p->why);
	if (p->err == 0 && !facts.is_staged_wanted)
		keeper_activate(k, view->head.version, view->head.of,
			&p->result);
out:
	free(view);
}

/* ---- on the loop --------------------------------------------------------- */

static void again(struct puller *p, bool is_good)
{
	const int64_t fifth = p->every_ms / 5;
	int64_t delay_ms = p->every_ms - fifth +
		(int64_t)rand_below((uint32_t)(2 * fifth + 1));

	p->is_busy = false;
	if (p->base_count == 0)
		return;
	if (is_good) {
		p->failures = 0;
	} else {
		/* The next base at once, until all had their turn. */
		p->at = (p->at + 1) % p->base_count;
		p->etag[0] = '\0';
		if (++p->failures % p->base_count != 0)
			delay_ms = 0;
	}
	loop_timer_start(p->timer, delay_ms);
}

static void note_failure(struct puller *p, const char *text)
{
	counter_add(p->agent->counters, COUNT_PULLS_FAILED, 1);
	log_limited(LOG_LEVEL_WARNING, 4, "pull.failed", "base=%s text=%s",
		log_qz(p->bases[p->at]), log_qz(text));
}

static void done_pull(struct job *job)
{
	struct pull *p = container_of(job, struct pull, job);
	struct puller *puller = p->puller;

	if (p->result.status != 0)
		api_count(puller->agent, &p->result, false);
	if (p->err < 0)
		note_failure(puller, why_text(&p->why, p->err));
	else if (strcmp(p->base, puller->bases[puller->at]) == 0)
		memcpy(puller->etag, p->etag, sizeof(p->etag));
	again(puller, p->err == 0);
	api_poke(puller->agent);
	keeper_result_fini(&p->result);
	free(p);
}

static const char *trust_of(const struct puller *p)
{
	const struct conf *conf = p->agent->conf;
	const char *path = p->side == RESOLVE_INSIDE ? conf->trust_internal :
						       conf->trust_external;

	return path != NULL ? path : SYSTEM_BUNDLE;
}

/* Host and port of a base that the settings have checked. */
static void take_apart(const char *base, char host[static BASE_LEN],
	uint16_t *port)
{
	const bool is_tls = strncmp(base, "https://", 8) == 0;
	const char *p = base + (is_tls ? 8 : 7);
	const size_t n = strcspn(p, ":/");
	uint32_t number = is_tls ? 443 : 80;

	snprintf(host, BASE_LEN, "%.*s", (int)n, p);
	if (p[n] == ':')
		number = (uint32_t)strtoul(p + n + 1, NULL, 10);
	*port = (uint16_t)number;
}

static void on_resolved(int err, const struct addr *addrs, size_t count,
	const char *detail, void *arg)
{
	struct puller *puller = arg;
	struct pull *p = calloc(1, sizeof(*p));
	char host[BASE_LEN];
	char ip[ADDR_TEXT_LEN];
	uint16_t port;
	size_t len;

	puller->query = NULL;
	if (err < 0 || p == NULL) {
		free(p);
		note_failure(puller, err < 0 ? detail : "out of memory");
		again(puller, false);
		return;
	}
	take_apart(puller->bases[puller->at], host, &port);
	len = (size_t)snprintf(p->resolve, sizeof(p->resolve), "%s:%u:",
		host, port);
	for (size_t i = 0; i < count && i < 2 && len < sizeof(p->resolve);
		i++)
		len += (size_t)snprintf(p->resolve + len,
			sizeof(p->resolve) - len, "%s%s", i > 0 ? "," : "",
			addr_ip_text(&addrs[i], ip));
	memcpy(p->base, puller->bases[puller->at], sizeof(p->base));
	memcpy(p->etag, puller->etag, sizeof(p->etag));
	snprintf(p->trust, sizeof(p->trust), "%s", trust_of(puller));
	p->job.run = run_pull;
	p->job.done = done_pull;
	p->puller = puller;
	worker_add(puller->agent->worker, &p->job);
}

static void on_timer(void *arg)
{
	struct puller *p = arg;
	char host[BASE_LEN];
	uint16_t port;

	if (p->base_count == 0 || p->is_busy)
		return;
	p->is_busy = true;
	counter_add(p->agent->counters, COUNT_PULLS, 1);
	take_apart(p->bases[p->at], host, &port);
	if (resolve_host(&p->query, p->resolver, host, port, p->side,
		    on_resolved, p) < 0) {
		note_failure(p, "out of memory");
		again(p, false);
	}
}

/* ---- life ---------------------------------------------------------------- */

int puller_new(struct puller **out, struct agent *a, struct why *why)
{
	struct puller *p = calloc(1, sizeof(*p));
	int err = -ENOMEM;

	if (p == NULL)
		goto out;
	p->agent = a;
	err = loop_timer_new(&p->timer, a->loop, on_timer, p);
	if (err == 0)
		err = resolver_new(&p->resolver, a->loop, a->conf, NULL, why);
	if (err < 0)
		goto out;
	*out = p;
	p = NULL; /* handed over */
out:
	puller_free(p);
	return err;
}

void puller_free(struct puller *p)
{
	if (p == NULL)
		return;
	resolver_free(p->resolver);
	loop_timer_free(p->timer);
	p->base_count = 0;
	p->timer = NULL;
	free(p);
}

void puller_follow(struct puller *p)
{
	const struct setting_set *set =
		topology_settings(p->agent->topology, "replication-agent");
	const size_t count = setting_list_count(set, "pull_from");

	p->base_count = count < BASES_MAX ? count : BASES_MAX;
	for (size_t i = 0; i < p->base_count; i++) {
		char *base = p->bases[i];
		size_t n;

		snprintf(base, BASE_LEN, "%s",
			setting_list_item(set, "pull_from", i));
		n = strlen(base);
		if (n > 0 && base[n - 1] == '/')
			base[n - 1] = '\0';
	}
	p->at = 0;
	p->etag[0] = '\0';
	p->every_ms = 1000 * (int64_t)setting_duration_s(set, "pull_every");
	p->side = strcmp(setting_text(set, "pull_side"), "internal") == 0 ?
		RESOLVE_INSIDE : RESOLVE_OUTSIDE;
	if (p->base_count > 0 && !p->is_busy)
		loop_timer_start(p->timer, 0);
	else if (p->base_count == 0)
		loop_timer_stop(p->timer);
}
