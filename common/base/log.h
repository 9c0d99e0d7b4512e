/*
 * One event, one line, logfmt, on stderr:
 *   level event=noun.verb key=value key="quoted value"
 * behind "<n>" for the journal, or behind time and name where there is none.
 * The format string starts with the event name; values from the network go
 * through log_q(), which quotes and escapes them (threat S16).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/str.h"

enum log_level {
	LOG_LEVEL_ERROR,   /* a person must act */
	LOG_LEVEL_WARNING, /* someone will have to */
	LOG_LEVEL_NOTICE,  /* life of the daemon */
	LOG_LEVEL_INFO,    /* life of a session */
	LOG_LEVEL_DEBUG,   /* per message */
};

/* name is borrowed for ever. journal: prefix "<n>" for sd-daemon. */
void log_init(const char *name, enum log_level level, bool journal);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* "error" .. "debug"; -EINVAL. */
EDGE_MUST int log_level_parse(const char *text, enum log_level *out);

/* event: literal "noun.verb"; fmt: "key=value ..." of safe values. */
void log_event(enum log_level level, const char *event, const char *fmt, ...)
	EDGE_PRINTF(3, 4);

#define log_error(event, ...)   log_event(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define log_warning(event, ...) \
	log_event(LOG_LEVEL_WARNING, event, __VA_ARGS__)
#define log_notice(event, ...)  log_event(LOG_LEVEL_NOTICE, event, __VA_ARGS__)
#define log_info(event, ...)    log_event(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...)   log_event(LOG_LEVEL_DEBUG, event, __VA_ARGS__)

/* A line that a peer can cause at will: at most `per_minute` of this event
 * each minute; what was left out is told with suppressed=N on the next. */
void log_limited(enum log_level level, unsigned per_minute,
	const char *event, const char *fmt, ...) EDGE_PRINTF(4, 5);

/* Quoted and escaped, cut at 200 characters, in one of 8 thread-local
 * buffers: valid until the eighth call after this one. */
const char *log_q(struct str s);
const char *log_qz(const char *text);

/* Tests: lines go to fn instead of stderr; NULL ends it. */
void log_capture(void (*fn)(const char *line, void *arg), void *arg);

#endif
