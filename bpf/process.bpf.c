/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Processes: what they run, how they end and who ended them. One record per
 * process (whole thread group), not per thread.
 */
#include "account.bpf.h"
#include "task.bpf.h"
#include <bpf/bpf_tracing.h>

#define PF_KTHREAD 0x00200000
#define SIGNAL_GROUP_EXIT 4

#define SIGBIT(signal) (1ULL << (signal))
enum { SIGQUIT = 3, SIGILL = 4, SIGTRAP = 5, SIGABRT = 6, SIGBUS = 7, SIGFPE = 8, SIGKILL = 9, SIGSEGV = 11,
       SIGCHLD = 17, SIGCONT = 18, SIGSTOP = 19, SIGTSTP = 20, SIGTTIN = 21, SIGTTOU = 22, SIGURG = 23,
       SIGWINCH = 28, SIGSYS = 31 };

/* Signals whose default action does not end the process. */
#define HARMLESS (SIGBIT(SIGCHLD) | SIGBIT(SIGCONT) | SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | \
		  SIGBIT(SIGTTOU) | SIGBIT(SIGURG) | SIGBIT(SIGWINCH))
/* Signals that tell of a fault in the program. */
#define FAULTS (SIGBIT(SIGQUIT) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGABRT) | SIGBIT(SIGBUS) | \
		SIGBIT(SIGFPE) | SIGBIT(SIGSEGV) | SIGBIT(SIGSYS))

SEC("tp_btf/sched_process_exec")
int BPF_PROG(iris_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct iris_exec_event *event;

	if (!emit_execs)
		return 0;
	event = reserve_event(sizeof(*event), IRIS_EVENT_EXEC, bpf_ktime_get_ns(), current_owner(), task->tgid);
	if (!event)
		return 0;
	event->start_ns = task->group_leader->start_time;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	__builtin_memset(event->path, 0, sizeof(event->path));
	bpf_probe_read_kernel_str(event->path, sizeof(event->path), bprm->filename);
	submit_event(event, sizeof(*event));
	return 0;
}

/* Status as wait(2) gives it. */
static __always_inline int exit_status(struct task_struct *task)
{
	struct signal_struct *signal = task->signal;

	if (signal->flags & SIGNAL_GROUP_EXIT)
		return signal->group_exit_code;
	return task->group_leader->exit_code ? task->group_leader->exit_code : task->exit_code;
}

static __always_inline bool namespace_init(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	u32 level = BPF_CORE_READ(pid, level);
	struct upid upid = {};

	if (!level || level > 32)
		return false;
	bpf_probe_read_kernel(&upid, sizeof(upid), (void *)pid + bpf_core_field_offset(struct pid, numbers) +
						   level * bpf_core_type_size(struct upid));
	return upid.nr == 1;
}

SEC("tp_btf/sched_process_exit")
int iris_exit(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct iris_exit_event *event;
	struct iris_killer *killer;
	u32 pid;

	if (!emit_exits)
		return 0;
	if (has_group_dead) {
		if (!(ctx[1] & 0xff))
			return 0;
	} else if (task->signal->live.counter != 0) {
		return 0;
	}
	if (task->flags & PF_KTHREAD)
		return 0;

	pid = task->tgid;
	event = reserve_event(sizeof(*event), IRIS_EVENT_EXIT, bpf_ktime_get_ns(), current_owner(), pid);
	if (!event)
		return 0;
	event->start_ns = task->group_leader->start_time;
	event->status = exit_status(task);
	event->namespace_init = namespace_init(task);
	__builtin_memset(event->reserved, 0, sizeof(event->reserved));
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	__builtin_memset(&event->killer, 0, sizeof(event->killer));
	killer = event->status & 0x7f ? bpf_map_lookup_elem(&killers, &pid) : NULL;
	if (killer)
		event->killer = *killer;
	submit_event(event, sizeof(*event));
	return 0;
}

/*
 * Who sends a signal that may end a process. `info` is 0 (from the running task,
 * without details), 1 (from the kernel) or a pointer; a positive si_code is the
 * kernel's own, such as a fault or a timer, and then `current` may be a stranger.
 */
SEC("tp_btf/signal_generate")
int iris_sig_gen(u64 *ctx)
{
	int sig = (int)ctx[0];
	u64 info = ctx[1];
	struct task_struct *task = (void *)ctx[2];
	int result = (int)ctx[4];
	struct iris_killer killer = {};
	struct iris_killer *known;
	bool by_task = info == 0;
	u32 pid;

	if (sig <= 0 || sig > 31 || (HARMLESS >> sig & 1) || result != 0)
		return 0;
	if (info > 1) {
		int code = 0;

		bpf_probe_read_kernel(&code, sizeof(code), (void *)info + bpf_core_field_offset(struct kernel_siginfo, si_code));
		by_task = code <= 0;
	} else if (info == 1) {
		/* A dying init takes its namespace along: sent from its own context. */
		by_task = sig == SIGKILL;
	}
	pid = task->tgid;
	killer.signal = sig;
	if (by_task && current_pid() != pid) {
		killer.pid = current_pid();
		killer.cgroup_id = current_owner();
		bpf_get_current_comm(killer.comm, sizeof(killer.comm));
	}
	known = bpf_map_lookup_elem(&killers, &pid);
	if (known)
		killer.oom = known->oom;
	bpf_map_update_elem(&killers, &pid, &killer, BPF_ANY);
	return 0;
}

/* The crashing thread, its memory and registers still in place. */
SEC("tp_btf/signal_deliver")
int iris_sig_fault(u64 *ctx)
{
	int sig = (int)ctx[0];
	struct k_sigaction *action = (void *)ctx[2];
	struct iris_stack_event *event;
	long bytes;

	if (!emit_exits || sig <= 0 || sig > 31 || !(FAULTS >> sig & 1) || action->sa.sa_handler)
		return 0;
	event = reserve_event(sizeof(*event), IRIS_EVENT_STACK, bpf_ktime_get_ns(), current_owner(), current_pid());
	if (!event)
		return 0;
	event->signal = sig;
	bytes = bpf_get_stack(ctx, event->frame, sizeof(event->frame), BPF_F_USER_STACK | BPF_F_USER_BUILD_ID);
	event->frames = bytes > 0 ? bytes / sizeof(event->frame[0]) : 0;
	if (bytes <= 0)
		__builtin_memset(event->frame, 0, sizeof(event->frame[0]));
	submit_event(event, sizeof(*event));
	return 0;
}

/* Not tp_btf: the first argument was a pid until 6.8 and is a task since. */
SEC("raw_tp/mark_victim")
int iris_oom(struct bpf_raw_tracepoint_args *ctx)
{
	struct iris_killer oom = { .signal = SIGKILL, .oom = 1 };
	struct iris_killer *known;
	u32 pid = ctx->args[0];

	if (mark_victim_has_task)
		pid = BPF_CORE_READ((struct task_struct *)ctx->args[0], tgid);
	known = bpf_map_lookup_elem(&killers, &pid);
	if (known)
		known->oom = 1;
	else
		bpf_map_update_elem(&killers, &pid, &oom, BPF_ANY);
	return 0;
}
