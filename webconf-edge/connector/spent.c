/*
 * The files. Lives here: records, their order on disk, when a file is old.
 * Does not live here: which tickets are used or revoked (mint.c). A record:
 * "WCS1", kind, three zeros, until when (Unix seconds, 64 bits), ticket id.
 */
#include "webconf-edge/connector/spent.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"

#define READ_COUNT 128 /* records at once */

static_assert(16 + TICKET_ID_LEN == SPENT_LEN, "a record is full");

static const uint8_t MARKS[][8] = {
	[SPENT_USED] = "WCS1\1\0\0",
	[SPENT_REVOKED] = "WCS1\2\0\0",
};

/* ---- reading ------------------------------------------------------------- */

struct reader {
	struct ticket_set *used;
	struct ticket_set *revoked;
	struct wall now;
	int64_t until_s; /* the latest so far */
};

static void take_record(struct reader *r, const uint8_t *record)
{
	struct wall until = {(int64_t)buf_load_u64(record + 8)};
	struct ticket_set *set;

	if (memcmp(record, MARKS[SPENT_USED], 8) == 0)
		set = r->used;
	else if (memcmp(record, MARKS[SPENT_REVOKED], 8) == 0)
		set = r->revoked;
	else
		return;
	if (until.s < r->now.s)
		return;
	/* No ticket lives longer: else it would keep its file for ever. */
	if (until.s > r->now.s + 3 * TICKET_LIFE_MAX_S)
		return;
	if (until.s > r->until_s)
		r->until_s = until.s;
	/* Full as it was then, or there twice. */
	(void)!ticket_set_add(set, record + 16, until, r->now);
}

/* How many bytes of whole records there were. */
static ssize_t read_file(struct reader *r, int fd)
{
	uint8_t room[READ_COUNT * SPENT_LEN];
	size_t done = 0, len = 0, at;
	ssize_t n;

	while ((n = read(fd, room + len, sizeof(room) - len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		for (at = 0; at + SPENT_LEN <= len; at += SPENT_LEN)
			take_record(r, room + at);
		memmove(room, room + at, len - at);
		len -= at;
		done += at;
	}
	return (ssize_t)done;
}

static int open_current(struct spent *s, struct reader *r)
{
	ssize_t len;

	s->fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->fd < 0)
		return -errno;
	r->until_s = 0;
	len = read_file(r, s->fd);
	if (len < 0)
		return (int)len;
	s->count = (size_t)len / SPENT_LEN;
	s->until_s = r->until_s;
	return 0;
}

static int read_old(struct spent *s, struct reader *r)
{
	int fd = open(s->old_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t len;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r->until_s = 0;
	len = read_file(r, fd);
	close(fd);
	s->old_until_s = r->until_s;
	return len < 0 ? (int)len : 0;
}

int spent_open(struct spent *s, const char *folder, struct ticket_set *used,
	struct ticket_set *revoked, struct wall now, struct why *why)
{
	struct reader r = {.used = used, .revoked = revoked, .now = now};
	int err;

	*s = (struct spent){.fd = -1};
	if (snprintf(s->path, sizeof(s->path), "%s/" SPENT_FILE, folder) >=
		(int)sizeof(s->path) ||
	    snprintf(s->old_path, sizeof(s->old_path), "%s/" SPENT_OLD_FILE,
		folder) >= (int)sizeof(s->old_path))
		return why_set(why, -ENAMETOOLONG, "%s: is too long", folder);
	err = read_old(s, &r);
	if (err < 0)
		return why_set(why, err, "%s: %s", s->old_path, err_text(err));
	err = open_current(s, &r);
	if (err < 0)
		return why_set(why, err, "%s: %s", s->path, err_text(err));
	return 0;
}

void spent_close(struct spent *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* ---- writing ------------------------------------------------------------- */

/* On failure the file goes on as it is. */
static int begin_another(struct spent *s)
{
	int fd;

	if (rename(s->path, s->old_path) < 0)
		return -errno;
	fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		0600);
	if (fd < 0) {
		int err = -errno;

		(void)!rename(s->old_path, s->path);
		return err;
	}
	close(s->fd);
	s->fd = fd;
	s->count = 0;
	s->old_until_s = s->until_s;
	s->until_s = 0;
	return 0;
}

int spent_note(struct spent *s, enum spent_kind kind,
	const uint8_t id[static TICKET_ID_LEN], struct wall until,
	struct wall now)
{
	uint8_t record[SPENT_LEN];
	ssize_t n;

	if (s->count >= SPENT_SEGMENT && s->old_until_s < now.s)
		(void)!begin_another(s);
	memcpy(record, MARKS[kind], 8);
	buf_store_u64(record + 8, (uint64_t)until.s);
	memcpy(record + 16, id, TICKET_ID_LEN);
	/* Over half a record, which a disk that was full may have left. */
	if (lseek(s->fd, (off_t)(s->count * SPENT_LEN), SEEK_SET) < 0)
		return -errno;
	n = write(s->fd, record, sizeof(record));
	if (n != (ssize_t)sizeof(record))
		return n < 0 ? -errno : -ENOSPC;
	s->count++;
	if (until.s > s->until_s)
		s->until_s = until.s;
	return 0;
}
