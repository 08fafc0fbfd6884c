/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Knobs that user space sets before the load. The verifier sees them as
 * constants and drops what is switched off, code and cost alike.
 */
#ifndef IRIS_CONFIG_BPF_H
#define IRIS_CONFIG_BPF_H

#include "kernel.bpf.h"

/* What to report one by one, beside the flow summaries. */
extern const volatile bool emit_sockets;
extern const volatile bool emit_execs;
extern const volatile bool emit_exits;
extern const volatile bool emit_dns;

/* Asked of the kernel, not of its version. */
extern const volatile bool has_coarse_clock;     /* bpf_ktime_get_coarse_ns: 5.11 */
extern const volatile bool has_get_retval;       /* bpf_get_retval in sock_addr: 5.18 */
extern const volatile bool has_group_dead;       /* sched_process_exit(task, group_dead): 6.16 */
extern const volatile bool mark_victim_has_task; /* mark_victim(task, ..) instead of (pid): 6.8 */

/* Which hierarchy names the owner: 0 is cgroup v2, else the id of a v1 hierarchy. */
extern const volatile u32 owner_hierarchy;
/* Index of the v1 controller in css_set.subsys; only read when owner_hierarchy is set. */
extern const volatile u32 owner_subsystem;

/* Wake the reader when this many bytes wait in the ring buffer. */
extern const volatile u32 wakeup_bytes;

/* Written by user space while the programs run. */
extern volatile u32 active_window; /* 0 or 1 */
extern volatile u32 walk_closes_window; /* the walk ends a window: count live sockets */
extern volatile u64 recent_ns; /* CLOCK_MONOTONIC when the reader last woke or walked */
extern volatile u64 trusted_from_ns; /* sockets first seen at their close after this are new ones */
extern volatile u32 existing_pass; /* 0: listeners, 1: everything else */
/* Set by the programs once a socket found no room in `sockets`. */
extern volatile u32 sockets_overflowed;

#endif /* IRIS_CONFIG_BPF_H */
