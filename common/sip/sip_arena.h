/*
 * The memory of one message: small pieces that all go together. Inside
 * common/sip only.
 */
#ifndef SIP_ARENA_H
#define SIP_ARENA_H

#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct sip_arena;
struct su_home_s;

/* NULL when out of memory. */
struct sip_arena *sip_arena_new(void);
void sip_arena_free(struct sip_arena *a); /* accepts NULL */

/* Uninitialised, aligned for anything; NULL when out of memory. */
void *sip_arena_get(struct sip_arena *a, size_t len);
/* NUL-terminated copy in which folds have become blanks. */
char *sip_arena_unfold(struct sip_arena *a, struct str s);

/* Sofia's view of the same memory. */
struct su_home_s *sip_arena_home(struct sip_arena *a);

#endif
