/*
 * Replay scripts (the folder tests/replay): what each party sends, and what
 * must arrive at another, octet for octet. Needs lab.h.
 *
 *	settings: allow_anonymous_users: true    first lines
 *	# a remark
 *	client >  sends what follows, up to a line with "." alone
 *	fe <      must get exactly what follows; parties are client, client2, fe
 *	client ~  nothing comes to it for a moment
 *	client !  it closes its connection
 *	client .  its connection is ended by the edge
 *	client *  it sends CR LF CR LF and gets CR LF
 *
 * {name} is a value that the edge makes: the first time it is whatever
 * stands there, from then on the same must stand there; in what is sent it
 * is put in. {hop}, {in}, {out} are ports of the lab, {me} and {me2} those
 * of the clients. {len} in what is sent is the length of the body.
 */
#ifndef TEST_ACCESS_EDGE_REPLAY_H
#define TEST_ACCESS_EDGE_REPLAY_H

#include "tests/unit/access-edge/lab.h"

#define REPLAY_NAMES 64
#define REPLAY_TEXT  16384

struct replay {
	struct lab lab;
	const char *path;
	FILE *file;
	unsigned line;
	struct {
		char name[32];
		char value[512];
	} names[REPLAY_NAMES];
	size_t name_count;
	struct party *client[2]; /* NULL until used */
	struct party *fe;
};

static inline const char *replay_value(const struct replay *r,
	const char *name, size_t n)
{
	for (size_t i = 0; i < r->name_count; i++) {
		if (strlen(r->names[i].name) == n &&
			strncmp(r->names[i].name, name, n) == 0)
			return r->names[i].value;
	}
	return NULL;
}

static inline void replay_set(struct replay *r, const char *name, size_t n,
	const char *value, size_t len)
{
	ck_assert_uint_lt(r->name_count, REPLAY_NAMES);
	ck_assert_uint_lt(n, sizeof(r->names[0].name));
	ck_assert_uint_lt(len, sizeof(r->names[0].value));
	snprintf(r->names[r->name_count].name, sizeof(r->names[0].name),
		"%.*s", (int)n, name);
	snprintf(r->names[r->name_count++].value,
		sizeof(r->names[0].value), "%.*s", (int)len, value);
}

static inline void replay_set_port(struct replay *r, const char *name,
	uint16_t port)
{
	char text[8];

	snprintf(text, sizeof(text), "%u", port);
	replay_set(r, name, strlen(name), text, strlen(text));
}

/* A block up to a line with nothing but a dot, with CR LF. */
static inline void replay_block(struct replay *r, char *out)
{
	char line[2048];
	size_t at = 0;

	while (fgets(line, sizeof(line), r->file) != NULL) {
		size_t n = strcspn(line, "\n");

		r->line++;
		if (strcmp(line, ".\n") == 0)
			break;
		ck_assert_uint_lt(at + n + 3, REPLAY_TEXT);
		at += (size_t)snprintf(out + at, REPLAY_TEXT - at,
			"%.*s\r\n", (int)n, line);
	}
	out[at] = '\0';
}

/* Put values in. */
static inline void replay_fill(struct replay *r, const char *in, char *out)
{
	const char *body = strstr(in, "\r\n\r\n");
	size_t at = 0;

	for (const char *p = in; *p != '\0'; p++) {
		size_t n = strcspn(p, "}");
		const char *value;

		if (*p != '{') {
			out[at++] = *p;
			continue;
		}
		if (strncmp(p, "{len}", 5) == 0) {
			at += (size_t)snprintf(out + at, 8, "%zu",
				strlen(body + 4));
		} else {
			value = replay_value(r, p + 1, n - 1);
			ck_assert_msg(value != NULL, "%s:%u: no %.*s}",
				r->path, r->line, (int)n, p);
			at += (size_t)snprintf(out + at, REPLAY_TEXT - at,
				"%s", value);
		}
		p += n;
	}
	out[at] = '\0';
}

