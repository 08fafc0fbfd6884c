/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Every map: what it holds, who writes, who deletes. All are preallocated (or
 * least-recently-used), so that memory is fixed when the object is loaded; user
 * space sets the sizes of those marked "sized".
 *
 *   sockets     socket address > socket_entry. Written at birth by the connect hooks
 *               and the state tracepoint, deleted at close (or by the walk). Sized.
 *   listeners   (network namespace, port) > who listens. Written at listen, deleted
 *               when the last listening socket of that port closes.
 *   flows_0/1   one window's summaries each; programs write into active_window's,
 *               user space drains the other one. Nobody deletes from the active one. Sized.
 *   folds_0/1   the same for coarser keys, when a flow map is full.
 *   udp_roles   (socket cookie, peer, its port; 0 where the peer opened) > who spoke first. LRU.
 *   udp_sockets socket storage: who made it, and the role of its first packet.
 *   killers     thread group > who sent it a fatal signal last. LRU.
 *   counters    iris_counters, one entry a window, per CPU.
 *   events      the ring buffer. Sized.
 *   barrier     map in map without use of its own: replacing its inner map makes the
 *               kernel wait until no program still runs that saw the old window.
 */
#ifndef IRIS_MAPS_BPF_H
#define IRIS_MAPS_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>
#include <iris/event.h>

struct totals {
	u64 sent;     /* payload bytes that the peer has acknowledged */
	u64 received;
	u32 packets_out;
	u32 packets_in;
	u32 retransmits;
	u32 reserved;
};

enum socket_phase {
	PHASE_ATTEMPT, /* seen by the connect hook, not yet in SYN_SENT */
	PHASE_OPEN,
};

enum socket_flags {
	SOCKET_PRE_EXISTING = 1,
	SOCKET_COUNTED_OPENED = 2,
	SOCKET_COUNTED_ESTABLISHED = 4,
	SOCKET_DENIED = 8,
};

/* Bits of socket_entry.claim; the rest of the word tells one life of the entry from the next. */
enum socket_claim {
	CLAIM_WALK = 1,  /* the walk is adding this socket's deltas */
	CLAIM_CLOSE = 2, /* the socket has closed; final is valid */
	CLAIM_BITS = 2,
};

struct socket_entry {
	u64 claim;
	u64 socket; /* the key */
	u64 owner;
	u64 start_ns;
	u64 established_us;
	struct totals reported; /* what flow summaries hold already; written under the claim */
	struct totals final;
	u8 peer_address[16];
	u16 peer_port;
	u16 local_port;
	u8 role;
	u8 phase;
	u8 flags;
	u8 attribution;
	u32 pid;
	u8 close_failure; /* what the close found, for a walk that takes over */
	u8 close_established;
	u8 reserved[2];
	char comm[IRIS_COMM_LEN];
};

struct listener_key {
	u32 netns;
	u16 port;
	u16 reserved;
};

struct listener {
	u64 owner;
	u32 pid;
	u32 sockets; /* SO_REUSEPORT: several sockets on one port */
	char comm[IRIS_COMM_LEN];
};

struct udp_role_key {
	u64 cookie;
	u8 peer_address[16];
	u32 peer_port;
	u32 protocol;
};

struct udp_socket {
	u64 owner;
	u32 pid; /* 0: older than the agent */
	u8 role; /* of the first packet; 0: none yet */
	u8 reserved[3];
	char comm[IRIS_COMM_LEN];
};

struct sockets_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 20480);
	__type(key, u64);
	__type(value, struct socket_entry);
};
extern struct sockets_map sockets SEC(".maps");

struct listeners_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048);
	__type(key, struct listener_key);
	__type(value, struct listener);
};
extern struct listeners_map listeners SEC(".maps");

struct flows_0_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 12288);
	__type(key, struct iris_flow_key);
	__type(value, struct iris_flow_value);
};
extern struct flows_0_map flows_0 SEC(".maps");

struct flows_1_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 12288);
	__type(key, struct iris_flow_key);
	__type(value, struct iris_flow_value);
};
extern struct flows_1_map flows_1 SEC(".maps");

struct folds_0_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct iris_flow_key);
	__type(value, struct iris_flow_value);
};
extern struct folds_0_map folds_0 SEC(".maps");

struct folds_1_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct iris_flow_key);
	__type(value, struct iris_flow_value);
};
extern struct folds_1_map folds_1 SEC(".maps");

struct udp_roles_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct udp_role_key);
	__type(value, u32);
};
extern struct udp_roles_map udp_roles SEC(".maps");

struct udp_sockets_map {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct udp_socket);
};
extern struct udp_sockets_map udp_sockets SEC(".maps");

struct killers_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, u32);
	__type(value, struct iris_killer);
};
extern struct killers_map killers SEC(".maps");

struct counters_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct iris_counters);
};
extern struct counters_map counters SEC(".maps");

struct events_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 2 << 20);
};
extern struct events_map events SEC(".maps");

struct barrier_inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
};

struct barrier_map {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, u32);
	__array(values, struct barrier_inner);
};
extern struct barrier_map barrier SEC(".maps");

#endif /* IRIS_MAPS_BPF_H */
