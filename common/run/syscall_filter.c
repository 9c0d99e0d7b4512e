/*
 * The system call part of the sandbox. What is on the table works; what only
 * an intruder would call kills the process; everything else is answered with
 * ENOSYS, which is what the C library expects of a kernel that is too old,
 * and for which it has another way. A row may narrow a call by one argument.
 */
#include "common/run/syscall_filter.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>
#include <seccomp.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/run/sandbox.h"

enum narrow {
	ANY,       /* whatever the arguments are */
	EQUAL,     /* argument arg, an int, is this value */
	HAS_BIT,   /* all bits of value are set in argument arg */
	LACKS_BIT, /* none of them is */
};

struct row {
	const char *name;
	int nr;
	enum narrow narrow;
	unsigned arg;
	uint64_t value;
	unsigned need; /* for whom, of enum sandbox_need; 0 = for all */
};

#define CALL(name) {#name, SCMP_SYS(name), ANY, 0, 0, 0}
#define CALL_IF(name, how, arg, value) \
	{#name, SCMP_SYS(name), how, arg, value, 0}
#define CALL_FOR(need, name) {#name, SCMP_SYS(name), ANY, 0, 0, need}
#define CALL_FOR_IF(need, name, how, arg, value) \
	{#name, SCMP_SYS(name), how, arg, value, need}

/* The kernel looks at the lower half of an int argument alone. */
#define INT_MASK 0xffffffffu

/* Several rows of one call are alternatives. */
static const struct row allowed[] = {
	/* bytes */
	CALL(read),
	CALL(write),
	CALL(readv),
	CALL(writev),
	CALL(pread64),
	CALL(close),
	CALL(fcntl),
	/* files: Landlock says which */
	CALL(openat),
	CALL(newfstatat),
	CALL(lseek),
	CALL(getdents64),
	CALL(readlink),
	CALL(readlinkat),
	CALL_FOR(SANDBOX_KEEPS_FILES, rename),
	CALL_FOR(SANDBOX_KEEPS_FILES | SANDBOX_PUBLISHES, unlink),
	CALL_FOR(SANDBOX_KEEPS_FILES | SANDBOX_PUBLISHES, fchmod),
	CALL_FOR(SANDBOX_MIRRORS, utimensat),
	/* the pool key's group */
	CALL_FOR(SANDBOX_KEEPS_FILES | SANDBOX_PUBLISHES, fchown),
	CALL_FOR(SANDBOX_KEEPS_FILES | SANDBOX_PUBLISHES, fsync),
	CALL_FOR(SANDBOX_REPLICATES | SANDBOX_MIRRORS, renameat),
	CALL_FOR(SANDBOX_REPLICATES, renameat2),
	CALL_FOR(SANDBOX_REPLICATES, symlinkat),
	CALL_FOR(SANDBOX_REPLICATES | SANDBOX_MIRRORS, unlinkat),
	CALL_FOR(SANDBOX_REPLICATES, faccessat),
	CALL_FOR(SANDBOX_REPLICATES | SANDBOX_MIRRORS, mkdir),
	CALL_FOR(SANDBOX_REPLICATES | SANDBOX_PUBLISHES, flock),
	CALL_FOR(SANDBOX_REPLICATES, statfs),
	CALL_FOR(SANDBOX_PUBLISHES, access), /* sqlite, from here */
	CALL_FOR(SANDBOX_PUBLISHES, pwrite64),
	CALL_FOR(SANDBOX_PUBLISHES, fdatasync),
	CALL_FOR(SANDBOX_PUBLISHES, ftruncate),
	CALL_FOR(SANDBOX_PUBLISHES, umask),
	/* sockets */
	CALL_IF(socket, EQUAL, 0, AF_INET),
	CALL_IF(socket, EQUAL, 0, AF_INET6),
	CALL_IF(socket, EQUAL, 0, AF_UNIX),
	CALL_IF(socket, EQUAL, 0, AF_NETLINK), /* getifaddrs */
	CALL(bind),
	CALL(listen),
	CALL(accept4),
	CALL_FOR(SANDBOX_DIALS | SANDBOX_RELAYS | SANDBOX_PUBLISHES, connect),
	CALL(shutdown),
	CALL(getsockname),
	CALL(getsockopt),
	CALL(setsockopt),
	CALL(sendto),
	CALL(recvfrom),
	CALL(sendmsg),
	CALL(recvmsg),
	CALL_FOR(SANDBOX_RELAYS | SANDBOX_PUBLISHES, sendmmsg), /* names */
	CALL_FOR(SANDBOX_RELAYS, recvmmsg),
	CALL_FOR_IF(SANDBOX_RELAYS | SANDBOX_REPLICATES | SANDBOX_PUBLISHES,
		socketpair, EQUAL, 0, AF_UNIX),
	CALL_IF(ioctl, EQUAL, 1, FIONREAD),
	CALL_IF(ioctl, EQUAL, 1, FIONBIO),
	CALL_IF(ioctl, EQUAL, 1, SIOCGIFINDEX),
	CALL_IF(ioctl, EQUAL, 1, SIOCGIFNAME),
	CALL_IF(ioctl, EQUAL, 1, SIOCOUTQ),
	/* loops */
	CALL(epoll_create1),
	CALL(epoll_ctl),
	CALL(epoll_wait),
	CALL(eventfd2),
	CALL(pipe2), /* libevent makes one for signals in every base */
	/* memory: nothing writable becomes code */
	CALL(brk),
	CALL_IF(mmap, LACKS_BIT, 2, PROT_EXEC),
	CALL_IF(mprotect, LACKS_BIT, 2, PROT_EXEC),
	CALL(munmap),
	CALL(mremap),
	CALL(madvise),
	/* threads, but no processes: clone3 can't be narrowed, and the C
	 * library falls back to clone */
	CALL_FOR_IF(SANDBOX_WORKS, clone, HAS_BIT, 0, CLONE_THREAD),
	CALL_FOR(SANDBOX_WORKS, rseq),
	CALL_FOR(SANDBOX_RELAYS, sched_getaffinity),
	CALL_FOR(SANDBOX_REPLICATES | SANDBOX_PUBLISHES, poll), /* libcurl */
	CALL_FOR(SANDBOX_REPLICATES | SANDBOX_PUBLISHES, getpeername),
	CALL(futex),
	CALL_IF(prctl, EQUAL, 0, PR_SET_NAME),
	CALL(exit),
	CALL(exit_group),
	/* signals */
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(rt_sigreturn),
	CALL(restart_syscall),
	CALL(tgkill), /* abort() */
	CALL(gettid),
	CALL(getpid),
	/* time, chance, facts about ourselves */
	CALL(clock_gettime), /* where the vDSO can't */
	CALL(clock_nanosleep),
	CALL(getrandom),
	CALL(geteuid),
	CALL(sysinfo), /* qsort() asks for the size of memory */
	/* for names of hosts */
	CALL_FOR(SANDBOX_DIALS | SANDBOX_KEEPS_FILES | SANDBOX_PUBLISHES,
		uname),
};

/* No way of ours leads there: whoever calls these is not us. */
static const int fatal[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(setuid),
	SCMP_SYS(setgid),
	SCMP_SYS(setreuid),
	SCMP_SYS(setregid),
	SCMP_SYS(setresuid),
	SCMP_SYS(setresgid),
	SCMP_SYS(setgroups),
	SCMP_SYS(capset),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(personality),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	SCMP_SYS(modify_ldt),
	SCMP_SYS(swapon),
	SCMP_SYS(reboot),
	SCMP_SYS(acct),
};

#ifdef SYSCALL_FILTER_FOR_SANITIZER
/* What the sanitizers' own run time adds: the leak check at exit stops all
 * threads from a tracing helper process. Such builds are for tests. */
static const struct row sanitizer[] = {
	CALL(clone),
	CALL(ptrace),
	CALL(wait4),
	CALL(prctl),
	CALL(sigaltstack),
	CALL(getppid),
	CALL(kill),
	CALL(open),
	CALL(access),
	CALL(pipe),
	CALL(getrlimit),
	CALL(prlimit64),
	CALL(rt_sigtimedwait),
	CALL(process_vm_readv),
	CALL_IF(ioctl, EQUAL, 1, TCGETS),
	CALL(stat),
	CALL(fstat),
	CALL(set_tid_address),
	CALL(getdents),
};
static const size_t sanitizer_count = ARRAY_COUNT(sanitizer);
#else
static const struct row *const sanitizer = NULL;
static const size_t sanitizer_count = 0;
#endif

static bool is_in(const struct row *rows, size_t count, int nr)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].nr == nr)
			return true;
	}
	return false;
}

