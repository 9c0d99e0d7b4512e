/*
 * Which system calls the process may still make: one table for every
 * daemon, loaded as a seccomp filter (docs/decisions/0011-seccomp.md).
 */
#ifndef RUN_SYSCALL_FILTER_H
#define RUN_SYSCALL_FILTER_H

#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/why.h"

/* On every thread, for good. *count is the length of the allow list; 0 =
 * no filter, which happens under valgrind alone. */
EDGE_MUST int syscall_filter_enter(unsigned *count, struct why *why);

#endif
