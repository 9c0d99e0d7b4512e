/*
 * TURN load for comparisons: clients and peers of one relay in one process,
 * on one thread. A shape says how packets flow; what the relay's process
 * spent on it is read from the kernel's books before and after.
 *
 *	real   paced: every allocation so many packets a second both ways
 *	spin   the same, and this tool never sleeps
 *	many   one packet in flight each way: saturation without runs
 *	up     runs of one flow, client to peer;  down  the other way
 *	pair   relay to relay
 *	alloc  Allocate, 401, Allocate, Refresh 0, over and over
 *	hold   idle allocations: memory
 *
 * Prints one JSON object.
 */
#include <getopt.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/relay_client.h"

#define FLOWS_MAX   12000
#define LANES_MAX   (2 * FLOWS_MAX)
#define SAMPLES_MAX 400000
#define RUN         32
#define STALL_NS    100000000u
#define LOOK_NS     1000000u

struct options {
	struct account account;
	struct addr peer; /* where peers bind, port 0 */
	const char *shape;
	int pid;
	unsigned flows;
	unsigned pps; /* per allocation, both ways together */
	unsigned size;
	unsigned milliseconds;
};

/* One direction of traffic. */
struct lane {
	int tx_fd;
	int rx_fd;
	bool has_head; /* what is sent is ChannelData */
	unsigned owed; /* packets it may send now, closed loop */
	uint64_t sent_ns;
	uint64_t sent;
	uint64_t received;
};

static struct options opt = {
	.shape = "real", .flows = 1000, .pps = 50, .size = 172,
	.milliseconds = 1000,
};
static struct flow flows[FLOWS_MAX];
static struct lane lanes[LANES_MAX];
static unsigned lane_count;
static uint32_t samples[SAMPLES_MAX];
static size_t sample_count;
static bool is_measuring;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the relay's books -------------------------------------------------- */

static uint64_t cpu_ns(void)
{
	char pattern[64];
	uint64_t sum = 0;
	glob_t found;
	size_t i;

	snprintf(pattern, sizeof(pattern), "/proc/%d/task/*/schedstat",
		opt.pid);
	if (glob(pattern, 0, NULL, &found) != 0)
		return 0;
	for (i = 0; i < found.gl_pathc; i++) {
		FILE *f = fopen(found.gl_pathv[i], "r");
		char line[128];

		if (f == NULL)
			continue;
		if (fgets(line, sizeof(line), f) != NULL)
			sum += strtoull(line, NULL, 10);
		fclose(f);
	}
	globfree(&found);
	return sum;
}

static uint64_t rss_bytes(void)
{
	char path[64], line[128] = "";
	char *second;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", opt.pid);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	second = strchr(line, ' ');
	return second == NULL ? 0 : strtoull(second, NULL, 10) *
		(uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- lanes -------------------------------------------------------------- */

static void add_lane(int tx_fd, int rx_fd, bool has_head)
{
	lanes[lane_count++] = (struct lane){
		.tx_fd = tx_fd, .rx_fd = rx_fd, .has_head = has_head,
	};
}

static void open_with_peer(struct flow *f, bool up, bool down)
{
	open_flow(f, &opt.account);
	f->peer_fd = open_socket(&opt.peer);
	f->peer = name_of(f->peer_fd);
	connect_to(f->peer_fd, &f->relayed);
	bind_channel(f, &f->peer);
	if (up)
		add_lane(f->client_fd, f->peer_fd, true);
	if (down)
		add_lane(f->peer_fd, f->client_fd, false);
}

static void open_pair(struct flow *a, struct flow *b)
{
	open_flow(a, &opt.account);
	open_flow(b, &opt.account);
	bind_channel(a, &b->relayed);
	bind_channel(b, &a->relayed);
	add_lane(a->client_fd, b->client_fd, true);
	add_lane(b->client_fd, a->client_fd, true);
}

static void send_run(struct lane *l, unsigned count)
{
	static uint8_t room[RUN * 2048];
	size_t head = l->has_head ? STUN_CHANNEL_HEADER_LEN : 0;
	size_t step = head + opt.size;
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(uint16_t))];
	} control = {0};
	struct iovec v = {room, count * step};
	struct msghdr h = {.msg_iov = &v, .msg_iovlen = 1};
	uint64_t ns = now_ns();
	unsigned i;

	for (i = 0; i < count; i++) {
		uint8_t *p = room + i * step;

		if (l->has_head) {
			buf_store_u16(p, CHANNEL);
			buf_store_u16(p + 2, (uint16_t)opt.size);
		}
		buf_store_u64(p + head, ns);
	}
	if (count > 1) {
		uint16_t segment = (uint16_t)step;

		h.msg_control = &control;
		h.msg_controllen = sizeof(control);
		control.align.cmsg_level = SOL_UDP;
		control.align.cmsg_type = UDP_SEGMENT;
		control.align.cmsg_len = CMSG_LEN(sizeof(segment));
		memcpy(CMSG_DATA(&control.align), &segment, sizeof(segment));
	}
	if (sendmsg(l->tx_fd, &h, 0) > 0)
		l->sent += count;
	l->sent_ns = ns;
}