static int add_row(scmp_filter_ctx ctx, const struct row *row)
{
	struct scmp_arg_cmp cmp = {
		.arg = row->arg,
		.op = SCMP_CMP_MASKED_EQ,
		.datum_a = row->value,
	};
	int err;

	switch (row->narrow) {
	case ANY:
		break;
	case EQUAL:
		cmp.datum_a = INT_MASK;
		cmp.datum_b = row->value;
		break;
	case HAS_BIT:
		cmp.datum_b = row->value;
		break;
	case LACKS_BIT:
		cmp.datum_b = 0;
		break;
	}
	err = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, row->nr,
		row->narrow != ANY, &cmp);
	return err == -EEXIST ? 0 : err;
}

static bool is_needed(const struct row *row, unsigned needs)
{
	return row->need == 0 || (row->need & needs) != 0;
}

static int add_rows(scmp_filter_ctx ctx, const struct row *rows, size_t count,
	unsigned needs)
{
	int err = 0;

	for (size_t i = 0; i < count && err == 0; i++) {
		if (is_needed(&rows[i], needs))
			err = add_row(ctx, &rows[i]);
	}
	return err;
}

static int add_fatal(scmp_filter_ctx ctx)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_COUNT(fatal) && err == 0; i++) {
		if (!is_in(sanitizer, sanitizer_count, fatal[i]))
			err = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS,
				fatal[i], 0);
	}
	return err;
}

