/*
 * What waits in a stream. As long as it is: streams whose reader keeps up
 * have none at all. How long it may get is its user's affair.
 */
#include "av-edge/tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int tail_add(struct tail *t, const void *data, size_t len)
{
	uint8_t *grown;

	if (len == 0)
		return 0;
	grown = realloc(t->bytes, t->len + len);
	if (grown == NULL)
		return -ENOMEM;
	memcpy(grown + t->len, data, len);
	t->bytes = grown;
	t->len += len;
	return 0;
}

void tail_cut(struct tail *t, size_t len)
{
	t->len -= len;
	if (t->len == 0)
		tail_free(t);
	else
		memmove(t->bytes, t->bytes + len, t->len);
}

void tail_free(struct tail *t)
{
	free(t->bytes);
	*t = (struct tail){NULL, 0};
}
