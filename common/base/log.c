/*
 * Log lines: built on the stack, made harmless, written with one write(2)
 * so that threads and processes on one stderr never mix their lines. Where
 * the lines end up is the supervisor's affair.
 */
#include "common/base/log.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"

/* One write up to this size is not torn, on a pipe either. */
#define LINE_CAP PIPE_BUF

#define QUOTE_MAX     200
#define QUOTE_BUFFERS 8
#define LIMITS_MAX    128 /* different events that log_limited() tells apart */
#define LIMIT_MS      60000

struct level_row {
	const char *name;
	char priority; /* of sd-daemon(3) */
};

static const struct level_row LEVELS[] = {
	[LOG_LEVEL_ERROR] = {"error", '3'},
	[LOG_LEVEL_WARNING] = {"warning", '4'},
	[LOG_LEVEL_NOTICE] = {"notice", '5'},
	[LOG_LEVEL_INFO] = {"info", '6'},
	[LOG_LEVEL_DEBUG] = {"debug", '7'},
};

struct limit {
	const char *event; /* NULL = free */
	struct mono since;
	unsigned count;      /* lines in this minute */
	unsigned suppressed; /* and those left out since the last line */
};

static const char *log_name = "";
static atomic_bool to_journal;
static atomic_int level_now = LOG_LEVEL_INFO;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Under the lock: */
static struct limit limits[LIMITS_MAX];
static void (*capture_fn)(const char *line, void *arg);
static void *capture_arg;

void log_init(const char *name, enum log_level level, bool journal)
{
	log_name = name;
	atomic_store(&to_journal, journal);
	log_set_level(level);
}

void log_set_level(enum log_level level)
{
	atomic_store(&level_now, (int)level);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load_explicit(&level_now,
		memory_order_relaxed);
}

