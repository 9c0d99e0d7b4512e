/* What the two halves of recall share; nobody else includes it. */
#ifndef DAEMON_RECALL_STORE_H
#define DAEMON_RECALL_STORE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/daemon/recall.h"

#define RECALL_WORDS 568 /* bytes of one record for all its texts */

enum recall_word {
	RECALL_ID,
	RECALL_CALL_ID,
	RECALL_USER,
	RECALL_DOMAIN,
	RECALL_CREDENTIAL,
	RECALL_TEXT, /* the last: takes what the others left */
};
#define RECALL_WORD_COUNT (RECALL_TEXT + 1)

struct recall_record {
	int64_t first_ms; /* wall clock */
	int64_t last_ms;
	const char *kind;
	const char *advice;
	uint32_t count; /* how often the same happened */
	struct addr address;
	struct addr other;
	uint16_t at[RECALL_WORD_COUNT]; /* NUL-terminated, in words */
	char words[RECALL_WORDS];
};

/* Apart from the records: this is what each new one walks through. */
struct recall_slot {
	uint64_t number; /* 0 = free; rises with each record */
	uint32_t source; /* who caused it; 0 = nobody in particular */
};

struct recall_pool {
	struct recall_slot *slots;     /* owned */
	struct recall_record *records; /* owned */
	size_t cap;
	unsigned per_s;
	int64_t tokens_milli;
	struct mono filled;
	uint64_t left_out; /* came faster than per_s */
};

struct recall {
	pthread_mutex_t lock;
	uint64_t key[2]; /* of the hash over sources */
	uint64_t number;
	int64_t started_ms;
	struct recall_pool pools[RECALL_SHARES];
};

/* What is asked about, ready to be compared. */
struct recall_subject {
	struct str text; /* without scheme, parameters and blanks */
	struct addr address;
	bool is_address;
};

void recall_subject_parse(struct recall_subject *out, struct str about);
bool recall_is_about(const struct recall_record *rec,
	const struct recall_subject *subject);
/* "alice@example.com" of "<sip:alice@example.com;gruu>". */
struct str recall_bare_uri(struct str text);

static inline const char *recall_word(const struct recall_record *rec,
	enum recall_word word)
{
	return rec->words + rec->at[word];
}

#endif
