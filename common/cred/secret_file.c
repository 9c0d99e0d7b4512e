/*
 * Secret files: opened without following links, judged by descriptor, read
 * whole, cut into lines, and wiped from memory. What is in a line is
 * av_key.c's and rest_cred.c's affair; so is writing them.
 */
#include "common/cred/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/digest.h"
#include "common/base/err.h"

static int read_all(int fd, char *text, size_t cap, size_t *len)
{
	ssize_t n;

	*len = 0;
	for (;;) {
		n = read(fd, text + *len, cap - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		*len += (size_t)n;
		if (*len == cap)
			return EDGE_ETOOBIG;
	}
}

static int check_file(int fd, const struct secret_file_spec *spec,
	struct why *why)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return why_set(why, -errno, "%s: %s", spec->path,
			strerror(errno));
	if (!S_ISREG(st.st_mode))
		return why_set(why, EDGE_ECONFIG,
			"%s: is not a regular file", spec->path);
	if ((st.st_mode & spec->forbidden) != 0)
		return why_set(why, EDGE_ECONFIG,
			"%s: mode %04o lets others at the secret; %s",
			spec->path, (unsigned)(st.st_mode & 07777),
			spec->tighten);
	return 0;
}

static int read_file(const struct secret_file_spec *spec, char *text,
	size_t cap, size_t *len, struct why *why)
{
	int fd, err;

	fd = open(spec->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return why_set(why, -errno, "%s: %s", spec->path,
			strerror(errno));
	err = check_file(fd, spec, why);
	if (err == 0) {
		err = read_all(fd, text, cap, len);
		if (err < 0)
			why_set(why, err, "%s: %s", spec->path,
				err_text(err));
	}
	close(fd);
	return err;
}

static int take_lines(const struct secret_file_spec *spec, struct str text,
	struct why *why)
{
	const char *fault = spec->none;
	unsigned line_no = 0;
	struct str line;

	while (str_split(&text, '\n', &line)) {
		line_no++;
		line = str_trim(line);
		if (str_is_empty(line) || str_starts(line, "#"))
			continue;
		fault = spec->take(spec->arg, line);
		if (fault != NULL)
			break;
	}
	if (fault == NULL)
		return 0;
	return why_set(why, EDGE_EMALFORMED, "%s:%u: %s; %s", spec->path,
		line_no, fault, spec->repair);
}

int secret_file_load(const struct secret_file_spec *spec, struct why *why)
{
	char text[SECRET_FILE_MAX];
	size_t len = 0;
	int err;

	err = read_file(spec, text, sizeof(text), &len, why);
	if (err == 0)
		err = take_lines(spec, (struct str){text, len}, why);
	digest_wipe(text, sizeof(text));
	return err;
}
