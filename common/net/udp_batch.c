/*
 * Batches of datagrams: recvmmsg(2) with UDP_GRO into a field of slots,
 * sendmmsg(2) with UDP_SEGMENT out of them. No protocol is known here, and
 * no event loop: who reads decides when and how much. See udp(7).
 */
#include "common/net/udp_batch.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "common/base/buf.h"

#define DATAGRAM_MAX 65536
/* Not a power of two: else the first lines of all slots would compete for
 * the same few places in the caches. */
#define SLOT_STRIDE  (DATAGRAM_MAX + 9 * 64)
#define CONTROL_LEN  CMSG_SPACE(sizeof(int))

#define TX_ITEMS     256
#define TX_PIECES    1024
#define SEGMENTS_MAX 64   /* UDP_MAX_SEGMENTS of older kernels */
#define SEGMENT_MAX  1452 /* must fit an Ethernet frame over IPv6 */
#define RUN_MAX      64000

union socket_name {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

union control {
	struct cmsghdr align;
	char room[CONTROL_LEN];
};

/* ---- receiving --------------------------------------------------------- */

struct udp_rx {
	uint8_t *field; /* owned, mmap: slots times SLOT_STRIDE */
	unsigned slots;
	unsigned used;
	struct udp_in *in; /* owned, one per slot */
	struct mmsghdr msgs[UDP_BATCH];
	struct iovec iov[UDP_BATCH];
	union socket_name names[UDP_BATCH];
	union control control[UDP_BATCH];
};

int udp_rx_new(struct udp_rx **out, unsigned slots)
{
	struct udp_rx *rx;
	void *field;

	slots = (slots + UDP_BATCH - 1) / UDP_BATCH * UDP_BATCH;
	rx = calloc(1, sizeof(*rx));
	if (rx == NULL)
		return -ENOMEM;
	rx->in = calloc(slots, sizeof(*rx->in));
	field = mmap(NULL, (size_t)slots * SLOT_STRIDE,
		PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (field == MAP_FAILED || rx->in == NULL) {
		if (field != MAP_FAILED)
			munmap(field, (size_t)slots * SLOT_STRIDE);
		free(rx->in);
		free(rx);
		return -ENOMEM;
	}
	/* With huge pages each slot would cost 2 MB. */
	madvise(field, (size_t)slots * SLOT_STRIDE, MADV_NOHUGEPAGE);
	rx->field = field;
	rx->slots = slots;
	*out = rx;
	return 0;
}

void udp_rx_free(struct udp_rx *rx)
{
	if (rx == NULL)
		return;
	munmap(rx->field, (size_t)rx->slots * SLOT_STRIDE);
	free(rx->in);
	free(rx);
}

unsigned udp_rx_room(const struct udp_rx *rx)
{
	return rx->slots - rx->used;
}

void udp_rx_reset(struct udp_rx *rx)
{
	rx->used = 0;
}

static void prepare(struct udp_rx *rx, unsigned i)
{
	uint8_t *slot = rx->field + (size_t)(rx->used + i) * SLOT_STRIDE;
	struct msghdr *h = &rx->msgs[i].msg_hdr;

	rx->iov[i].iov_base = slot;
	rx->iov[i].iov_len = DATAGRAM_MAX;
	h->msg_name = &rx->names[i];
	h->msg_namelen = sizeof(rx->names[i]);
	h->msg_iov = &rx->iov[i];
	h->msg_iovlen = 1;
	h->msg_control = &rx->control[i];
	h->msg_controllen = sizeof(rx->control[i]);
	h->msg_flags = 0;
}

/* The kernel's note that it glued a run, or 0. */
static size_t segment_of(struct msghdr *h)
{
	struct cmsghdr *c;
	int segment;

	for (c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO)
			continue;
		memcpy(&segment, CMSG_DATA(c), sizeof(segment));
		return segment > 0 ? (size_t)segment : 0;
	}
	return 0;
}

static void note(struct udp_rx *rx, unsigned i)
{
	struct udp_in *in = &rx->in[rx->used + i];
	struct msghdr *h = &rx->msgs[i].msg_hdr;

	in->data = rx->iov[i].iov_base;
	in->len = rx->msgs[i].msg_len;
	in->segment = segment_of(h);
	if (in->segment == 0 || in->segment > in->len)
		in->segment = in->len;
	/* A cut datagram is no datagram. */
	if ((h->msg_flags & MSG_TRUNC) != 0 ||
	    addr_from_sockaddr(h->msg_name, h->msg_namelen, &in->from) < 0)
		memset(&in->from, 0, sizeof(in->from));
}

static int receive(struct udp_rx *rx, int fd, unsigned max)
{
	ssize_t n;

	if (max > 1)
		return recvmmsg(fd, rx->msgs, max, MSG_DONTWAIT, NULL);
	n = recvmsg(fd, &rx->msgs[0].msg_hdr, MSG_DONTWAIT);
	if (n < 0)
		return -1;
	rx->msgs[0].msg_len = (unsigned)n;
	return 1;
}

int udp_rx_read(struct udp_rx *rx, int fd, unsigned max,
	struct udp_in **first)
{
	unsigned i;
	int n;

