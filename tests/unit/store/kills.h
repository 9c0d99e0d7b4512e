/*
 * Killing a writer at a boundary of system calls, while a reader looks at
 * the store over and over.
 */
#ifndef TEST_STORE_KILLS_H
#define TEST_STORE_KILLS_H

#include <check.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/why.h"

static inline bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

/* Let the writer pass `steps` boundaries of system calls, then kill it.
 * True when it got to its end before. -1 when tracing is not allowed. */
static inline int kill_at(pid_t pid, int steps)
{
	int status = 0;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		return -1;
	for (int i = 0; i < steps; i++) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
			break;
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			ck_assert_int_eq(WEXITSTATUS(status), 0);
			return 1;
		}
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return 0;
}

/* Looks at what is current, over and over, until killed; exit status 1 as
 * soon as it is not whole. */
static inline pid_t start_reader(int (*read_number)(struct why *why))
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid != 0)
		return pid;
	for (;;) {
		struct why why = {""};
		int missed = 0;

		/* A file may be swept away between link and open; then the
		 * link has moved on. */
		while (read_number(&why) < 0) {
			if (++missed == 3) {
				fprintf(stderr, "reader: %s\n", why.text);
				_exit(1);
			}
		}
	}
}

static inline void end_reader(pid_t pid)
{
	int status = 0;

	ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

#endif
