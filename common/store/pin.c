/*
 * The pin as a file: its being there is what counts, its content is for
 * people (replication protocol B4).
 */
#include "common/store/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/run/conf.h"
#include "common/run/file.h"

#define FILE_NAME  "pin.json"
#define SPARE_NAME "pin.spare"
#define SPARE_TEXT                                                  \
	"{\"at\":0,\"by\":\"" SPARE_NAME "\",\"reason\":\"the disk " \
	"was full when this host was pinned; the log knows why\"}"
#define FILE_MAX   4096u

static int folder(char out[static PATH_MAX], const char *state_dir,
	struct why *why)
{
	int n = snprintf(out, PATH_MAX, "%s/%s", state_dir,
		conf_daemon_name(CONF_REPLICATION_AGENT));

	if (n < 0 || n >= PATH_MAX)
		return why_set(why, EDGE_ETOOBIG, "state_dir: is too long");
	return 0;
}

static void take(struct pin *out, const json_t *o)
{
	const char *by = json_string_value(json_object_get(o, "by"));
	const char *reason = json_string_value(json_object_get(o, "reason"));

	out->at.s = json_integer_value(json_object_get(o, "at"));
	snprintf(out->by, sizeof(out->by), "%s", by != NULL ? by : "");
	snprintf(out->reason, sizeof(out->reason), "%s",
		reason != NULL ? reason : "the pin file can't be read");
}

bool pin_read(struct pin *out, const char *state_dir)
{
	char dir[PATH_MAX];
	char path[PATH_MAX + sizeof(FILE_NAME) + 1];
	char *text = NULL;
	size_t len = 0;
	json_t *o = NULL;
	int err = folder(dir, state_dir, NULL);

	memset(out, 0, sizeof(*out));
	if (err < 0)
		return false;
	snprintf(path, sizeof(path), "%s/%s", dir, FILE_NAME);
	err = file_load_foreign(&text, &len, path, FILE_MAX, NULL);
	if (err == -ENOENT || err == -ENOTDIR)
		return false;
	if (err == 0)
		o = json_loadb(text, len, 0, NULL);
	take(out, o);
	json_decref(o);
	free(text);
	return true;
}

/* A new name for a file takes no room. */
static int use_spare(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (faccessat(fd, FILE_NAME, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
		(renameat(fd, SPARE_NAME, fd, FILE_NAME) < 0 ||
			fsync(fd) < 0))
		err = -errno;
	close(fd);
	return err;
}

int pin_set(const char *state_dir, const char *by, const char *reason,
	struct why *why)
{
	struct pin pin = {.at = wall_now()};
	char *text = NULL;
	char dir[PATH_MAX];
	json_t *o;
	int err = -ENOMEM;

	/* Cut anywhere, by us or by who told it: no pin would be lost to a
	 * character that is not whole. */
	snprintf(pin.by, sizeof(pin.by), "%s", by);
	snprintf(pin.reason, sizeof(pin.reason), "%s", reason);
	str_tidy(pin.by);
	str_tidy(pin.reason);
	o = json_pack("{s:I, s:s, s:s}", "at", (json_int_t)pin.at.s, "by",
		pin.by, "reason", pin.reason);
	if (o != NULL)
		text = json_dumps(o, JSON_COMPACT);
	if (text != NULL)
		err = folder(dir, state_dir, why);
	if (err == 0)
		err = file_replace(dir, FILE_NAME, text, strlen(text), 0640,
			why);
	if (text != NULL && err < 0 && use_spare(dir) == 0)
		err = 1;
	free(text);
	json_decref(o);
	return err;
}

int pin_reserve(const char *state_dir, struct why *why)
{
	char dir[PATH_MAX];
	char path[PATH_MAX + sizeof(SPARE_NAME) + 1];
	struct stat st;
	int err = folder(dir, state_dir, why);

	if (err < 0)
		return err;
	snprintf(path, sizeof(path), "%s/%s", dir, SPARE_NAME);
	/* Not access(): the sandbox of an agent has no need of it. */
	if (lstat(path, &st) == 0)
		return 0;
	return file_replace(dir, SPARE_NAME, SPARE_TEXT, strlen(SPARE_TEXT),
		0640, why);
}

int pin_clear(const char *state_dir, struct why *why)
{
	char dir[PATH_MAX];
	int err = folder(dir, state_dir, why);

	return err < 0 ? err : file_remove(dir, FILE_NAME, why);
}
