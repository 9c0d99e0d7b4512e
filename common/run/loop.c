/*
 * The event loop over libevent. Lives here: the one event_base of a thread,
 * its turns, fd watches, timers, signals, work for later and work from other
 * threads. Does not live here: anything that knows what the descriptors are
 * for. The base is made without libevent's locks: only loop_post() and
 * loop_stop() cross threads, and they do so by a queue of their own and an
 * eventfd.
 */
#include "common/run/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

struct later {
	struct later *next;
	loop_cb *cb;
	void *arg;
};

/* First in, first out. */
struct queue {
	struct later *first;
	struct later **last;
};

/* Read at most once per turn, by whoever asks first: evhttp's callbacks do
 * not come through the functions below. */
struct coarse {
	struct mono now;
	bool is_stale;
};

struct loop {
	struct event_base *base; /* owned */
	struct coarse *coarse;   /* owned */
	struct event wake;       /* on wake_fd */
	struct event pause;      /* bounds the wait of loop_turn() */
	bool has_wake;
	int wake_fd; /* owned */
	atomic_bool is_stopped;
	struct queue deferred; /* this thread's */
	struct queue running;  /* those of them that run in this turn */
	pthread_mutex_t lock;  /* over posted */
	struct queue posted;
};

struct loop_fd {
	struct event event;
	struct loop *loop;
	int fd;
	unsigned want;
	loop_fd_cb *cb;
	void *arg;
};

struct loop_timer {
	struct event event;
	struct loop *loop;
	loop_cb *cb;
	void *arg;
};

struct loop_signal {
	struct event event;
	loop_cb *cb;
	void *arg;
};

static void queue_init(struct queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

static void queue_push(struct queue *q, struct later *item)
{
	item->next = NULL;
	*q->last = item;
	q->last = &item->next;
}

static void queue_join(struct queue *q, struct queue *tail)
{
	if (tail->first == NULL)
		return;
	*q->last = tail->first;
	q->last = tail->last;
	queue_init(tail);
}

static struct later *queue_pop(struct queue *q)
{
	struct later *item = q->first;

	if (item == NULL)
		return NULL;
	q->first = item->next;
	if (q->first == NULL)
		q->last = &q->first;
	return item;
}

static void queue_drop(struct queue *q)
{
	struct later *item;

	while ((item = queue_pop(q)) != NULL)
		free(item);
}

static void queue_remove(struct queue *q, loop_cb *cb, const void *arg)
{
	struct later **at = &q->first;

	while (*at != NULL) {
		struct later *item = *at;

		if (item->cb != cb || item->arg != arg) {
			at = &item->next;
			continue;
		}
		*at = item->next;
		free(item);
	}
	q->last = at;
}

static struct later *later_new(loop_cb *cb, void *arg)
{
	struct later *item = malloc(sizeof(*item));

	if (item != NULL) {
		item->cb = cb;
		item->arg = arg;
	}
	return item;
}

static void wake_up(struct loop *loop)
{
	const uint64_t one = 1;
	ssize_t n;

	/* EAGAIN means that 2^64 - 2 wake-ups wait: it is awake. */
	do {
		n = write(loop->wake_fd, &one, sizeof(one));
	} while (n < 0 && errno == EINTR);
}

/* libevent's signature; the posted work joins the deferred in its order. */
static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
		return; /* level-triggered: it comes again */
	pthread_mutex_lock(&loop->lock);
	queue_join(&loop->deferred, &loop->posted);
	pthread_mutex_unlock(&loop->lock);
}

static void on_pause(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config == NULL)
		return NULL;
	/* The environment must not choose the kernel interface. */
	if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK |
		    EVENT_BASE_FLAG_IGNORE_ENV) == 0)
		base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