/* How many datagrams lie in what was received. */
static unsigned note(struct lane *l, const uint8_t *p, size_t len)
{
	size_t step = opt.size;
	uint64_t age_ns;
	unsigned count;

	/* ChannelData comes to clients, bare payload to peers. */
	if (len % (step + STUN_CHANNEL_HEADER_LEN) == 0 &&
	    buf_load_u16(p) == CHANNEL) {
		step += STUN_CHANNEL_HEADER_LEN;
		p += STUN_CHANNEL_HEADER_LEN;
	}
	count = (unsigned)(len / step);
	l->received += count;
	if (is_measuring && sample_count < SAMPLES_MAX) {
		age_ns = now_ns() - buf_load_u64(p);
		samples[sample_count++] = (uint32_t)(age_ns / 1000);
	}
	return count;
}

static void on_readable(struct lane *l, bool is_closed_loop)
{
	static uint8_t room[65536];
	ssize_t n;
	unsigned got = 0;

	n = recv(l->rx_fd, room, sizeof(room), 0);
	if (n >= (ssize_t)opt.size)
		got = note(l, room, (size_t)n);
	if (is_closed_loop)
		l->owed += got;
}

/* ---- shapes ------------------------------------------------------------- */

struct shape {
	const char *name;
	bool up, down, pair;
	bool is_paced;
	bool never_sleeps;
	unsigned window; /* packets in flight, closed loop */
	unsigned run;    /* sent at once */
};

static const struct shape shapes[] = {
	{.name = "real", .up = true, .down = true, .is_paced = true},
	{.name = "spin", .up = true, .down = true, .is_paced = true,
		.never_sleeps = true},
	{.name = "many", .up = true, .down = true, .window = 1, .run = 1},
	{.name = "up", .up = true, .window = RUN, .run = RUN / 2},
	{.name = "down", .down = true, .window = RUN, .run = RUN / 2},
	{.name = "pair", .pair = true, .window = 8, .run = 1},
};

static void set_up(const struct shape *s)
{
	unsigned i;

	for (i = 0; i < opt.flows; i++) {
		if (s->pair && i + 1 < opt.flows) {
			open_pair(&flows[i], &flows[i + 1]);
			i++;
		} else if (!s->pair) {
			open_with_peer(&flows[i], s->up, s->down);
		}
	}
	for (i = 0; i < lane_count; i++)
		lanes[i].owed = s->window;
}

/* One packet, of the lanes in turn: calls do not beat in time. */
static void send_paced(uint64_t *due_ns)
{
	static unsigned next;

	*due_ns += 1000000000u / (opt.flows * opt.pps);
	send_run(&lanes[next++ % lane_count], 1);
}

static void send_owed(const struct shape *s, struct lane *l)
{
	while (l->owed >= s->run) {
		send_run(l, s->run);
		l->owed -= s->run;
	}
}

/* A lost packet would stop its lane for ever. */
static void restart_stalled(const struct shape *s, uint64_t ns)
{
	unsigned i;

	for (i = 0; i < lane_count; i++) {
		if (ns < lanes[i].sent_ns + STALL_NS)
			continue;
		lanes[i].owed = s->window;
		send_owed(s, &lanes[i]);
	}
}

static void wait_for(int epoll_fd, const struct shape *s, uint64_t until_ns)
{
	struct epoll_event events[256];
	uint64_t ns = now_ns();
	struct timespec t = {0};
	int n, i;

	if (!s->never_sleeps && until_ns > ns) {
		t.tv_sec = (time_t)((until_ns - ns) / 1000000000u);
		t.tv_nsec = (long)((until_ns - ns) % 1000000000u);
	}
	n = epoll_pwait2(epoll_fd, events, 256, &t, NULL);
	for (i = 0; i < n; i++) {
		struct lane *l = &lanes[events[i].data.u32];

		on_readable(l, !s->is_paced);
		if (!s->is_paced)
			send_owed(s, l);
	}
}

