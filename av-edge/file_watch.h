/*
 * Has a file changed since it was last looked at? For the few that av-edge
 * reads over and over: they change a few times a year.
 */
#ifndef AV_EDGE_FILE_WATCH_H
#define AV_EDGE_FILE_WATCH_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

struct file_watch {
	char path[PATH_MAX];
	bool has_file;
	/* What tells one version of the file from the next. */
	ino_t inode;
	off_t size;
	struct timespec modified;
};

enum file_news {
	FILE_SAME,
	FILE_NEW,  /* or another one */
	FILE_GONE, /* said again for as long as there is none */
};

void file_watch_init(struct file_watch *w, const char *path);
enum file_news file_watch_look(struct file_watch *w);

#endif