static int load(scmp_filter_ctx ctx, unsigned needs)
{
	int err;

	/* Another calling convention (i386 on amd64) has other numbers. */
	err = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
		SCMP_ACT_KILL_PROCESS);
	if (err == 0)
		err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	/* A search tree instead of a list: half the instructions. */
	if (err == 0)
		err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (err == 0)
		err = add_rows(ctx, allowed, ARRAY_COUNT(allowed), needs);
	if (err == 0)
		err = add_rows(ctx, sanitizer, sanitizer_count, needs);
	if (err == 0)
		err = add_fatal(ctx);
	if (err == 0)
		err = seccomp_load(ctx);
	return err;
}

int syscall_filter_enter(unsigned needs, unsigned *count, struct why *why)
{
	scmp_filter_ctx ctx;
	unsigned n = 0;
	int err;

	/* It runs us on a processor of its own making, which knows no
	 * seccomp(2) and makes calls of its own. */
	if (RUNNING_ON_VALGRIND) {
		log_warning("sandbox.weakened",
			"text=\"no system call filter under valgrind\"");
		*count = 0;
		return 0;
	}
	ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	if (ctx == NULL)
		return why_set(why, -ENOMEM, "seccomp: out of memory");
	err = load(ctx, needs);
	seccomp_release(ctx);
	if (err < 0)
		return why_set(why, err,
			"seccomp: %s; the kernel or an outer sandbox does not "
			"let us install a filter (unit: SystemCallFilter=)",
			err_text(err));
	while (sandbox_syscall_name(needs, n) != NULL)
		n++;
	*count = n;
	return 0;
}

const char *sandbox_syscall_name(unsigned needs, size_t n)
{
	for (size_t i = 0; i < ARRAY_COUNT(allowed); i++) {
		if (is_needed(&allowed[i], needs) &&
			!is_in(allowed, i, allowed[i].nr) && n-- == 0)
			return allowed[i].name;
	}
	return NULL;
}
