/* Tests of common/base/log.c: one event stays one line, whatever it holds. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "common/base/clock.h"
#include "common/base/log.h"

static char last[PIPE_BUF + 1];
static unsigned lines;

static void keep(const char *line, void *arg)
{
	ck_assert_ptr_eq(arg, &lines);
	strcpy(last, line);
	lines++;
}

static void start_capture(enum log_level level)
{
	log_init("test", level, true);
	log_capture(keep, &lines);
	lines = 0;
	last[0] = '\0';
}

START_TEST(test_log_line_has_level_event_and_keys)
{
	start_capture(LOG_LEVEL_INFO);
	log_info("session.closed", "session=%d reason=%s", 7, "idle");
	ck_assert_str_eq(last,
		"info event=session.closed session=7 reason=idle");
}
END_TEST

START_TEST(test_log_levels_filter)
{
	start_capture(LOG_LEVEL_NOTICE);
	log_info("session.closed", "session=%d", 7);
	log_debug("message.seen", "session=%d", 7);
	ck_assert_uint_eq(lines, 0);
	log_notice("daemon.ready", "pid=%d", 1);
	log_warning("certificate.old", "days_left=%d", 3);
	log_error("port.lost", "port=%d", 443);
	ck_assert_uint_eq(lines, 3);
	ck_assert_int_eq(log_get_level(), LOG_LEVEL_NOTICE);
}
END_TEST

START_TEST(test_log_level_names)
{
	enum log_level level = LOG_LEVEL_INFO;

	ck_assert_int_eq(log_level_parse("debug", &level), 0);
	ck_assert_int_eq(level, LOG_LEVEL_DEBUG);
	ck_assert_int_eq(log_level_parse("Error", &level), 0);
	ck_assert_int_eq(level, LOG_LEVEL_ERROR);
	ck_assert_int_eq(log_level_parse("loud", &level), -EINVAL);
	ck_assert_int_eq(log_level_parse("", &level), -EINVAL);
	ck_assert_int_eq(level, LOG_LEVEL_ERROR);
}
END_TEST

START_TEST(test_S16_values_can_not_add_a_line_or_a_key)
{
	start_capture(LOG_LEVEL_INFO);
	log_info("user.refused", "user=%s",
		log_qz("a\" level=error\r\nevent=fake\\"));
	ck_assert_str_eq(last, "info event=user.refused user="
		"\"a\\\" level=error\\x0d\\x0aevent=fake\\\\\"");
	ck_assert_uint_eq(lines, 1);
}
END_TEST

START_TEST(test_S16_every_byte_is_quoted_harmlessly)
{
	for (int c = 0; c < 256; c++) {
		char byte = (char)c;
		const char *q = log_q((struct str){&byte, 1});

		ck_assert_int_eq(q[0], '"');
		ck_assert_int_eq(q[strlen(q) - 1], '"');
		for (size_t i = 0; q[i] != '\0'; i++)
			ck_assert(q[i] >= 0x20 && q[i] < 0x7f);
		if (c < 0x20 || c >= 0x7f)
			ck_assert_uint_eq(strlen(q), 6);
	}
}
END_TEST

START_TEST(test_S2_raw_control_bytes_never_leave)
{
	start_capture(LOG_LEVEL_INFO);
	log_info("peer.spoke", "a=%s b=%d", "x\ny\r\x1b[2J\x7f", 1);
	ck_assert_str_eq(last, "info event=peer.spoke a=x?y??[2J? b=1");
}
END_TEST

START_TEST(test_T16_format_letters_in_values_are_text)
{
	start_capture(LOG_LEVEL_INFO);
	log_info("user.refused", "user=%s", log_qz("%n%s%1000000d"));
	ck_assert_str_eq(last,
		"info event=user.refused user=\"%n%s%1000000d\"");
}
END_TEST

START_TEST(test_log_quotes_cut_at_200)
{
	char big[300];
	const char *q;

	memset(big, 'x', sizeof(big));
	q = log_q((struct str){big, 200});
	ck_assert_uint_eq(strlen(q), 202);
	q = log_q((struct str){big, 201});
	ck_assert_uint_eq(strlen(q), 205);
	ck_assert_str_eq(q + 200, "x...\"");
	memset(big, '\xff', sizeof(big));
	q = log_q((struct str){big, 300});
	ck_assert_uint_eq(strlen(q), 805);
	ck_assert_str_eq(log_qz(NULL), "\"\"");
}
END_TEST

START_TEST(test_log_eight_quotes_live_side_by_side)
{
	const char *q[8];

	for (int i = 0; i < 8; i++) {
		char digit = (char)('0' + i);

		q[i] = log_q((struct str){&digit, 1});
	}
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(q[i][1], '0' + i);
}
END_TEST

START_TEST(test_log_too_long_is_cut_visibly)
{
	char big[3 * PIPE_BUF];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	start_capture(LOG_LEVEL_INFO);
	log_info("big.seen", "value=%s more=%d", big, 1);
	ck_assert_uint_lt(strlen(last), PIPE_BUF);
	ck_assert_str_eq(last + strlen(last) - 4, "x...");
}
END_TEST

START_TEST(test_log_limited_tells_what_it_left_out)
{
	clock_fake(1000, 1772366400000);
	start_capture(LOG_LEVEL_INFO);
	for (int i = 0; i < 100; i++)
		log_limited(LOG_LEVEL_INFO, 5, "peer.noise", "n=%d", i);
	ck_assert_uint_eq(lines, 5);
	log_limited(LOG_LEVEL_INFO, 5, "other.noise", "n=%d", 0);
	ck_assert_uint_eq(lines, 6);
	clock_fake_advance(60000);
	log_limited(LOG_LEVEL_INFO, 5, "peer.noise", "n=%d", 100);
	ck_assert_str_eq(last,
		"info event=peer.noise suppressed=95 n=100");
	log_limited(LOG_LEVEL_INFO, 5, "peer.noise", "n=%d", 101);
	ck_assert_str_eq(last, "info event=peer.noise n=101");
	clock_real();
}
END_TEST

START_TEST(test_log_limited_survives_many_events)
{
	static char names[500][24];

	start_capture(LOG_LEVEL_INFO);
	for (int i = 0; i < 500; i++) {
		snprintf(names[i], sizeof(names[i]), "noise.n%d", i);
		log_limited(LOG_LEVEL_INFO, 1, names[i], "n=%d", i);
	}
	ck_assert_uint_ge(lines, 100);
	ck_assert_uint_le(lines, 128);
}
END_TEST

/* Run body with stderr in a pipe; returns what came out. */
static size_t through_pipe(void (*body)(void), char *out, size_t cap)
{
	int fds[2], old = dup(STDERR_FILENO);
	size_t len = 0;
	ssize_t n;

	log_capture(NULL, NULL);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	fcntl(fds[1], F_SETPIPE_SZ, 1 << 20);
	dup2(fds[1], STDERR_FILENO);
	body();
	dup2(old, STDERR_FILENO);
	close(fds[1]);
	close(old);
	while (len < cap - 1 && (n = read(fds[0], out + len,
			cap - 1 - len)) > 0)
		len += (size_t)n;
	close(fds[0]);
	out[len] = '\0';
	return len;
}

