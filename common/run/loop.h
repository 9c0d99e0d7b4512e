/*
 * The event loop: a thin layer over libevent. loop.c alone makes and turns
 * an event_base. One loop belongs to one thread; only loop_post() and
 * loop_stop() may be called from another one.
 */
#ifndef RUN_LOOP_H
#define RUN_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"

struct event_base;
struct loop;
struct loop_fd;
struct loop_timer;
struct loop_signal;

enum loop_want {
	LOOP_READ = 1,
	LOOP_WRITE = 2,
};

/* ready: the enum loop_want bits that hold. */
typedef void(loop_fd_cb)(unsigned ready, void *arg);
typedef void(loop_cb)(void *arg);

EDGE_MUST int loop_new(struct loop **out);
/* Everything watched must have been freed before. Accepts NULL. */
void loop_free(struct loop *loop);
/* Turn until loop_stop(), at once when it was called before; it may be run
 * again after that. */
void loop_run(struct loop *loop);
/* One turn: wait at most max_wait_ms for something (0 = look only,
 * < 0 = no limit). A thread that turns by itself asks loop_is_stopped(),
 * which then stays true. */
void loop_turn(struct loop *loop, int max_wait_ms);
void loop_stop(struct loop *loop); /* any thread */
bool loop_is_stopped(const struct loop *loop);
/* For evhttp (bus, 4443), which borrows it; for nothing else. */
struct event_base *loop_base(struct loop *loop);
/* The coarse clock: read once per turn. */
struct mono loop_now(const struct loop *loop);

/* Run cb later in this turn or the next, in order. -ENOMEM. */
EDGE_MUST int loop_defer(struct loop *loop, loop_cb *cb, void *arg);
/* Forget what was deferred with this cb and arg: the owner goes away. */
void loop_undefer(struct loop *loop, loop_cb *cb, const void *arg);
/* The same from any thread; wakes the loop. */
EDGE_MUST int loop_post(struct loop *loop, loop_cb *cb, void *arg);
/* For a loop that turns no more: run what was posted to it, which may own
 * memory, and nothing else. False: there was nothing. */
bool loop_run_posted(struct loop *loop);

/* Watch fd (not owned, must be closed after loop_fd_free). Level-triggered
 * and persistent; want may be 0. May be freed in its own callback. */
EDGE_MUST int loop_fd_new(struct loop_fd **out, struct loop *loop, int fd,
	unsigned want, loop_fd_cb *cb, void *arg);
EDGE_MUST int loop_fd_want(struct loop_fd *watch, unsigned want);
void loop_fd_free(struct loop_fd *watch); /* accepts NULL */

/* One-shot timer; starting again moves it. May be freed in its callback. */
EDGE_MUST int loop_timer_new(struct loop_timer **out, struct loop *loop,
	loop_cb *cb, void *arg);
void loop_timer_start(struct loop_timer *timer, int64_t delay_ms);
void loop_timer_stop(struct loop_timer *timer);
bool loop_timer_is_running(const struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer); /* accepts NULL */

EDGE_MUST int loop_signal_new(struct loop_signal **out, struct loop *loop,
	int signo, loop_cb *cb, void *arg);
void loop_signal_free(struct loop_signal *sig); /* accepts NULL */

#endif
