/*
 * The one thread that may block: what takes long is done here, one job after
 * the other, while the loop goes on answering. A daemon that has one needs
 * SANDBOX_WORKS.
 */
#ifndef RUN_WORKER_H
#define RUN_WORKER_H

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/list.h"
#include "common/run/loop.h"

/* Embedded at the head of what a job needs. */
struct job {
	struct list node;
	void (*run)(struct job *job);  /* on the worker */
	void (*done)(struct job *job); /* on the loop; frees it */
	struct worker *worker;
};

struct worker;

EDGE_MUST int worker_new(struct worker **out, struct loop *loop);
/* After the sandbox is on; again: nothing more. */
EDGE_MUST int worker_start(struct worker *w);
/* Ends after the job that runs; done() of every job is called, also of those
 * that never ran. Accepts NULL. */
void worker_free(struct worker *w);

/* In line behind the others; `done` comes in any case. */
void worker_add(struct worker *w, struct job *job);
/* Is another one in line, or the end near? For a job that could give way.
 * Any thread. */
bool worker_has_waiting(struct worker *w);
/* Jobs in line or running. Loop thread. */
unsigned worker_load(const struct worker *w);

#endif
