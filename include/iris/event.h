/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The contract between the BPF programs (bpf/) and user space (userspace/capture):
 * ring buffer records, flow map entries and loss counters. Padded by hand, so that
 * both compilers agree and no byte of kernel memory leaks through padding;
 * tests/abi checks sizes and offsets against the object's BTF.
 *
 * Times are nanoseconds of CLOCK_MONOTONIC unless the name says otherwise.
 * Ports are in host byte order, addresses in network byte order; IPv4 addresses
 * are kept as ::ffff:a.b.c.d. Process ids are those of the initial PID namespace.
 */
#ifndef IRIS_EVENT_H
#define IRIS_EVENT_H

#include <linux/types.h>

#define IRIS_ABI_VERSION 1

enum {
	IRIS_COMM_LEN = 16,
	IRIS_PATH_LEN = 256,
	IRIS_DNS_LEN = 512,
	IRIS_STACK_DEPTH = 64,
	IRIS_FLOW_COMMS = 2,
};

enum iris_event_type {
	IRIS_EVENT_CONNECT = 1,
	IRIS_EVENT_ACCEPT,
	IRIS_EVENT_ESTABLISHED,
	IRIS_EVENT_FAILED,
	IRIS_EVENT_CLOSE,
	IRIS_EVENT_LISTEN,
	IRIS_EVENT_UDP,
	IRIS_EVENT_EXEC,
	IRIS_EVENT_EXIT,
	IRIS_EVENT_STACK,
	IRIS_EVENT_DNS,
	IRIS_EVENT_CGROUP_ADDED,
	IRIS_EVENT_CGROUP_REMOVED,
	IRIS_EVENT_TYPES, /* not a type: their number */
};

enum iris_role {
	IRIS_ROLE_ORIGINATOR = 1,
	IRIS_ROLE_RESPONDER = 2,
};

/* In the order of the JSON contract's "failed" object. */
enum iris_failure {
	IRIS_FAILURE_REFUSED,
	IRIS_FAILURE_TIMED_OUT,
	IRIS_FAILURE_UNREACHABLE,
	IRIS_FAILURE_RESET,
	IRIS_FAILURE_DENIED,
	IRIS_FAILURE_OTHER,
	IRIS_FAILURES,
	IRIS_FAILURE_NONE = 0xff,
};

/* Zeek's conn_state. */
enum iris_conn_state {
	IRIS_CONN_NONE,
	IRIS_CONN_S0,
	IRIS_CONN_S1,
	IRIS_CONN_SF,
	IRIS_CONN_REJ,
	IRIS_CONN_RSTO,
	IRIS_CONN_RSTR,
	IRIS_CONN_OTH,
};

enum iris_attribution {
	IRIS_ATTRIBUTION_EXACT,  /* taken in the owner's own context */
	IRIS_ATTRIBUTION_SOCKET, /* taken from the socket */
	IRIS_ATTRIBUTION_UNKNOWN,
};

struct iris_event_header {
	__u16 type;   /* enum iris_event_type */
	__u8 window;  /* 0 or 1: which of the two window counters it was produced under */
	__u8 pre_existing;
	__u32 pid;    /* thread group; 0: not known */
	__u64 time_ns;
	__u64 cgroup_id; /* 0: not known */
};

struct iris_socket_event {
	struct iris_event_header header;
	__u8 local_address[16];
	__u8 peer_address[16];
	__u16 local_port; /* 0: not chosen yet */
	__u16 peer_port;
	__u8 protocol; /* IANA */
	__u8 role;
	__u8 failure;    /* enum iris_failure, IRIS_FAILURE_NONE */
	__u8 conn_state; /* close only */
	char comm[IRIS_COMM_LEN];
	__u64 originator_bytes; /* close only, as the two below */
	__u64 responder_bytes;
	__u64 duration_us;
};

struct iris_exec_event {
	struct iris_event_header header;
	__u64 start_ns;
	char comm[IRIS_COMM_LEN];
	char path[IRIS_PATH_LEN];
};

struct iris_killer {
	__u64 cgroup_id;
	__u32 pid; /* 0: the kernel, or the process itself */
	__u8 signal;
	__u8 oom;  /* chosen by the OOM killer */
	__u8 reserved[2];
	char comm[IRIS_COMM_LEN];
};

struct iris_exit_event {
	struct iris_event_header header;
	__u64 start_ns;
	__s32 status; /* as of wait(2): signal in bits 0..6, core dump in 7, code in 8..15 */
	__u8 namespace_init; /* pid 1 of a PID namespace below the initial one */
	__u8 reserved[3];
	char comm[IRIS_COMM_LEN];
	struct iris_killer killer; /* signal 0: none seen */
};

/* Layout of struct bpf_stack_build_id (linux/bpf.h). */
struct iris_stack_frame {
	__s32 status; /* 0: end, 1: build id and file offset, 2: plain address */
	__u8 build_id[20];
	__u64 offset;
};

/* Taken when a fatal fault signal is delivered, before its exit event. */
struct iris_stack_event {
	struct iris_event_header header;
	__u32 signal;
	__u32 frames;
	struct iris_stack_frame frame[IRIS_STACK_DEPTH];
};

struct iris_dns_event {
	struct iris_event_header header;
	__u8 server_address[16];
	__u32 length; /* valid bytes in message */
	__u8 reserved[4];
	__u8 message[IRIS_DNS_LEN];
};

struct iris_cgroup_event {
	struct iris_event_header header;
	char path[IRIS_PATH_LEN];
};

struct iris_flow_key {
	__u64 cgroup_id;
	__u8 peer_address[16]; /* all zero when folded */
	__u16 service_port;    /* 0 when folded or when the protocol has none */
	__u8 protocol;
	__u8 role;
	__u8 folded;
	__u8 reserved[3];
};

/* Pairs of 32-bit counters share a word, so that one atomic add moves both. */
struct iris_flow_value {
	__u64 first_seen_ns;
	__u64 last_seen_ns;
	__u64 originator_bytes;
	__u64 responder_bytes;
	__u32 originator_packets, responder_packets;
	__u32 opened, established;
	__u32 closed, updates; /* updates: observations added to this entry, for the ledger */
	__u32 active, retransmits;
	__u64 rtt_sum_us;
	__u32 rtt_count, rtt_max_us;
	__u32 rtt_min_us; /* 0: no sample */
	__u8 pre_existing;
	__u8 attribution; /* the least sure one seen */
	__u8 reserved[2];
	__u32 failed[IRIS_FAILURES];
	__u8 local_address[16];
	char comms[IRIS_FLOW_COMMS][IRIS_COMM_LEN];
};

/*
 * Per-CPU counters, one set for each of the two windows. For each window, once it
 * is drained: events_produced = events read + events lost, and
 * flow_updates = the sum of updates over the flow and the fold map.
 */
struct iris_counters {
	__u64 events_produced;
	__u64 flow_updates;
	__u64 flow_updates_folded;
	__u64 lost_ring[IRIS_EVENT_TYPES]; /* no room in the ring buffer, by type */
	__u64 lost_flow_update;            /* neither flow nor fold map had room */
	__u64 lost_socket;                 /* no room in the socket map: flow seen at close only */
	/* The kernel leaves a run of a tracing program out when another one of it is under way on the same CPU. */
	__u64 missed_births; /* a socket was first seen at its close */
	__u64 missed_closes; /* found later: its last bytes are not known */
};

#endif /* IRIS_EVENT_H */