int loop_new(struct loop **out)
{
	struct loop *loop;
	int err = -ENOMEM;

	loop = calloc(1, sizeof(*loop));
	if (loop == NULL)
		return -ENOMEM;
	loop->wake_fd = -1;
	queue_init(&loop->deferred);
	queue_init(&loop->running);
	queue_init(&loop->posted);
	pthread_mutex_init(&loop->lock, NULL);
	loop->coarse = calloc(1, sizeof(*loop->coarse));
	loop->base = base_new();
	if (loop->coarse == NULL || loop->base == NULL)
		goto out;
	loop->coarse->is_stale = true;
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0) {
		err = -errno;
		goto out;
	}
	if (event_assign(&loop->pause, loop->base, -1, 0, on_pause, NULL) < 0 ||
		event_assign(&loop->wake, loop->base, loop->wake_fd,
			EV_READ | EV_PERSIST, on_wake, loop) < 0 ||
		event_add(&loop->wake, NULL) < 0)
		goto out;
	loop->has_wake = true;

	*out = loop;
	loop = NULL;
	err = 0;
out:
	loop_free(loop);
	return err;
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	if (loop->has_wake) {
		event_del(&loop->wake);
		event_del(&loop->pause);
	}
	queue_drop(&loop->deferred);
	queue_drop(&loop->posted);
	if (loop->base != NULL)
		event_base_free(loop->base);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	pthread_mutex_destroy(&loop->lock);
	free(loop->coarse);
	free(loop);
}

static void run_all(struct loop *loop)
{
	struct later *item;

	while ((item = queue_pop(&loop->running)) != NULL) {
		item->cb(item->arg);
		free(item);
	}
}

/* What these add waits for the next turn, so that work which defers itself
 * can't keep the descriptors from being looked at. */
static void run_deferred(struct loop *loop)
{
	queue_join(&loop->running, &loop->deferred);
	run_all(loop);
}

bool loop_run_posted(struct loop *loop)
{
	bool was_any;

	pthread_mutex_lock(&loop->lock);
	queue_join(&loop->running, &loop->posted);
	pthread_mutex_unlock(&loop->lock);
	was_any = loop->running.first != NULL;
	loop->coarse->is_stale = true;
	run_all(loop);
	return was_any;
}

void loop_turn(struct loop *loop, int max_wait_ms)
{
	struct timeval wait;
	int flags = EVLOOP_ONCE;

	/* EVLOOP_NONBLOCK alone would go on while anything is ready. */
	if (max_wait_ms == 0 || loop->deferred.first != NULL) {
		flags |= EVLOOP_NONBLOCK;
	} else if (max_wait_ms > 0) {
		wait.tv_sec = max_wait_ms / 1000;
		wait.tv_usec = (max_wait_ms % 1000) * 1000L;
		if (event_add(&loop->pause, &wait) < 0)
			flags |= EVLOOP_NONBLOCK;
	}
	loop->coarse->is_stale = true;
	event_base_loop(loop->base, flags);
	if (max_wait_ms > 0)
		event_del(&loop->pause);
	run_deferred(loop);
}

void loop_run(struct loop *loop)
{
	while (!atomic_load(&loop->is_stopped))
		loop_turn(loop, -1);
	atomic_store(&loop->is_stopped, false);
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->is_stopped, true);
	wake_up(loop);
}