static void say_once(void)
{
	errno = ENOENT;
	log_notice("daemon.ready", "pid=%d", 1);
	ck_assert_int_eq(errno, ENOENT);
}

START_TEST(test_log_line_opens_as_its_reader_wants)
{
	char out[200];

	log_init("av-edge", LOG_LEVEL_INFO, true);
	through_pipe(say_once, out, sizeof(out));
	ck_assert_str_eq(out, "<5>notice event=daemon.ready pid=1\n");
	clock_fake(1, 1772366400042);
	log_init("av-edge", LOG_LEVEL_INFO, false);
	through_pipe(say_once, out, sizeof(out));
	ck_assert_str_eq(out, "2026-03-01T12:00:00.042Z av-edge notice "
		"event=daemon.ready pid=1\n");
	clock_real();
}
END_TEST

static void *say_much(void *arg)
{
	for (int i = 0; i < 100; i++)
		log_info("thread.spoke", "text=%s", (const char *)arg);
	return NULL;
}

static void say_from_threads(void)
{
	static char texts[4][1001];
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		memset(texts[i], 'a' + i, 1000);
		pthread_create(&threads[i], NULL, say_much, texts[i]);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

START_TEST(test_log_threads_do_not_mix_lines)
{
	size_t cap = 2 << 20;
	char *out = malloc(cap);
	char *save = NULL;
	size_t count = 0;

	log_init("test", LOG_LEVEL_INFO, true);
	through_pipe(say_from_threads, out, cap);
	for (char *line = strtok_r(out, "\n", &save); line != NULL;
		line = strtok_r(NULL, "\n", &save)) {
		char *text = strstr(line, "text=");

		ck_assert_ptr_nonnull(text);
		text += 5;
		ck_assert_uint_eq(strlen(text), 1000);
		ck_assert_uint_eq(strspn(text, (char[]){text[0], '\0'}),
			1000);
		count++;
	}
	ck_assert_uint_eq(count, 400);
	free(out);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/log");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_log_line_has_level_event_and_keys);
	tcase_add_test(tc, test_log_levels_filter);
	tcase_add_test(tc, test_log_level_names);
	tcase_add_test(tc, test_S16_values_can_not_add_a_line_or_a_key);
	tcase_add_test(tc, test_S16_every_byte_is_quoted_harmlessly);
	tcase_add_test(tc, test_S2_raw_control_bytes_never_leave);
	tcase_add_test(tc, test_T16_format_letters_in_values_are_text);
	tcase_add_test(tc, test_log_quotes_cut_at_200);
	tcase_add_test(tc, test_log_eight_quotes_live_side_by_side);
	tcase_add_test(tc, test_log_too_long_is_cut_visibly);
	tcase_add_test(tc, test_log_limited_tells_what_it_left_out);
	tcase_add_test(tc, test_log_limited_survives_many_events);
	tcase_add_test(tc, test_log_line_opens_as_its_reader_wants);
	tcase_add_test(tc, test_log_threads_do_not_mix_lines);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