static void drive(int epoll_fd, const struct shape *s, uint64_t for_ns)
{
	uint64_t start = now_ns(), due_ns = start, ns;

	while ((ns = now_ns()) < start + for_ns) {
		if (s->is_paced && ns >= due_ns) {
			send_paced(&due_ns);
			continue;
		}
		wait_for(epoll_fd, s, s->is_paced ? due_ns : ns + LOOK_NS);
		if (!s->is_paced && ns >= due_ns) {
			due_ns = ns + STALL_NS / 4;
			restart_stalled(s, ns);
		}
	}
}

static uint64_t total(bool received)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < lane_count; i++)
		sum += received ? lanes[i].received : lanes[i].sent;
	return sum;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t quantile(double q)
{
	return sample_count == 0 ? 0 :
		samples[(size_t)(q * (double)(sample_count - 1))];
}

static void report(const struct shape *s, uint64_t cpu, uint64_t received,
	uint64_t sent, double seconds)
{
	uint64_t lost = sent > received ? sent - received : 0;

	qsort(samples, sample_count, sizeof(samples[0]), by_value);
	printf("{\"shape\": \"%s\", \"packets\": %llu, \"per_s\": %.0f, "
	       "\"ns_per_packet\": %.0f, \"cpu\": %.3f, \"lost\": %.6f, "
	       "\"delay_us\": %u, \"delay_p99_us\": %u}\n",
		s->name, (unsigned long long)received,
		(double)received / seconds,
		received == 0 ? 0.0 : (double)cpu / (double)received,
		(double)cpu / 1e9 / seconds,
		s->is_paced && sent > 0 ? (double)lost / (double)sent : 0.0,
		quantile(0.5), quantile(0.99));
}

static void run_shape(const struct shape *s)
{
	const uint64_t for_ns = opt.milliseconds * UINT64_C(1000000);
	uint64_t cpu, received, sent, start, end;
	int epoll_fd = epoll_create1(0);
	unsigned i;

	set_up(s);
	for (i = 0; i < lane_count; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};

		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, lanes[i].rx_fd, &e) < 0)
			die("epoll");
		if (!s->is_paced)
			send_owed(s, &lanes[i]);
	}
	drive(epoll_fd, s, for_ns / 2); /* to warm up */
	is_measuring = true;
	cpu = cpu_ns();
	received = total(true);
	sent = total(false);
	start = now_ns();
	drive(epoll_fd, s, for_ns);
	end = now_ns();
	cpu = cpu_ns() - cpu;
	received = total(true) - received;
	sent = total(false) - sent;
	report(s, cpu, received, sent, (double)(end - start) / 1e9);
	for (i = 0; i < opt.flows; i++)
		end_allocation(&flows[i]);
}

/* ---- allocation cycles, several at a time ------------------------------- */

static void ask_again(struct flow *f, uint16_t method)
{
	uint8_t room[1024];
	struct stun_writer w;

	begin(&w, room, sizeof(room), method);
	if (method == STUN_ALLOCATE)
		stun_write_number(&w, STUN_REQUESTED_TRANSPORT, 17u << 24);
	else
		stun_write_number(&w, STUN_LIFETIME, 0);
	send_request(f, &w);
}

static void start_cycle(struct flow *f, int epoll_fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = f};

	memset(f, 0, sizeof(*f));
	f->account = &opt.account;
	f->client_fd = open_socket(&opt.account.client);
	connect_to(f->client_fd, &opt.account.server);
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, f->client_fd, &e) < 0)
		die("epoll");
	ask_again(f, STUN_ALLOCATE);
}

/* The next step of a cycle; true when it is over. */
static bool step_cycle(struct flow *f, int epoll_fd)
{
	struct stun_msg m;
	unsigned code = 0;

	if (!hear_answer(f->client_fd, &m))
		return false;
	if (m.class == STUN_ERROR && stun_error(&m, &code, NULL) < 0)
		die("error code");
	if (code == 401 || code == 438) {
		learn(f, &m);
		ask_again(f, STUN_ALLOCATE);
		return false;
	}
	if (code == 0 && m.method == STUN_ALLOCATE) {
		ask_again(f, STUN_REFRESH);
		return false;
	}
	close(f->client_fd); /* ended; or 437: the port is remembered */
	start_cycle(f, epoll_fd);
	return code == 0;
}

