/*
 * Counting evhttp's connections. It tells nobody when it frees one, so a
 * reference to the bufferevent of each is kept: its callbacks are off when
 * evhttp has let go. The descriptor is closed with our reference.
 */
#include "common/bus/bus_guests.h"

#include <errno.h>
#include <sys/socket.h>

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "common/base/log.h"

#define SWEEP_MS      1000
#define SWEEP_FULL_MS 100
#define NO_UID        ((uid_t)-1)

static bool is_gone(struct bufferevent *bev)
{
	bufferevent_data_cb on_read;
	bufferevent_data_cb on_write;
	bufferevent_event_cb on_event;
	void *arg;

	bufferevent_getcb(bev, &on_read, &on_write, &on_event, &arg);
	return on_read == NULL && on_write == NULL && on_event == NULL;
}

static void sweep(struct bus_guests *g)
{
	size_t kept = 0;

	for (size_t i = 0; i < g->count; i++) {
		if (is_gone(g->at[i].bev))
			bufferevent_decref(g->at[i].bev);
		else
			g->at[kept++] = g->at[i];
	}
	g->count = kept;
}

/* ---- too many ----------------------------------------------------------- */

/* evhttp puts the descriptor in after we made the rest. */
static uid_t uid_of(struct bus_guest *guest)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	const int fd = bufferevent_getfd(guest->bev);

	if (guest->uid == NO_UID && fd >= 0 &&
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0)
		guest->uid = cred.uid;
	return guest->uid;
}

static size_t count_of(struct bus_guests *g, uid_t uid)
{
	size_t count = 0;

	for (size_t i = 0; i < g->count; i++)
		count += !g->at[i].is_shut && uid_of(&g->at[i]) == uid;
	return count;
}

/* The oldest of whoever has the most. */
static void make_room(struct bus_guests *g)
{
	struct bus_guest *victim = NULL;
	size_t most = 0;

	for (size_t i = 0; i < g->count; i++) {
		struct bus_guest *guest = &g->at[i];
		size_t count;

		if (guest->is_shut || uid_of(guest) == NO_UID)
			continue;
		count = count_of(g, guest->uid);
		if (count <= most)
			continue;
		most = count;
		victim = guest;
	}
	if (victim == NULL)
		return;
	victim->is_shut = true;
	shutdown(bufferevent_getfd(victim->bev), SHUT_RDWR);
	log_limited(LOG_LEVEL_WARNING, 6, "bus.crowded",
		"uid=%u connections=%zu", (unsigned)victim->uid, most);
}

static bool is_crowded(const struct bus_guests *g)
{
	size_t count = 0;

	for (size_t i = 0; i < g->count; i++)
		count += !g->at[i].is_shut;
	return count >= BUS_GUESTS_CROWD;
}

static void start_timer(struct bus_guests *g)
{
	if (g->count == BUS_GUESTS_MAX)
		loop_timer_start(g->timer, SWEEP_FULL_MS);
	else if (g->count > 0)
		loop_timer_start(g->timer, SWEEP_MS);
}

static void on_timer(void *arg)
{
	struct bus_guests *g = arg;

	sweep(g);
	if (g->count < BUS_GUESTS_MAX)
		evconnlistener_enable(g->listener);
	start_timer(g);
}

/* A connection was accepted; evhttp fills it in when we return. */
static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
	struct bus_guests *g = arg;
	struct bufferevent *bev =
		bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	if (bev == NULL)
		return NULL; /* evhttp has no memory either, and says so */
	sweep(g);
	if (is_crowded(g))
		make_room(g);
	bufferevent_incref(bev);
	g->at[g->count++] = (struct bus_guest){.bev = bev, .uid = NO_UID};
	if (g->count == BUS_GUESTS_MAX) {
		log_limited(LOG_LEVEL_WARNING, 6, "bus.full",
			"connections=%zu", g->count);
		evconnlistener_disable(g->listener);
	}
	start_timer(g);
	return bev;
}

int bus_guests_init(struct bus_guests *guests, struct loop *loop,
	struct evhttp *http, struct evconnlistener *listener)
{
	*guests = (struct bus_guests){.loop = loop, .listener = listener};
	if (loop_timer_new(&guests->timer, loop, on_timer, guests) < 0)
		return -ENOMEM;
	evhttp_set_bevcb(http, on_accept, guests);
	return 0;
}

void bus_guests_fini(struct bus_guests *guests)
{
	for (size_t i = 0; i < guests->count; i++)
		bufferevent_decref(guests->at[i].bev);
	guests->count = 0;
	loop_timer_free(guests->timer);
	guests->timer = NULL;
}
