/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Kernel task > owner. */
#ifndef IRIS_TASK_BPF_H
#define IRIS_TASK_BPF_H

#include "config.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Only for a host whose containers live in v1 controllers alone. */
static __always_inline u64 task_v1_cgroup(struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup_subsys_state *css = NULL;

	bpf_probe_read_kernel(&css, sizeof(css),
			      (void *)set + bpf_core_field_offset(struct css_set, subsys) + owner_subsystem * sizeof(css));
	return BPF_CORE_READ(css, cgroup, kn, id);
}

/* Cgroup that names the owner of the running task. */
static __always_inline u64 current_owner(void)
{
	if (owner_hierarchy)
		return task_v1_cgroup((void *)bpf_get_current_task());
	return bpf_get_current_cgroup_id();
}

/* The same for any task. */
static __always_inline u64 task_owner(struct task_struct *task)
{
	if (owner_hierarchy)
		return task_v1_cgroup(task);
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

static __always_inline u32 current_pid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

#endif /* IRIS_TASK_BPF_H */
