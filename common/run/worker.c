/*
 * A thread and its line of jobs. Jobs come from the loop and go back to it;
 * what they do is not known here.
 */
#include "common/run/worker.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct worker {
	struct loop *loop;
	pthread_t thread;
	bool is_started;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct list line;     /* jobs to run */
	struct list finished; /* jobs that ran; done() is due */
	bool is_stopping;
	unsigned load; /* loop thread only */
};

int worker_new(struct worker **out, struct loop *loop)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return -ENOMEM;
	w->loop = loop;
	list_init(&w->line);
	list_init(&w->finished);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	*out = w;
	return 0;
}

static struct job *take(struct worker *w, struct list *from)
{
	struct list *node;

	pthread_mutex_lock(&w->lock);
	node = list_first(from);
	if (node != NULL)
		list_remove(node);
	pthread_mutex_unlock(&w->lock);
	return node != NULL ? container_of(node, struct job, node) : NULL;
}

static void hand_back(void *arg)
{
	struct worker *w = arg;
	struct job *job;

	while ((job = take(w, &w->finished)) != NULL) {
		w->load--;
		job->done(job);
	}
}

/* NULL = it is time to end. */
static struct job *wait_for_job(struct worker *w)
{
	struct list *node;

	pthread_mutex_lock(&w->lock);
	while (!w->is_stopping && list_first(&w->line) == NULL)
		pthread_cond_wait(&w->wake, &w->lock);
	node = w->is_stopping ? NULL : list_first(&w->line);
	if (node != NULL)
		list_remove(node);
	pthread_mutex_unlock(&w->lock);
	return node != NULL ? container_of(node, struct job, node) : NULL;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct job *job;

	while ((job = wait_for_job(w)) != NULL) {
		job->run(job);
		/* Jobs are big and rare: what they took goes back. */
		malloc_trim(0);
		pthread_mutex_lock(&w->lock);
		list_push_back(&w->finished, &job->node);
		pthread_mutex_unlock(&w->lock);
		/* Without memory the next job's post brings this one, too. */
		if (loop_post(w->loop, hand_back, w) < 0)
			continue;
	}
	return NULL;
}

int worker_start(struct worker *w)
{
	sigset_t all;
	sigset_t old;
	int err;

	if (w->is_started)
		return 0;
	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = -pthread_create(&w->thread, NULL, work, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	w->is_started = err == 0;
	return err;
}

void worker_free(struct worker *w)
{
	struct job *job;

	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->is_stopping = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	if (w->is_started)
		pthread_join(w->thread, NULL);
	hand_back(w);
	while ((job = take(w, &w->line)) != NULL)
		job->done(job);
	loop_undefer(w->loop, hand_back, w);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void worker_add(struct worker *w, struct job *job)
{
	job->worker = w;
	w->load++;
	pthread_mutex_lock(&w->lock);
	list_push_back(&w->line, &job->node);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

bool worker_has_waiting(struct worker *w)
{
	bool has_any;

	pthread_mutex_lock(&w->lock);
	has_any = w->is_stopping || list_first(&w->line) != NULL;
	pthread_mutex_unlock(&w->lock);
	return has_any;
}

unsigned worker_load(const struct worker *w)
{
	return w->load;
}