int log_level_parse(const char *text, enum log_level *out)
{
	for (size_t i = 0; i < ARRAY_COUNT(LEVELS); i++) {
		if (str_ieq_z(str_of(LEVELS[i].name), text)) {
			*out = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

void log_capture(void (*fn)(const char *line, void *arg), void *arg)
{
	pthread_mutex_lock(&lock);
	capture_fn = fn;
	capture_arg = arg;
	pthread_mutex_unlock(&lock);
}

/* A line under construction; len never passes cap. */
struct line {
	char text[LINE_CAP + 1];
	size_t len;
};

static void EDGE_PRINTF(2, 0)
	add_v(struct line *line, const char *fmt, va_list ap)
{
	size_t room = LINE_CAP - line->len; /* the newline has its own byte */
	int n = vsnprintf(line->text + line->len, room, fmt, ap);

	if (n < 0)
		return;
	if ((size_t)n < room) {
		line->len += (size_t)n;
		return;
	}
	line->len = LINE_CAP - 1;
	memcpy(line->text + line->len - 3, "...", 3);
}

static void EDGE_PRINTF(2, 3)
	add(struct line *line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_v(line, fmt, ap);
	va_end(ap);
}

/* Whatever a value held: one record stays one line (threats S2, S16). */
static void clean(struct line *line, size_t from)
{
	for (size_t i = from; i < line->len; i++) {
		unsigned char c = (unsigned char)line->text[i];

		if (c < 0x20 || c == 0x7f)
			line->text[i] = '?';
	}
}

/* What only a line on a bare stderr needs: the journal knows the rest. */
static void add_origin(struct line *line, enum log_level level)
{
	int64_t now_ms;
	char when[WALL_TEXT_LEN];

	if (atomic_load_explicit(&to_journal, memory_order_relaxed)) {
		add(line, "<%c>", LEVELS[level].priority);
		return;
	}
	now_ms = wall_now_ms();
	wall_text((struct wall){now_ms / 1000}, when);
	add(line, "%.19s.%03dZ ", when, (int)(now_ms % 1000));
	if (log_name[0] != '\0')
		add(line, "%s ", log_name);
}

static void write_all(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* there is nobody left to tell */
		text += n;
		len -= (size_t)n;
	}
}

static void EDGE_PRINTF(4, 0)
	emit(enum log_level level, const char *event, unsigned suppressed,
		const char *fmt, va_list ap)
{
	struct line line;
	void (*fn)(const char *, void *);
	void *arg;
	size_t body;
	int saved = errno;

	line.len = 0;
	pthread_mutex_lock(&lock);
	fn = capture_fn;
	arg = capture_arg;
	pthread_mutex_unlock(&lock);

	if (fn == NULL)
		add_origin(&line, level);
	body = line.len;
	add(&line, "%s event=%s", LEVELS[level].name, event);
	if (suppressed > 0)
		add(&line, " suppressed=%u", suppressed);
	if (fmt[0] != '\0') {
		add(&line, " ");
		add_v(&line, fmt, ap);
	}
	clean(&line, body);
	if (fn != NULL) {
		line.text[line.len] = '\0';
		fn(line.text, arg);
	} else {
		line.text[line.len++] = '\n';
		write_all(line.text, line.len);
	}
	errno = saved;
}

void log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	va_list ap;

	if (level > log_get_level())
		return;
	va_start(ap, fmt);
	emit(level, event, 0, fmt, ap);
	va_end(ap);
}

/* The row of this event. When there are too many events, the last row is
 * shared: more is left out then, never less. */
static struct limit *find_limit(const char *event)
{
	size_t i = 0;

	while (i < LIMITS_MAX - 1 && limits[i].event != NULL &&
		strcmp(limits[i].event, event) != 0)
		i++;
	limits[i].event = event;
	return &limits[i];
}

/* May this line go out; *suppressed = lines left out before it. */
static bool pass_limit(const char *event, unsigned per_minute,
	unsigned *suppressed)
{
	struct mono now = mono_now();
	struct limit *limit;
	bool pass;

	pthread_mutex_lock(&lock);
	limit = find_limit(event);
	if (limit->count == 0 || mono_since_ms(limit->since, now) >= LIMIT_MS) {
		limit->since = now;
		limit->count = 0;
	}
	pass = limit->count < per_minute;
	if (pass) {
		limit->count++;
		*suppressed = limit->suppressed;
		limit->suppressed = 0;
	} else if (limit->suppressed < UINT_MAX) {
		limit->suppressed++;
	}
	pthread_mutex_unlock(&lock);
	return pass;
}

void log_limited(enum log_level level, unsigned per_minute,
	const char *event, const char *fmt, ...)
{
	unsigned suppressed = 0;
	va_list ap;

	if (level > log_get_level() ||
		!pass_limit(event, per_minute, &suppressed))
		return;
	va_start(ap, fmt);
	emit(level, event, suppressed, fmt, ap);
	va_end(ap);
}

/* One byte as it may stand between quotes; returns its length. */
static size_t escape(unsigned char c, char *out)
{
	static const char DIGITS[] = "0123456789abcdef";

	if (c == '"' || c == '\\') {
		out[0] = '\\';
		out[1] = (char)c;
		return 2;
	}
	/* Bytes above ASCII too: a terminal may take them for commands. */
	if (c < 0x20 || c >= 0x7f) {
		out[0] = '\\';
		out[1] = 'x';
		out[2] = DIGITS[c >> 4];
		out[3] = DIGITS[c & 15];
		return 4;
	}
	out[0] = (char)c;
	return 1;
}

const char *log_q(struct str s)
{
	/* Two quotes, each byte as \xNN at worst, "..." and NUL. */
	static _Thread_local char buffers[QUOTE_BUFFERS][QUOTE_MAX * 4 + 6];
	static _Thread_local unsigned turn;
	char *out = buffers[turn++ % QUOTE_BUFFERS];
	size_t n = 0;

	out[n++] = '"';
	for (size_t i = 0; i < s.n && i < QUOTE_MAX; i++)
		n += escape((unsigned char)s.p[i], out + n);
	if (s.n > QUOTE_MAX) {
		memcpy(out + n, "...", 3);
		n += 3;
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}

const char *log_qz(const char *text)
{
	return log_q(str_of(text));
}