	if (max > UDP_BATCH)
		max = UDP_BATCH;
	if (max > udp_rx_room(rx))
		max = udp_rx_room(rx);
	if (max == 0)
		return 0;
	for (i = 0; i < max; i++)
		prepare(rx, i);
	n = receive(rx, fd, max);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (i = 0; i < (unsigned)n; i++)
		note(rx, i);
	*first = &rx->in[rx->used];
	rx->used += (unsigned)n;
	return n;
}

/* ---- sending ----------------------------------------------------------- */

struct item {
	int fd;
	bool *no_segment; /* borrowed */
	struct addr to;
	unsigned first; /* of its pieces */
	unsigned pieces;
	unsigned count;   /* datagrams */
	size_t segment;   /* length of each but the last */
	size_t len;       /* of all */
	bool is_closed;   /* the last one was shorter: nothing may follow */
};

struct udp_tx {
	struct item items[TX_ITEMS];
	unsigned item_count;
	struct iovec pieces[TX_PIECES];
	uint8_t heads[TX_PIECES][UDP_HEAD_MAX];
	unsigned piece_count;
	struct mmsghdr msgs[UDP_BATCH];
	union socket_name names[UDP_BATCH];
	union control control[UDP_BATCH];
	uint64_t sent;
	uint64_t failed;
};

int udp_tx_new(struct udp_tx **out)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? 0 : -ENOMEM;
}

void udp_tx_free(struct udp_tx *tx)
{
	free(tx);
}

void udp_tx_take_counts(struct udp_tx *tx, uint64_t *sent, uint64_t *failed)
{
	*sent = tx->sent;
	*failed = tx->failed;
	tx->sent = 0;
	tx->failed = 0;
}

/* May a datagram of len follow in the last item's run? */
static bool joins_run(const struct udp_tx *tx, const struct udp_to *to,
	size_t len)
{
	const struct item *it;

	if (tx->item_count == 0)
		return false;
	it = &tx->items[tx->item_count - 1];
	return it->fd == to->fd && !it->is_closed && !*to->no_segment &&
	    len > 0 && len <= it->segment && it->segment <= SEGMENT_MAX &&
	    it->count < SEGMENTS_MAX && it->len + len <= RUN_MAX &&
	    addr_eq(&it->to, to->addr);
}

static void add_piece(struct udp_tx *tx, struct item *it, const void *p,
	size_t len)
{
	struct iovec *v = &tx->pieces[tx->piece_count++];

	/* struct iovec serves both ways, so it has no const. */
	memcpy(&v->iov_base, &p, sizeof(p));
	v->iov_len = len;
	it->pieces++;
	it->len += len;
}

static struct item *add_item(struct udp_tx *tx, const struct udp_to *to,
	size_t len)
{
	struct item *it = &tx->items[tx->item_count++];

	it->fd = to->fd;
	it->no_segment = to->no_segment;
	it->to = *to->addr;
	it->first = tx->piece_count;
	it->pieces = 0;
	it->count = 0;
	it->segment = len;
	it->len = 0;
	it->is_closed = false;
	return it;
}

void udp_tx_add(struct udp_tx *tx, const struct udp_to *to,
	const struct udp_out *out)
{
	static const uint8_t zeros[UDP_PAD_MAX];
	size_t len = out->head_len + out->len + out->pad;
	struct item *it;
	uint8_t *head;

	if (tx->item_count == TX_ITEMS || tx->piece_count + 3 > TX_PIECES)
		udp_tx_flush(tx);
	if (joins_run(tx, to, len))
		it = &tx->items[tx->item_count - 1];
	else
		it = add_item(tx, to, len);
	it->count++;
	it->is_closed = len < it->segment;
	if (out->head_len > 0) {
		head = tx->heads[tx->piece_count];
		memcpy(head, out->head, out->head_len);
		add_piece(tx, it, head, out->head_len);
	}
	if (out->len > 0 || len == 0)
		add_piece(tx, it, out->data, out->len);
	if (out->pad > 0)
		add_piece(tx, it, zeros, out->pad);
}

