/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#include "config.bpf.h"
#include <bpf/bpf_helpers.h>
#include <iris/event.h>

const volatile bool emit_sockets = false;
const volatile bool emit_execs = false;
const volatile bool emit_exits = false;
const volatile bool emit_dns = false;

const volatile bool has_coarse_clock = false;
const volatile bool has_get_retval = false;
const volatile bool has_group_dead = false;
const volatile bool mark_victim_has_task = false;

const volatile u32 owner_hierarchy = 0;
const volatile u32 owner_subsystem = 0;
const volatile u32 wakeup_bytes = 65536;

volatile u32 active_window = 0;
volatile u32 walk_closes_window = 0;
volatile u64 recent_ns = 0;
volatile u64 trusted_from_ns = 0; /* 0: not yet */
volatile u32 existing_pass = 0;
volatile u32 sockets_overflowed = 0;

/*
 * Records live only in the ring buffer, where no map names their types; named
 * here, so that the object tells its layout to whoever checks it (tests/abi).
 */
union iris_records {
	struct iris_socket_event socket;
	struct iris_exec_event exec;
	struct iris_exit_event exit;
	struct iris_stack_event stack;
	struct iris_dns_event dns;
	struct iris_cgroup_event cgroup;
};
union iris_records *record_types;

char LICENSE[] SEC("license") = "GPL";
