/*
 * Giving up rights. The order is fixed here once and for all daemons:
 * bounding set and user (alone, and early, where root starts a daemon),
 * capabilities, no_new_privs, Landlock, seccomp; each step needs rights that
 * the next ones take away. Which files and which system calls stay is in
 * landlock.c and syscall_filter.c. Every step that fails ends the start: there
 * is no half sandbox.
 */
#include "common/run/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/securebits.h>

#include "common/base/err.h"
#include "common/run/landlock.h"
#include "common/run/syscall_filter.h"

#define BIT(cap) (1ULL << (cap))

struct caps {
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
};

static int caps_get(struct caps *out)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	out->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	out->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	out->inheritable =
		data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return 0;
}

/* Effective and permitted become exactly these, inheritable nothing. */
static int caps_set(uint64_t caps)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{(uint32_t)caps, (uint32_t)caps, 0},
		{(uint32_t)(caps >> 32), (uint32_t)(caps >> 32), 0},
	};

	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

/* While we may: nothing that is started later, whatever file capabilities
 * it has and even as uid 0, gets more than `keep`. */
static int drop_bounds(uint64_t keep)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if ((keep & BIT(cap)) == 0 &&
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	}
	if (prctl(PR_SET_SECUREBITS,
		    SECBIT_KEEP_CAPS | SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
			    SECBIT_NO_CAP_AMBIENT_RAISE |
			    SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
		    0, 0, 0) < 0)
		return -errno;
	return 0;
}

static int shrink_bounds(uint64_t keep, struct why *why)
{
	int err = drop_bounds(keep);

	return err < 0 ? why_set(why, err, "sandbox: bounding set: %s",
				 err_text(err)) : 0;
}

static int change_user(const struct sandbox_plan *plan, struct why *why)
{
	uid_t real;
	uid_t effective;
	uid_t saved;
	int err;

	if (setgroups(plan->group_count, plan->groups) < 0 ||
		setresgid(plan->gid, plan->gid, plan->gid) < 0 ||
		setresuid(plan->uid, plan->uid, plan->uid) < 0) {
		err = -errno;
		return why_set(why, err, "sandbox: user %u, group %u: %s",
			(unsigned)plan->uid, (unsigned)plan->gid,
			err_text(err));
	}
	if (getresuid(&real, &effective, &saved) < 0 || real != plan->uid ||
		effective != plan->uid || saved != plan->uid)
		return why_set(why, -EPERM,
			"sandbox: the kernel did not change to user %u",
			(unsigned)plan->uid);
	return 0;
}

/* capset is called only when there is something to give up: a unit's own
 * filter may forbid it, and has given us no more than we keep then. */
static int drop_capabilities(uint64_t keep, struct why *why)
{
	struct caps now = {0};
	int err;

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	err = caps_get(&now);
	if (err == 0 && ((now.permitted & ~keep) != 0 ||
				now.effective != (now.permitted & keep)))
		err = caps_set(now.permitted & keep);
	if (err == 0)
		err = caps_get(&now);
	if (err == 0 && ((now.permitted | now.effective) & ~keep) != 0)
		err = -EPERM;
	if (err < 0)
		return why_set(why, err, "sandbox: capabilities: %s",
			err_text(err));
	return 0;
}

/* Low ports; and large buffers for the ports of a relay, which are opened at
 * the start. */
static uint64_t starting_caps(const struct sandbox_plan *plan)
{
	return BIT(CAP_NET_BIND_SERVICE) |
		((plan->needs & SANDBOX_RELAYS) != 0 ? BIT(CAP_NET_ADMIN) :
						       0);
}

static uint64_t lasting_caps(const struct sandbox_plan *plan)
{
	return plan->may_bind_low ? BIT(CAP_NET_BIND_SERVICE) : 0;
}

/* Nothing that is started from here on gets back what is only for the start:
 * the bounding set is the lasting one at once. */
int sandbox_change_user(const struct sandbox_plan *plan, struct why *why)
{
	int err = shrink_bounds(lasting_caps(plan), why);

	if (err == 0)
		err = change_user(plan, why);
	return err < 0 ? err : drop_capabilities(starting_caps(plan), why);
}

/* After the user was changed: that makes the kernel forget it. */
static int follow_parent(pid_t parent, struct why *why)
{
	int err;

	if (parent == 0)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0) {
		err = -errno;
		return why_set(why, err, "sandbox: signal of parent: %s",
			err_text(err));
	}
	if (getppid() != parent)
		return why_set(why, -ESRCH, "the supervisor is gone");
	return 0;
}

static int forbid_new_rights(struct why *why)
{
	int err;

	/* Not dumpable: neither a core file nor another process of our user
	 * gets at the keys in memory. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) {
		err = -errno;
		return why_set(why, err, "sandbox: no_new_privs: %s",
			err_text(err));
	}
	return 0;
}

int sandbox_enter(const struct sandbox_plan *plan,
	struct sandbox_state *state, struct why *why)
{
	const uint64_t keep = lasting_caps(plan);
	struct sandbox_state s = {0};
	struct caps caps = {0};
	int err = 0;

	if (plan->uid == 0 && geteuid() == 0 && !plan->may_be_root)
		return why_set(why, -EPERM,
			"sandbox: started as root without a user to change to");
	if (geteuid() == 0)
		err = shrink_bounds(keep, why);
	if (err == 0 && plan->uid != 0)
		err = change_user(plan, why);
	if (err == 0)
		err = drop_capabilities(keep, why);
	if (err == 0)
		err = follow_parent(plan->parent, why);
	if (err == 0)
		err = forbid_new_rights(why);
	if (err == 0)
		err = landlock_enter(plan->paths, plan->path_count,
			&s.landlock_abi, why);
	if (err == 0)
		err = caps_get(&caps);
	if (err < 0)
		return err;
	s.uid = geteuid();
	s.no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	s.capabilities = caps.permitted;
	err = syscall_filter_enter(plan->needs, &s.syscall_count, why);
	if (err < 0)
		return err;
	s.seccomp = s.syscall_count > 0;
	*state = s;
	return 0;
}
