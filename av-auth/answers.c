/*
 * The memory of answers: a map for finding, a list in order of age for
 * forgetting. There are no timers; each put forgets what is too old, too
 * many or too much.
 */
#include "av-auth/answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"

struct answer {
	struct map_node node;
	struct list order;
	uint8_t key[ANSWERS_KEY_LEN];
	struct mono made;
	char *text; /* owned */
	size_t len;
};

static struct answer *of_order(struct list *at)
{
	return container_of(at, struct answer, order);
}

static bool has_key(const struct map_node *node, const void *key)
{
	const struct answer *it =
		container_of(node, const struct answer, node);

	return digest_eq(it->key, key, ANSWERS_KEY_LEN);
}

static void wipe(char *text, size_t len)
{
	digest_wipe(text, len);
	free(text);
}

static void forget(struct answers *a, struct answer *it)
{
	map_remove(&a->map, &it->node);
	list_remove(&it->order);
	a->count--;
	a->bytes -= it->len;
	wipe(it->text, it->len);
	free(it);
}

static bool is_old(const struct answer *it, struct mono now)
{
	return mono_since_ms(it->made, now) > ANSWERS_KEEP_MS;
}

int answers_init(struct answers *a)
{
	*a = (struct answers){.count = 0};
	list_init(&a->order);
	return map_init(&a->map);
}

void answers_fini(struct answers *a)
{
	while (!list_is_empty(&a->order))
		forget(a, of_order(list_first(&a->order)));
	map_fini(&a->map);
}

void answers_key(const struct sip_msg *request, const char *server,
	uint8_t key[static ANSWERS_KEY_LEN])
{
	static const char END[] = "\n"; /* none of the parts holds one */
	const struct digest_part parts[] = {
		{server, strlen(server)},
		{END, 1},
		{request->via.text.p, request->via.text.n},
		{END, 1},
		{request->call_id.p, request->call_id.n},
		{END, 1},
		{request->from_tag.p, request->from_tag.n},
		{END, 1},
		{&request->cseq, sizeof(request->cseq)},
	};

	digest_sha256(parts, ARRAY_COUNT(parts), key);
}

struct str answers_find(const struct answers *a,
	const uint8_t key[static ANSWERS_KEY_LEN], struct mono now)
{
	uint64_t hash = map_hash(&a->map, key, ANSWERS_KEY_LEN);
	struct map_node *node = map_find(&a->map, hash, has_key, key);
	const struct answer *it;

	if (node == NULL)
		return (struct str){NULL, 0};
	it = container_of(node, struct answer, node);
	if (is_old(it, now))
		return (struct str){NULL, 0};
	return (struct str){it->text, it->len};
}

static void make_room(struct answers *a, size_t len, struct mono now)
{
	struct answer *oldest;

	while (!list_is_empty(&a->order)) {
		oldest = of_order(list_first(&a->order));
		if (a->count < ANSWERS_COUNT_MAX &&
			a->bytes + len <= ANSWERS_BYTES_MAX &&
			!is_old(oldest, now))
			return;
		forget(a, oldest);
	}
}

int answers_put(struct answers *a, const uint8_t key[static ANSWERS_KEY_LEN],
	char *text, size_t len, struct mono now, struct str *out)
{
	uint64_t hash = map_hash(&a->map, key, ANSWERS_KEY_LEN);
	struct map_node *before = map_find(&a->map, hash, has_key, key);
	struct answer *it;

	if (before != NULL)
		forget(a, container_of(before, struct answer, node));
	make_room(a, len, now);
	it = calloc(1, sizeof(*it));
	if (it == NULL) {
		wipe(text, len);
		return -ENOMEM;
	}
	memcpy(it->key, key, sizeof(it->key));
	it->made = now;
	it->text = text;
	it->len = len;
	map_insert(&a->map, &it->node, hash);
	list_push_back(&a->order, &it->order);
	a->count++;
	a->bytes += len;
	*out = (struct str){text, len};
	return 0;
}
