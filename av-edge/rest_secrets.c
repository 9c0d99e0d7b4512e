/*
 * Following the file of shared secrets.
 */
#include "av-edge/rest_secrets.h"

#include "common/base/log.h"
#include "common/base/why.h"

void rest_secrets_init(struct rest_secrets *s, const char *path)
{
	file_watch_init(&s->file, path);
	s->ring.count = 0;
}

void rest_secrets_fini(struct rest_secrets *s)
{
	rest_ring_wipe(&s->ring);
}

static bool on_new(struct rest_secrets *s)
{
	struct rest_ring ring;
	struct why why = {""};
	int err;

	err = rest_ring_load(&ring, s->file.path, &why);
	if (err < 0) {
		log_error("secrets.unreadable", "path=%s text=%s",
			log_qz(s->file.path), log_qz(why_text(&why, err)));
		return false;
	}
	s->ring = ring;
	rest_ring_wipe(&ring);
	return true;
}

bool rest_secrets_poll(struct rest_secrets *s)
{
	bool had_some = s->ring.count > 0;

	switch (file_watch_look(&s->file)) {
	case FILE_SAME:
		break;
	case FILE_NEW:
		return on_new(s);
	case FILE_GONE:
		rest_ring_wipe(&s->ring);
		return had_some;
	}
	return false;
}
