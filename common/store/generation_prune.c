/*
 * Which generations that no link points to may stay, and the end of the
 * others. Two bounds: a day, for people who look back, and numbers, for the
 * disk: whoever may publish may do so each second. A reader resolves the
 * link once and then opens: what was current a moment ago has to be there,
 * so the newest few stay whatever they weigh.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/store/generation.h"
#include "common/store/generation_dir.h"

#define KEEP_TIME_S 86400
#define FILES_MAX   1024

struct aged {
	uint32_t epoch;
	uint64_t serial;
};

static int newest_first(const void *a, const void *b)
{
	const struct aged *x = a;
	const struct aged *y = b;

	if (x->epoch != y->epoch)
		return x->epoch > y->epoch ? -1 : 1;
	return x->serial > y->serial ? -1 : x->serial < y->serial;
}

bool generation_may_stay(size_t newer, uint64_t newer_bytes, uint64_t bytes,
	int64_t age_s)
{
	if (newer < GENERATION_KEEP_LEAST)
		return true;
	if (newer >= GENERATION_KEEP_MOST ||
		newer_bytes + bytes > GENERATION_KEEP_BYTES)
		return false;
	return newer < GENERATION_KEEP_COUNT || age_s < KEEP_TIME_S;
}

/* What the decision about the next one depends on. */
struct pruning {
	const struct generation_stage *stage;
	size_t kept;
	uint64_t kept_bytes;
	bool has_local; /* the newest of epoch 0 has been met */
};

/* The newest local one keeps the count: no number is used twice. */
static bool is_needed(struct pruning *p, const struct aged *row,
	const char *name)
{
	const bool is_newest_local = row->epoch == 0 && !p->has_local;

	p->has_local |= row->epoch == 0;
	return is_newest_local ||
		generation_is_linked(p->stage->dir_fd, "current", name) ||
		generation_is_linked(p->stage->dir_fd, "previous", name);
}

static void prune_one(struct pruning *p, const struct aged *row)
{
	char version[GENERATION_VERSION_LEN];
	char name[GENERATION_TARGET_LEN];
	struct stat st;

	generation_version_text(row->epoch, row->serial, version);
	snprintf(name, sizeof(name), "%s.db", version);
	if (fstatat(p->stage->gen_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (is_needed(p, row, name) ||
		generation_may_stay(p->kept, p->kept_bytes,
			(uint64_t)st.st_size, wall_now().s - st.st_mtime)) {
		p->kept++;
		p->kept_bytes += (uint64_t)st.st_size;
	} else {
		unlinkat(p->stage->gen_fd, name, 0);
	}
}

/* Failing to tidy up is not worth failing for. */
void generation_prune(const struct generation_stage *s)
{
	DIR *dir = generation_list_folder(s->gen_fd);
	struct pruning pruning = {.stage = s};
	struct aged rows[FILES_MAX];
	const struct dirent *entry;
	size_t count = 0;

	if (dir == NULL)
		return;
	while (count < FILES_MAX && (entry = readdir(dir)) != NULL) {
		if (generation_parse_name(entry->d_name, &rows[count].epoch,
			    &rows[count].serial))
			count++;
	}
	closedir(dir);
	if (count > 0)
		qsort(rows, count, sizeof(rows[0]), newest_first);
	for (size_t i = 0; i < count; i++)
		prune_one(&pruning, &rows[i]);
}
