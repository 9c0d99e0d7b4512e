/*
 * Looking at a file once in a while. Reading it is its reader's affair, and
 * so is what it means that there is none.
 */
#include "av-edge/file_watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void file_watch_init(struct file_watch *w, const char *path)
{
	memset(w, 0, sizeof(*w));
	snprintf(w->path, sizeof(w->path), "%s", path);
}

static bool is_same(const struct file_watch *w, const struct stat *st)
{
	return w->has_file && w->inode == st->st_ino &&
	    w->size == st->st_size &&
	    w->modified.tv_sec == st->st_mtim.tv_sec &&
	    w->modified.tv_nsec == st->st_mtim.tv_nsec;
}

enum file_news file_watch_look(struct file_watch *w)
{
	struct stat st;

	if (stat(w->path, &st) < 0) {
		if (errno != ENOENT)
			return FILE_SAME;
		w->has_file = false;
		return FILE_GONE;
	}
	if (is_same(w, &st))
		return FILE_SAME;
	w->has_file = true;
	w->inode = st.st_ino;
	w->size = st.st_size;
	w->modified = st.st_mtim;
	return FILE_NEW;
}
