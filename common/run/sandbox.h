/*
 * How a daemon gives up its rights, in one fixed order: user and groups,
 * capabilities, no_new_privs, Landlock, seccomp. Done before the first
 * thread is made and the first byte from outside is read.
 */
#ifndef RUN_SANDBOX_H
#define RUN_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/why.h"

enum sandbox_access {
	SANDBOX_READ,  /* files below may be read, directories listed */
	SANDBOX_WRITE, /* files below may be made, written, renamed, removed */
};

/* System calls beyond those that every daemon makes; bits. */
enum sandbox_need {
	SANDBOX_KEEPS_FILES = 1 << 0, /* replaces files in its own folder */
	SANDBOX_DIALS = 1 << 1,       /* connects, asks name servers */
	SANDBOX_RELAYS = 1 << 2,      /* batches, peers */
	SANDBOX_REPLICATES = 1 << 3,  /* locks and links in folders */
	SANDBOX_WORKS = 1 << 4,       /* threads */
	SANDBOX_PUBLISHES = 1 << 5,   /* a database and its libraries */
	SANDBOX_MIRRORS = 1 << 6,     /* makes and empties folders */
};

struct sandbox_path {
	const char *path; /* need not exist: then nothing is granted */
	enum sandbox_access access;
};

struct sandbox_plan {
	uid_t uid; /* 0 = keep the present user (not root, or may_be_root) */
	gid_t gid;
	const gid_t *groups; /* supplementary */
	size_t group_count;
	bool may_be_root;  /* who keeps his user may be root, without rights */
	bool may_bind_low; /* keep CAP_NET_BIND_SERVICE for new listeners */
	unsigned needs;    /* enum sandbox_need */
	pid_t parent;      /* SIGTERM when it dies; 0 = outlive it */
	const struct sandbox_path *paths;
	size_t path_count;
};

/* What is in force, for status and tests. */
struct sandbox_state {
	uid_t uid;
	bool no_new_privs;
	unsigned landlock_abi; /* 0 = the kernel has none */
	bool seccomp;
	unsigned syscall_count; /* on the allow list */
	unsigned long long capabilities; /* permitted set */
};

/* Fails closed: on error the caller must end the process. */

/* Root becomes the plan's user, before anything is read that somebody else
 * wrote, and keeps the capabilities that opening ports takes, no other.
 * sandbox_enter() is due later, with uid 0. */
EDGE_MUST int sandbox_change_user(const struct sandbox_plan *plan,
	struct why *why);
EDGE_MUST int sandbox_enter(const struct sandbox_plan *plan,
	struct sandbox_state *state, struct why *why);

/* Name of the n-th system call on the allow list of who has these needs,
 * NULL at the end. */
const char *sandbox_syscall_name(unsigned needs, size_t n);

#endif