bool loop_is_stopped(const struct loop *loop)
{
	return atomic_load(&loop->is_stopped);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

struct mono loop_now(const struct loop *loop)
{
	struct coarse *coarse = loop->coarse;

	if (coarse->is_stale) {
		coarse->now = mono_now();
		coarse->is_stale = false;
	}
	return coarse->now;
}

int loop_defer(struct loop *loop, loop_cb *cb, void *arg)
{
	struct later *item = later_new(cb, arg);

	if (item == NULL)
		return -ENOMEM;
	queue_push(&loop->deferred, item);
	return 0;
}

void loop_undefer(struct loop *loop, loop_cb *cb, const void *arg)
{
	queue_remove(&loop->running, cb, arg);
	queue_remove(&loop->deferred, cb, arg);
}

int loop_post(struct loop *loop, loop_cb *cb, void *arg)
{
	struct later *item = later_new(cb, arg);
	bool was_empty;

	if (item == NULL)
		return -ENOMEM;
	pthread_mutex_lock(&loop->lock);
	was_empty = loop->posted.first == NULL;
	queue_push(&loop->posted, item);
	pthread_mutex_unlock(&loop->lock);
	if (was_empty)
		wake_up(loop);
	return 0;
}

/* ---- descriptors -------------------------------------------------------- */

/* Nothing is touched after the callback: it may have freed the watch. */
static void on_fd(evutil_socket_t fd, short what, void *arg)
{
	struct loop_fd *watch = arg;
	unsigned ready = 0;

	(void)fd;
	if (what & EV_READ)
		ready |= LOOP_READ;
	if (what & EV_WRITE)
		ready |= LOOP_WRITE;
	watch->cb(ready, watch->arg);
}

int loop_fd_new(struct loop_fd **out, struct loop *loop, int fd,
	unsigned want, loop_fd_cb *cb, void *arg)
{
	struct loop_fd *watch = calloc(1, sizeof(*watch));
	int err;

	if (watch == NULL)
		return -ENOMEM;
	watch->loop = loop;
	watch->fd = fd;
	watch->cb = cb;
	watch->arg = arg;
	err = loop_fd_want(watch, want);
	if (err < 0) {
		free(watch);
		return err;
	}
	*out = watch;
	return 0;
}

int loop_fd_want(struct loop_fd *watch, unsigned want)
{
	short events = EV_PERSIST;

	if (want == watch->want)
		return 0;
	if (watch->want != 0)
		event_del(&watch->event);
	watch->want = 0;
	if (want == 0)
		return 0;
	if (want & LOOP_READ)
		events |= EV_READ;
	if (want & LOOP_WRITE)
		events |= EV_WRITE;
	if (event_assign(&watch->event, watch->loop->base, watch->fd, events,
		    on_fd, watch) < 0)
		return -EINVAL;
	if (event_add(&watch->event, NULL) < 0)
		return -ENOMEM;
	watch->want = want;
	return 0;
}

void loop_fd_free(struct loop_fd *watch)
{
	if (watch == NULL)
		return;
	if (watch->want != 0)
		event_del(&watch->event);
	free(watch);
}

/* ---- timers ------------------------------------------------------------- */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *timer = arg;

	(void)fd;
	(void)what;
	timer->cb(timer->arg);
}

int loop_timer_new(struct loop_timer **out, struct loop *loop, loop_cb *cb,
	void *arg)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (timer == NULL)
		return -ENOMEM;
	timer->loop = loop;
	timer->cb = cb;
	timer->arg = arg;
	if (event_assign(&timer->event, loop->base, -1, 0, on_timer,
		    timer) < 0) {
		free(timer);
		return -EINVAL;
	}
	*out = timer;
	return 0;
}

void loop_timer_start(struct loop_timer *timer, int64_t delay_ms)
{
	struct timeval wait;

	if (delay_ms < 0)
		delay_ms = 0;
	wait.tv_sec = delay_ms / 1000;
	wait.tv_usec = (delay_ms % 1000) * 1000L;
	/* Only making room in the heap of timers can fail. Firing at once is
	 * the safe direction for a deadline. */
	if (event_add(&timer->event, &wait) < 0)
		event_active(&timer->event, EV_TIMEOUT, 0);
}

void loop_timer_stop(struct loop_timer *timer)
{
	event_del(&timer->event);
}

bool loop_timer_is_running(const struct loop_timer *timer)
{
	return event_pending(&timer->event, EV_TIMEOUT, NULL) != 0;
}

void loop_timer_free(struct loop_timer *timer)
{
	if (timer == NULL)
		return;
	event_del(&timer->event);
	free(timer);
}

/* ---- signals ------------------------------------------------------------ */

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct loop_signal *sig = arg;

	(void)signo;
	(void)what;
	sig->cb(sig->arg);
}

int loop_signal_new(struct loop_signal **out, struct loop *loop, int signo,
	loop_cb *cb, void *arg)
{
	struct loop_signal *sig = calloc(1, sizeof(*sig));

	if (sig == NULL)
		return -ENOMEM;
	sig->cb = cb;
	sig->arg = arg;
	if (event_assign(&sig->event, loop->base, signo,
		    EV_SIGNAL | EV_PERSIST, on_signal, sig) < 0 ||
		event_add(&sig->event, NULL) < 0) {
		free(sig);
		return -EINVAL;
	}
	*out = sig;
	return 0;
}

void loop_signal_free(struct loop_signal *sig)
{
	if (sig == NULL)
		return;
	event_del(&sig->event);
	free(sig);
}
