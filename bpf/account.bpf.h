/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Adds one observation to the window's flow summaries. Exactly once: the caller
 * owns the deltas, and user space never deletes from the active map. When the
 * flow map is full the observation goes to a coarser key; it is only lost (and
 * counted) when that map is full too.
 */
#ifndef IRIS_ACCOUNT_BPF_H
#define IRIS_ACCOUNT_BPF_H

#include "emit.bpf.h"
#include "sock.bpf.h"

struct observation {
	u64 owner;
	const u8 *peer_address;
	const u8 *local_address;
	const char *comm; /* NULL: not known */
	u64 time_ns;
	u64 first_ns;
	u64 originator_bytes;
	u64 responder_bytes;
	u32 originator_packets;
	u32 responder_packets;
	u32 opened;
	u32 established;
	u32 closed;
	u32 active;
	u32 retransmits;
	u32 rtt_us;
	u16 service_port;
	u8 protocol;
	u8 role;
	u8 failure; /* IRIS_FAILURE_NONE */
	u8 pre_existing;
	u8 attribution;
};

static __always_inline u64 pair(u32 low, u32 high)
{
	return low | (u64)high << 32;
}

static __always_inline void copy_comm(char to[IRIS_COMM_LEN], const char from[IRIS_COMM_LEN])
{
	((u64 *)to)[0] = ((const u64 *)from)[0];
	((u64 *)to)[1] = ((const u64 *)from)[1];
}

static __always_inline bool same_comm(const char a[IRIS_COMM_LEN], const char b[IRIS_COMM_LEN])
{
	return ((const u64 *)a)[0] == ((const u64 *)b)[0] && ((const u64 *)a)[1] == ((const u64 *)b)[1];
}

static __always_inline void add_observation(struct iris_flow_value *value, const struct observation *seen)
{
	u64 counts = pair(seen->opened, seen->established);

	if (seen->originator_bytes)
		__sync_fetch_and_add(&value->originator_bytes, seen->originator_bytes);
	if (seen->responder_bytes)
		__sync_fetch_and_add(&value->responder_bytes, seen->responder_bytes);
	__sync_fetch_and_add((u64 *)&value->originator_packets, pair(seen->originator_packets, seen->responder_packets));
	if (counts)
		__sync_fetch_and_add((u64 *)&value->opened, counts);
	__sync_fetch_and_add((u64 *)&value->closed, pair(seen->closed, 1));
	if (seen->active || seen->retransmits)
		__sync_fetch_and_add((u64 *)&value->active, pair(seen->active, seen->retransmits));
	if (seen->failure < IRIS_FAILURES)
		__sync_fetch_and_add(&value->failed[seen->failure], 1);
	if (seen->rtt_us) {
		__sync_fetch_and_add(&value->rtt_sum_us, (u64)seen->rtt_us);
		__sync_fetch_and_add(&value->rtt_count, 1);
		/* Extremes may miss a sample to a race; sums may not. */
		if (seen->rtt_us > value->rtt_max_us)
			value->rtt_max_us = seen->rtt_us;
		if (!value->rtt_min_us || seen->rtt_us < value->rtt_min_us)
			value->rtt_min_us = seen->rtt_us;
	}
	if (!value->first_seen_ns) {
		value->first_seen_ns = seen->first_ns;
		copy_address(value->local_address, seen->local_address);
	}
	if (seen->time_ns > value->last_seen_ns)
		value->last_seen_ns = seen->time_ns;
	if (seen->pre_existing && !value->pre_existing)
		value->pre_existing = 1;
	if (seen->attribution > value->attribution)
		value->attribution = seen->attribution;
	if (seen->comm && !same_comm(value->comms[0], seen->comm)) {
		if (!value->comms[0][0])
			copy_comm(value->comms[0], seen->comm);
		else if (!value->comms[1][0])
			copy_comm(value->comms[1], seen->comm);
	}
}

static __always_inline void *flow_map(u32 window)
{
	return window ? (void *)&flows_1 : (void *)&flows_0;
}

static __always_inline void *fold_map(u32 window)
{
	return window ? (void *)&folds_1 : (void *)&folds_0;
}

/*
 * One call for each map, kept apart by what the compiler cannot merge: the kernel
 * turns a look-up in a map that it knows into a direct call.
 */
static __always_inline struct iris_flow_value *find_flow(u32 window, const struct iris_flow_key *key)
{
	struct iris_flow_value *value;

	if (window) {
		value = bpf_map_lookup_elem(&flows_1, key);
		asm volatile("%0 = %0" : "+r"(value));
	} else {
		value = bpf_map_lookup_elem(&flows_0, key);
	}
	return value;
}

/* New entries start from this; a copy on the stack would not fit there. */
static const struct iris_flow_value empty_flow;

/* Makes the entry of `key`. NULL: no room. */
static __always_inline struct iris_flow_value *make_entry(void *map, const struct iris_flow_key *key)
{
	/* Fails when another CPU was first, or when the map is full. */
	bpf_map_update_elem(map, key, &empty_flow, BPF_NOEXIST);
	return bpf_map_lookup_elem(map, key);
}

static __always_inline void flow_key_of(struct iris_flow_key *key, const struct observation *seen)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->cgroup_id = seen->owner;
	copy_address(key->peer_address, seen->peer_address);
	key->service_port = seen->service_port;
	key->protocol = seen->protocol;
	key->role = seen->role;
}

static __always_inline void account(const struct observation *seen)
{
	u32 window = active_window & 1;
	struct iris_counters *counts = window_counters(window);
	struct iris_flow_value *value;
	struct iris_flow_key key;

	if (!counts)
		return;
	COUNT(counts->flow_updates);
	flow_key_of(&key, seen);
	value = find_flow(window, &key);
	if (!value)
		value = make_entry(flow_map(window), &key);
	if (!value) {
		__builtin_memset(key.peer_address, 0, sizeof(key.peer_address));
		key.service_port = 0;
		key.folded = 1;
		value = make_entry(fold_map(window), &key);
		if (!value) {
			COUNT(counts->lost_flow_update);
			return;
		}
		COUNT(counts->flow_updates_folded);
	}
	add_observation(value, seen);
}

#endif /* IRIS_ACCOUNT_BPF_H */
