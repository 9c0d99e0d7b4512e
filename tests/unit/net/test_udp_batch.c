/* Batches of datagrams over loopback: all arrive, in order, unglued. */
#include <check.h>
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/net/udp.h"
#include "common/net/udp_batch.h"

static struct udp_rx *rx;
static struct udp_tx *tx;
static int from_fd, to_fd;
static struct addr to_addr, from_addr;
static bool no_segment;

static int open_on(const char *at, bool gro, struct addr *name)
{
	struct udp_spec spec = {.gro = gro, .buffer_bytes = 1 << 20};
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct why why = {""};
	int fd;

	ck_assert_int_eq(addr_parse_z(at, 0, &spec.address), 0);
	fd = udp_open(&spec, &why);
	ck_assert_msg(fd >= 0, "%s", why.text);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&ss, len,
				 name), 0);
	return fd;
}

static void setup(void)
{
	ck_assert_int_eq(udp_rx_new(&rx, 100), 0);
	ck_assert_int_eq(udp_tx_new(&tx), 0);
	from_fd = open_on("127.0.0.1", false, &from_addr);
	to_fd = open_on("127.0.0.1", true, &to_addr);
	no_segment = false;
}

static void teardown(void)
{
	udp_rx_free(rx);
	udp_tx_free(tx);
	close(from_fd);
	close(to_fd);
}

static struct udp_to target(void)
{
	return (struct udp_to){.fd = from_fd, .no_segment = &no_segment,
		.addr = &to_addr};
}

static void add(const char *head, const char *data, size_t pad)
{
	const struct udp_to to = target();
	const struct udp_out out = {
		.head = head,
		.head_len = strlen(head),
		.data = data,
		.len = strlen(data),
		.pad = pad,
	};

	udp_tx_add(tx, &to, &out);
}

/* Datagrams as the socket's owner sees them, taken apart. */
static unsigned read_all(char texts[][64], unsigned cap)
{
	struct pollfd p = {.fd = to_fd, .events = POLLIN};
	unsigned count = 0;
	struct udp_in *in;
	int n, i;

	while (count < cap && poll(&p, 1, 100) > 0) {
		udp_rx_reset(rx);
		n = udp_rx_read(rx, to_fd, UDP_BATCH, &in);
		ck_assert_int_gt(n, 0);
		for (i = 0; i < n; i++) {
			size_t at = 0;

			ck_assert(addr_eq(&in[i].from, &from_addr));
			do {
				size_t len = in[i].len - at < in[i].segment ?
					in[i].len - at : in[i].segment;

				ck_assert_uint_lt(len, 64);
				memcpy(texts[count], in[i].data + at, len);
				texts[count++][len] = '\0';
				at += len;
			} while (at < in[i].len);
		}
	}
	return count;
}

START_TEST(test_head_payload_and_padding_are_one_datagram)
{
	static char texts[4][64];

	add("head", "payload", 2);
	add("", "bare", 0);
	add("h", "", 0);
	add("", "", 0);
	udp_tx_flush(tx);
	ck_assert_uint_eq(read_all(texts, 4), 4);
	ck_assert_mem_eq(texts[0], "headpayload\0\0", 14);
	ck_assert_str_eq(texts[1], "bare");
	ck_assert_str_eq(texts[2], "h");
	ck_assert_str_eq(texts[3], "");
}
END_TEST

static void send_many(unsigned count, bool same_size)
{
	static char data[1000][32];
	uint64_t sent, failed;
	unsigned i;

	for (i = 0; i < count; i++) {
		snprintf(data[i], sizeof(data[i]), "%08u%s", i,
			same_size || i % 3 ? "" : "-and-more");
		add(i % 2 ? "HEAD" : "TAIL", data[i], 0);
	}
	udp_tx_flush(tx);
	udp_tx_take_counts(tx, &sent, &failed);
	ck_assert_uint_eq(sent, count);
	ck_assert_uint_eq(failed, 0);
}

static void check_many(unsigned count)
{
	static char texts[1000][64];
	unsigned i;

	ck_assert_uint_eq(read_all(texts, count), count);
	for (i = 0; i < count; i++) {
		ck_assert_int_eq(strncmp(texts[i], i % 2 ? "HEAD" : "TAIL", 4),
			0);
		ck_assert_int_eq(atoi(texts[i] + 4), (int)i);
	}
}

START_TEST(test_equal_ones_in_a_row_arrive_as_they_were)
{
	send_many(1000, true);
	check_many(1000);
}
END_TEST

START_TEST(test_unequal_ones_arrive_as_they_were)
{
	send_many(1000, false);
	check_many(1000);
}
END_TEST

START_TEST(test_socket_that_refused_runs_gets_single_ones)
{
	no_segment = true;
	send_many(300, true);
	check_many(300);
}
END_TEST

