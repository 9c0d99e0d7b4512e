/* valgrind knows no seccomp: tests of the filter have nothing to see there. */
#ifndef TEST_UNDER_VALGRIND_H
#define TEST_UNDER_VALGRIND_H

#include <stdbool.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

static inline bool under_valgrind(void)
{
	return RUNNING_ON_VALGRIND != 0;
}

#endif