static void run_alloc(void)
{
	uint64_t start = now_ns(), cpu = cpu_ns(), cycles = 0;
	uint64_t for_ns = opt.milliseconds * UINT64_C(1000000);
	int epoll_fd = epoll_create1(0), n, i;
	struct epoll_event events[64];
	double seconds;
	unsigned k;

	for (k = 0; k < opt.flows; k++)
		start_cycle(&flows[k], epoll_fd);
	while (now_ns() - start < for_ns) {
		n = epoll_wait(epoll_fd, events, 64, ANSWER_MS);
		if (n <= 0)
			die("no answer");
		for (i = 0; i < n; i++)
			cycles += step_cycle(events[i].data.ptr, epoll_fd);
	}
	seconds = (double)(now_ns() - start) / 1e9;
	cpu = cpu_ns() - cpu;
	printf("{\"shape\": \"alloc\", \"cycles\": %llu, "
	       "\"us_per_cycle\": %.1f, \"per_s\": %.0f}\n",
		(unsigned long long)cycles,
		(double)cpu / 1e3 / (double)cycles, (double)cycles / seconds);
}

static void run_hold(void)
{
	uint64_t before = rss_bytes(), cpu;
	unsigned i;

	for (i = 0; i < opt.flows; i++)
		open_flow(&flows[i], &opt.account);
	cpu = cpu_ns();
	sleep(2);
	cpu = cpu_ns() - cpu;
	printf("{\"shape\": \"hold\", \"allocations\": %u, "
	       "\"bytes_each\": %.0f, \"idle_cpu\": %.6f}\n",
		opt.flows, (double)(rss_bytes() - before) / opt.flows,
		(double)cpu / 2e9);
	for (i = 0; i < opt.flows; i++)
		end_allocation(&flows[i]);
}

/* ---- options ------------------------------------------------------------ */

static void read_options(int argc, char **argv)
{
	static const struct option names[] = {
		{"server", required_argument, NULL, 's'},
		{"client", required_argument, NULL, 'c'},
		{"peer", required_argument, NULL, 'e'},
		{"user", required_argument, NULL, 'u'},
		{"password", required_argument, NULL, 'w'},
		{"shape", required_argument, NULL, 'k'},
		{"pid", required_argument, NULL, 'p'},
		{"flows", required_argument, NULL, 'n'},
		{"pps", required_argument, NULL, 'r'},
		{"size", required_argument, NULL, 'l'},
		{"ms", required_argument, NULL, 't'},
		{NULL, 0, NULL, 0},
	};
	int c, bad = 0;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 's':
			bad |= addr_parse(str_of(optarg),
				&opt.account.server);
			break;
		case 'c':
			bad |= addr_parse(str_of(optarg),
				&opt.account.client);
			break;
		case 'e':
			bad |= addr_parse(str_of(optarg), &opt.peer);
			break;
		case 'u':
			opt.account.user = optarg;
			break;
		case 'w':
			opt.account.password = optarg;
			break;
		case 'k':
			opt.shape = optarg;
			break;
		case 'p':
			opt.pid = atoi(optarg);
			break;
		case 'n':
			opt.flows = (unsigned)atoi(optarg);
			break;
		case 'r':
			opt.pps = (unsigned)atoi(optarg);
			break;
		case 'l':
			opt.size = (unsigned)atoi(optarg);
			break;
		case 't':
			opt.milliseconds = (unsigned)atoi(optarg);
			break;
		default:
			exit(2);
		}
	}
	if (bad != 0 || opt.account.user == NULL ||
	    opt.account.password == NULL || opt.flows == 0 ||
	    opt.flows > FLOWS_MAX || opt.size < 8 || opt.size > 1400 ||
	    opt.pid <= 0 || !addr_is_set(&opt.account.server)) {
		fprintf(stderr, "relay_load: needs --server --client --peer "
			"--user --password --pid; see the source\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct rlimit files = {65536, 65536};
	size_t i;

	read_options(argc, argv);
	setrlimit(RLIMIT_NOFILE, &files);
	prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
	if (strcmp(opt.shape, "alloc") == 0) {
		run_alloc();
		return 0;
	}
	if (strcmp(opt.shape, "hold") == 0) {
		run_hold();
		return 0;
	}
	for (i = 0; i < ARRAY_COUNT(shapes); i++) {
		if (strcmp(opt.shape, shapes[i].name) != 0)
			continue;
		run_shape(&shapes[i]);
		return 0;
	}
	fprintf(stderr, "relay_load: no shape %s\n", opt.shape);
	return 2;
}
