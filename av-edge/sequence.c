/*
 * The replay window of one MS-TURN allocation. The text of the rule for
 * accepting numbers is not known to us; ours takes datagrams that overtake
 * each other by less than a window and drops everything seen before.
 */
#include "av-edge/sequence.h"

#include <string.h>

#include "common/base/digest.h"

void sequence_init(struct sequence *s,
	const uint8_t connection[static STUN_MS_CONNECTION_LEN])
{
	memset(s, 0, sizeof(*s));
	memcpy(s->connection, connection, sizeof(s->connection));
	s->window = 1;
}

/* Is this number new? Then it is used up. */
static bool use_number(struct sequence *s, uint32_t number)
{
	uint32_t ahead, behind;

	if (number > s->highest) {
		ahead = number - s->highest;
		s->window = ahead < SEQUENCE_WINDOW ? s->window << ahead : 0;
		s->window |= 1;
		s->highest = number;
		return true;
	}
	behind = s->highest - number;
	if (behind >= SEQUENCE_WINDOW || (s->window >> behind & 1) != 0)
		return false;
	s->window |= UINT64_C(1) << behind;
	return true;
}

const struct sequence_answer *sequence_find(const struct sequence *s,
	const struct stun_ms_number *number,
	const uint8_t tid[static STUN_TID_LEN])
{
	uint32_t wanted = number != NULL ? number->number : 0;
	size_t i;

	for (i = 0; i < SEQUENCE_ANSWERS; i++) {
		const struct sequence_answer *a = &s->answers[i];

		if (a->type != 0 && a->number == wanted &&
		    memcmp(a->tid, tid, STUN_TID_LEN) == 0)
			return a;
	}
	return NULL;
}

enum sequence_verdict sequence_take(struct sequence *s,
	const struct stun_ms_number *number, bool may_lack,
	const uint8_t tid[static STUN_TID_LEN])
{
	if (number != NULL && !digest_eq(number->connection, s->connection,
		sizeof(s->connection)))
		return SEQUENCE_FOREIGN;
	if (sequence_find(s, number, tid) != NULL)
		return SEQUENCE_AGAIN;
	if (number == NULL)
		return may_lack || !s->is_numbered ? SEQUENCE_NEW :
		    SEQUENCE_MISSING;
	if (!use_number(s, number->number))
		return SEQUENCE_REPLAY;
	s->is_numbered = true;
	return SEQUENCE_NEW;
}

void sequence_remember(struct sequence *s,
	const struct sequence_answer *answer)
{
	s->answers[s->next] = *answer;
	s->next = (uint8_t)((s->next + 1) % SEQUENCE_ANSWERS);
}
