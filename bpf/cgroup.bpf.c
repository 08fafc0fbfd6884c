/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Cgroups come and go. Reported in the same ring as everything else, so that a
 * container's path is always read before its first socket.
 */
#include "account.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

static __always_inline int report(u16 type, struct cgroup *cgroup, const char *path)
{
	struct iris_cgroup_event *event;

	if ((u32)cgroup->root->hierarchy_id != owner_hierarchy)
		return 0;
	event = reserve_event(sizeof(*event), type, bpf_ktime_get_ns(), cgroup->kn->id, 0);
	if (!event)
		return 0;
	__builtin_memset(event->path, 0, sizeof(event->path));
	bpf_probe_read_kernel_str(event->path, sizeof(event->path), path);
	submit_event(event, sizeof(*event));
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(iris_cg_mkdir, struct cgroup *cgroup, const char *path)
{
	return report(IRIS_EVENT_CGROUP_ADDED, cgroup, path);
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(iris_cg_rmdir, struct cgroup *cgroup, const char *path)
{
	return report(IRIS_EVENT_CGROUP_REMOVED, cgroup, path);
}
