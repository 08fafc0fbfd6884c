/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The one road into the ring buffer: count what is produced, count what finds
 * no room, and wake the reader once per batch instead of once per record (a
 * wake-up costs ten times the record).
 */
#ifndef IRIS_EMIT_BPF_H
#define IRIS_EMIT_BPF_H

#include "config.bpf.h"
#include "maps.bpf.h"

static __always_inline struct iris_counters *window_counters(u32 window)
{
	return bpf_map_lookup_elem(&counters, &window);
}

/* Atomic although per CPU: a softirq may come between the load and the store. */
#define COUNT(field) __sync_fetch_and_add(&(field), 1)

/* A tick old at most, at a tenth of the price. Only cgroup programs may call it. */
static __always_inline u64 now_coarse_ns(void)
{
	return has_coarse_clock ? bpf_ktime_get_coarse_ns() : bpf_ktime_get_ns();
}

/* Room for a record of `size` bytes (a constant), header filled; or NULL, counted. */
static __always_inline void *reserve_event(u64 size, u16 type, u64 time_ns, u64 cgroup_id, u32 pid)
{
	u32 window = active_window & 1;
	struct iris_counters *counts = window_counters(window);
	struct iris_event_header *header;

	if (!counts)
		return NULL;
	COUNT(counts->events_produced);
	header = bpf_ringbuf_reserve(&events, size, 0);
	if (!header) {
		COUNT(counts->lost_ring[type]);
		return NULL;
	}
	header->type = type;
	header->window = window;
	header->pre_existing = 0;
	header->pid = pid;
	header->time_ns = time_ns;
	header->cgroup_id = cgroup_id;
	return header;
}

/*
 * Wakes the reader when this record made the fill level cross the threshold, not
 * while it is above: a reader that is busy reading needs no further wake-up, and
 * one that fell asleep meanwhile has a time-out.
 */
static __always_inline void submit_event(void *record, u64 size)
{
	u64 fill = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
	u64 flags = BPF_RB_NO_WAKEUP;

	/* fill includes this record, which is reserved but not committed. */
	if (fill >= wakeup_bytes && fill - (size + 8) < wakeup_bytes)
		flags = BPF_RB_FORCE_WAKEUP;
	bpf_ringbuf_submit(record, flags);
}

#endif /* IRIS_EMIT_BPF_H */
