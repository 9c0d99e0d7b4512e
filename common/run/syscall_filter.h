/*
 * Which system calls the process may still make: one table with a column
 * for what a daemon needs beyond the others, loaded as a seccomp filter
 * (docs/decisions/0011-seccomp.md).
 */
#ifndef RUN_SYSCALL_FILTER_H
#define RUN_SYSCALL_FILTER_H

#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/why.h"

/* Builds with a sanitizer have a longer list; they are for tests. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SYSCALL_FILTER_FOR_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SYSCALL_FILTER_FOR_SANITIZER
#endif

/* On every thread, for good. needs: bits of enum sandbox_need. *count is the
 * length of the allow list; 0 = no filter, which happens under valgrind
 * alone. */
EDGE_MUST int syscall_filter_enter(unsigned needs, unsigned *count,
	struct why *why);

#endif
