/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#include "config.bpf.h"
#include <bpf/bpf_helpers.h>

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
volatile u64 walk_time_ns = 0;
volatile u32 existing_pass = 0;
volatile u32 sockets_overflowed = 0;

char LICENSE[] SEC("license") = "GPL";
