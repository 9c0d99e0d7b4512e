/*
 * Connections that change their shard while the relay ends: they belong to
 * nobody for a moment, and are closed and freed all the same (R4). What
 * moving is good for is told by test_data_conn.c.
 */
#include "av-edge/shard.h"
#include "tests/unit/av-edge/tcp_bench.h"

#define OTHER_SHARD 1u /* the first connection is dealt to shard 0 */

static struct client a;

/* Nobody has such a connection, which it finds out there. */
static void asks_to_move(struct client *c)
{
	uint8_t room[64], tid[STUN_TID_LEN];
	struct stun_writer w;
	int len;

	stun_tid_new(tid);
	stun_write_begin(&w, &stun_rfc, room, sizeof(room), STUN_REQUEST,
		STUN_CONNECTION_BIND, tid);
	stun_write_number(&w, STUN_CONNECTION_ID, OTHER_SHARD << 26 | 1);
	len = stun_write_end(&w);
	lab_must(len > 0, "request");
	client_say(c, room, (size_t)len);
}

static void opens(void)
{
	struct stun_msg m;

	tcp_open(&a, "127.0.3.1:0", OUTSIDE, &alice);
	ck_assert_uint_eq(client_try(&a, &(struct request){
		.method = STUN_BINDING}, &m), 0);
}

/* The whole relay, and another one for the fixture. */
static void end_all(void)
{
	teardown();
	ck_assert(is_ended(a.fd, CLIENT_WAIT_MS));
	close(a.fd);
	setup();
}

START_TEST(test_R4_connection_about_to_leave_is_closed_at_the_end)
{
	opens();
	shard_stop(relay->shards[0]);
	asks_to_move(&a);
	end_all();
}
END_TEST

START_TEST(test_R4_connection_between_shards_is_closed_at_the_end)
{
	opens();
	shard_stop(relay->shards[OTHER_SHARD]);
	asks_to_move(&a);
	await_no_one(); /* it has left */
	end_all();
}
END_TEST

START_TEST(test_R4_connection_dealt_out_and_not_begun_is_closed_at_the_end)
{
	opens();
	close(a.fd);
	await_no_one();
	shard_stop(relay->shards[OTHER_SHARD]);
	tcp_open(&a, "127.0.3.1:0", OUTSIDE, &alice);
	nap(50);
	end_all();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_R4_connection_about_to_leave_is_closed_at_the_end,
		test_R4_connection_between_shards_is_closed_at_the_end,
		test_R4_connection_dealt_out_and_not_begun_is_closed_at_the_end,
	};

	return suite_run("tcp_move", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