static void fill_control(struct msghdr *h, union control *control,
	size_t segment)
{
	uint16_t value = (uint16_t)segment;
	struct cmsghdr *c;

	memset(control, 0, sizeof(*control));
	h->msg_control = control;
	h->msg_controllen = CMSG_SPACE(sizeof(value));
	c = CMSG_FIRSTHDR(h);
	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(value));
	memcpy(CMSG_DATA(c), &value, sizeof(value));
}

static socklen_t fill_name(union socket_name *name, const struct addr *a)
{
	memset(name, 0, sizeof(*name));
	if (a->family == 4) {
		name->in.sin_family = AF_INET;
		name->in.sin_port = htons(a->port);
		memcpy(&name->in.sin_addr, a->ip + 12, 4);
		return sizeof(name->in);
	}
	name->in6.sin6_family = AF_INET6;
	name->in6.sin6_port = htons(a->port);
	memcpy(&name->in6.sin6_addr, a->ip, 16);
	return sizeof(name->in6);
}

static void fill_message(struct udp_tx *tx, unsigned i,
	const struct item *it)
{
	struct msghdr *h = &tx->msgs[i].msg_hdr;

	memset(h, 0, sizeof(*h));
	h->msg_name = &tx->names[i];
	h->msg_namelen = fill_name(&tx->names[i], &it->to);
	h->msg_iov = &tx->pieces[it->first];
	h->msg_iovlen = it->pieces;
	if (it->count > 1)
		fill_control(h, &tx->control[i], it->segment);
}

/* How many pieces at `from` make up the next datagram of a run. */
static unsigned pieces_of_one(const struct udp_tx *tx, const struct item *it,
	unsigned from)
{
	unsigned end = it->first + it->pieces;
	unsigned n = 0;
	size_t len = 0;

	while (from + n < end && (len < it->segment || n == 0))
		len += tx->pieces[from + n++].iov_len;
	return n;
}

/* The path refused the run: each datagram by itself. */
static void send_apart(struct udp_tx *tx, const struct item *it)
{
	unsigned end = it->first + it->pieces;
	union socket_name name;
	unsigned at = it->first;
	struct msghdr h = {
		.msg_name = &name,
		.msg_namelen = fill_name(&name, &it->to),
	};

	while (at < end) {
		h.msg_iov = &tx->pieces[at];
		h.msg_iovlen = pieces_of_one(tx, it, at);
		at += (unsigned)h.msg_iovlen;
		if (sendmsg(it->fd, &h, MSG_DONTWAIT) < 0)
			tx->failed++;
		else
			tx->sent++;
	}
}

/* The first of the items could not be sent: why, and go on after it. */
static void on_refused(struct udp_tx *tx, const struct item *it, int err)
{
	if (it->count > 1 && (err == EINVAL || err == EIO ||
	    err == EMSGSIZE || err == EOPNOTSUPP)) {
		*it->no_segment = true;
		send_apart(tx, it);
		return;
	}
	tx->failed += it->count;
}

/* An ICMP error that an earlier datagram met is told by whatever call comes
 * next, once (ip(7), IP_RECVERR): nothing is wrong with this datagram. */
static bool may_be_of_another(int err)
{
	return err == ECONNREFUSED || err == EHOSTUNREACH ||
	    err == ENETUNREACH || err == EHOSTDOWN || err == ENOPROTOOPT ||
	    err == EPROTO || err == EOPNOTSUPP || err == EMSGSIZE ||
	    err == EACCES;
}

/* sendmmsg(2) stops at the first datagram that fails: skip it, go on. */
static void send_group(struct udp_tx *tx, const struct item *items,
	unsigned count)
{
	unsigned done = 0, i, failed_at = count;
	int n;

	for (i = 0; i < count; i++)
		fill_message(tx, i, &items[i]);
	while (done < count) {
		n = sendmmsg(items->fd, tx->msgs + done, count - done,
			MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && failed_at != done && may_be_of_another(errno)) {
			failed_at = done; /* once more */
			continue;
		}
		if (n < 0) {
			on_refused(tx, &items[done], errno);
			done++;
			continue;
		}
		for (i = 0; i < (unsigned)n; i++)
			tx->sent += items[done + i].count;
		done += (unsigned)n;
	}
}

void udp_tx_flush(struct udp_tx *tx)
{
	unsigned first = 0, n;

	while (first < tx->item_count) {
		const struct item *it = &tx->items[first];

		for (n = 1; first + n < tx->item_count && n < UDP_BATCH; n++)
			if (it[n].fd != it->fd)
				break;
		send_group(tx, it, n);
		first += n;
	}
	tx->item_count = 0;
	tx->piece_count = 0;
}

uint64_t udp_dropped(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0)
		return 0;
	return info[SK_MEMINFO_DROPS];
}
