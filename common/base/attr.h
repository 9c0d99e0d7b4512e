/* Compiler attributes and constants that every room uses. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#include <stddef.h>
#include <stdint.h>
#include <stdint.h>

/* The result must be looked at. */
#define EDGE_MUST __attribute__((warn_unused_result))
/* printf-like: fmt is argument f, the first value argument a. */
#define EDGE_PRINTF(f, a) __attribute__((format(printf, f, a)))

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* By way of an integer, so that ptr may point to something const; then type
 * is written with const too. */
/* The object around a member; for a const member name a const type. */
#define container_of(ptr, type, member) \
	((type *)(uintptr_t)((const char *)(ptr)-offsetof(type, member)))

#endif