/* Does the pattern match? Learns what it did not know. */
static inline bool replay_match(struct replay *r, const char *want,
	const char *got)
{
	const char *w = want, *g = got;

	while (*w != '\0') {
		size_t n = strcspn(w, "}"), len;
		const char *value;

		if (*w != '{') {
			if (*w++ != *g++)
				return false;
			continue;
		}
		value = replay_value(r, w + 1, n - 1);
		if (value == NULL) {
			len = strcspn(g, ";>\r@\"");
			if (len == 0)
				return false;
			replay_set(r, w + 1, n - 1, g, len);
		} else {
			len = strlen(value);
			if (strncmp(value, g, len) != 0)
				return false;
		}
		w += n + 1;
		g += len;
	}
	return *g == '\0';
}

static inline struct party *replay_party(struct replay *r, const char *who)
{
	size_t i = strcmp(who, "client2") == 0;

	if (strcmp(who, "fe") == 0)
		return r->fe;
	ck_assert_msg(strcmp(who, "client") == 0 || i == 1,
		"%s:%u: who is %s?", r->path, r->line, who);
	if (r->client[i] == NULL) {
		r->client[i] = party_client(&r->lab);
		replay_set_port(r, i == 0 ? "me" : "me2",
			stream_local(r->client[i]->stream)->port);
	}
	return r->client[i];
}

static inline void replay_step(struct replay *r, const char *who, char what)
{
	static char raw[REPLAY_TEXT], text[REPLAY_TEXT];
	struct party *p = replay_party(r, who);
	size_t pongs = p->pongs;

	switch (what) {
	case '>':
		replay_block(r, raw);
		replay_fill(r, raw, text);
		party_send(p, text);
		break;
	case '<':
		replay_block(r, raw);
		for (int i = 0; i < 500 && p->got == p->read; i++)
			loop_turn(r->lab.loop, 20);
		ck_assert_msg(p->got > p->read, "%s:%u: nothing came to %s",
			r->path, r->line, who);
		party_expect(p, "");
		ck_assert_msg(replay_match(r, raw, p->last),
			"%s:%u: %s got:\n%s\nand not:\n%s", r->path,
			r->line, who, p->last, raw);
		break;
	case '~':
		party_expect_silence(p, 60);
		break;
	case '!':
		party_close(p);
		turn_for_ms(r->lab.loop, 20);
		break;
	case '.':
		party_expect_end(p);
		break;
	case '*':
		party_send(p, "\r\n\r\n");
		TURN_UNTIL(r->lab.loop, p->pongs > pongs || p->is_ended);
		ck_assert_uint_eq(p->pongs, pongs + 1);
		break;
	default:
		ck_abort_msg("%s:%u: %c?", r->path, r->line, what);
	}
}

/* Plays the whole script; the recorder of signed fields runs with it. */
static inline void replay_run(const char *path)
{
	static struct replay room;
	struct replay *r = &room;
	char line[512], settings[1024] = "", who[16], what;

	memset(r, 0, sizeof(*r));
	r->path = path;
	r->file = fopen(path, "r");
	ck_assert_msg(r->file != NULL, "%s can't be read", path);
	while (fgets(line, sizeof(line), r->file) != NULL) {
		static const char head[] = "settings: ";

		r->line++;
		if (strncmp(line, head, sizeof(head) - 1) == 0) {
			snprintf(settings + strlen(settings),
				sizeof(settings) - strlen(settings), "%s    %s",
				settings[0] == '\0' ?
				"settings:\n  access-edge:\n" : "",
				line + sizeof(head) - 1);
			continue;
		}
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (r->fe == NULL) {
			r->fe = lab_start(&r->lab, settings);
			replay_set_port(r, "hop", r->lab.hop_port);
			replay_set_port(r, "in", r->lab.inside.port);
			replay_set_port(r, "out", r->lab.outside.port);
		}
		ck_assert_msg(sscanf(line, "%15s %c", who, &what) == 2,
			"%s:%u: %s", path, r->line, line);
		replay_step(r, who, what);
	}
	fclose(r->file);
	ck_assert_uint_gt(r->lab.recorder->compared, 0);
	lab_fini(&r->lab);
}

#endif