/* A path that refuses UDP_SEGMENT: a run longer than the device takes. */
START_TEST(test_refused_run_is_sent_apart_and_remembered)
{
	static char data[3][1452];
	const struct udp_to to = target();
	int one = 1;
	uint64_t sent, failed;
	unsigned i;

	/* Sending without checksums and runs exclude each other. */
	ck_assert_int_eq(setsockopt(from_fd, SOL_SOCKET, SO_NO_CHECK, &one,
				 sizeof(one)), 0);
	for (i = 0; i < 3; i++) {
		const struct udp_out out = {.data = data[i],
			.len = sizeof(data[i])};

		udp_tx_add(tx, &to, &out);
	}
	udp_tx_flush(tx);
	udp_tx_take_counts(tx, &sent, &failed);
	ck_assert_uint_eq(sent, 3);
	ck_assert_uint_eq(failed, 0);
	ck_assert(no_segment);
}
END_TEST

START_TEST(test_one_that_fails_does_not_stop_the_others)
{
	static char texts[2][64];
	struct addr nowhere = {.family = 4, .ip = {[10] = 255, 255, 255, 255,
		255, 255}, .port = 9};
	const struct udp_to bad = {.fd = from_fd, .no_segment = &no_segment,
		.addr = &nowhere}; /* broadcast is not allowed */
	uint64_t sent, failed;

	add("", "first", 0);
	udp_tx_add(tx, &bad, &(struct udp_out){.data = "x", .len = 1});
	add("", "last", 0);
	udp_tx_flush(tx);
	udp_tx_take_counts(tx, &sent, &failed);
	ck_assert_uint_eq(sent, 2);
	ck_assert_uint_eq(failed, 1);
	ck_assert_uint_eq(read_all(texts, 2), 2);
	ck_assert_str_eq(texts[0], "first");
	ck_assert_str_eq(texts[1], "last");
}
END_TEST

/* With IP_RECVERR the next call is told what the one before met: nobody is
 * at a port, and the datagram for another must still leave. */
START_TEST(test_error_of_one_datagram_costs_no_other)
{
	static char texts[16][64];
	const int on = 1;
	struct addr closed;
	int fd = open_on("127.0.0.1", false, &closed);
	struct udp_to to = target();
	const struct udp_out out = {.data = "x", .len = 1};
	uint64_t sent, failed;
	unsigned i;

	close(fd);
	ck_assert_int_eq(setsockopt(from_fd, IPPROTO_IP, IP_RECVERR, &on,
		sizeof(on)), 0);
	to.addr = &closed;
	for (i = 0; i < 5; i++) {
		udp_tx_add(tx, &to, &out);
		udp_tx_flush(tx);
		add("", "for another", 0);
		udp_tx_flush(tx);
	}
	udp_tx_take_counts(tx, &sent, &failed);
	ck_assert_uint_eq(sent, 10);
	ck_assert_uint_eq(failed, 0);
	ck_assert_uint_eq(read_all(texts, 5), 5);
}
END_TEST

START_TEST(test_reading_stops_at_the_room)
{
	struct udp_in *in;
	unsigned i, got = 0;

	ck_assert_uint_eq(udp_rx_room(rx), 128);
	no_segment = true;
	send_many(200, false);
	for (i = 0; i < 10; i++) {
		int n = udp_rx_read(rx, to_fd, UDP_BATCH, &in);

		ck_assert_int_ge(n, 0);
		got += (unsigned)n;
	}
	ck_assert_uint_eq(got, 128);
	ck_assert_uint_eq(udp_rx_room(rx), 0);
	udp_rx_reset(rx);
	ck_assert_int_gt(udp_rx_read(rx, to_fd, 1, &in), 0);
}
END_TEST

START_TEST(test_empty_socket_gives_nothing_and_a_bad_one_an_error)
{
	struct udp_in *in;

	ck_assert_int_eq(udp_rx_read(rx, to_fd, 1, &in), 0);
	ck_assert_int_eq(udp_rx_read(rx, to_fd, 8, &in), 0);
	ck_assert_int_eq(udp_rx_read(rx, -1, 8, &in), -EBADF);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("udp_batch");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failures;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_head_payload_and_padding_are_one_datagram);
	tcase_add_test(t, test_equal_ones_in_a_row_arrive_as_they_were);
	tcase_add_test(t, test_unequal_ones_arrive_as_they_were);
	tcase_add_test(t, test_socket_that_refused_runs_gets_single_ones);
	tcase_add_test(t, test_refused_run_is_sent_apart_and_remembered);
	tcase_add_test(t, test_one_that_fails_does_not_stop_the_others);
	tcase_add_test(t, test_error_of_one_datagram_costs_no_other);
	tcase_add_test(t, test_reading_stops_at_the_room);
	tcase_add_test(t,
		test_empty_socket_gives_nothing_and_a_bad_one_an_error);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}
