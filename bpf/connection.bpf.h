/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * One TCP socket's life in `sockets`, and how its counters reach the summaries
 * exactly once although a close may race with the walk over live sockets.
 *
 * The claim word belongs to one life of an entry (a random number above the two
 * claim bits), so that neither side can mistake a reused entry for the old one:
 *
 *   walk:  free > WALK, read the socket, raise `reported`, WALK > free, account.
 *   close: write `final`, then free > CLOSE, account, delete. If the walk holds
 *          the claim: WALK > WALK|CLOSE, and leave the rest to the walk, whose
 *          release then fails and which accounts `final` in the close's place.
 */
#ifndef IRIS_CONNECTION_BPF_H
#define IRIS_CONNECTION_BPF_H

#include "account.bpf.h"

/*
 * Compare-and-swap is an instruction since 5.12. Without it (atomic = false,
 * 5.10) the window between the two lines is a few instructions on another CPU;
 * a lost race there counts one socket's window twice.
 */
static __always_inline u64 swap_claim(bool atomic, u64 *claim, u64 expected, u64 desired)
{
	u64 seen;

	if (atomic)
		return __sync_val_compare_and_swap(claim, expected, desired);
	seen = *(volatile u64 *)claim;
	if (seen == expected)
		*(volatile u64 *)claim = desired;
	return seen;
}

static __always_inline u64 new_claim(void)
{
	return ((u64)bpf_get_prandom_u32() + 1) << CLAIM_BITS;
}

/* What `now` adds to what was reported, from the view of the conversation. */
static __always_inline void observe_socket(struct observation *seen, const struct socket_entry *entry,
					   const struct totals *now, u64 time_ns)
{
	u64 sent = now->sent - entry->reported.sent;
	u64 received = now->received - entry->reported.received;
	u32 packets_out = now->packets_out - entry->reported.packets_out;
	u32 packets_in = now->packets_in - entry->reported.packets_in;
	bool originator = entry->role == IRIS_ROLE_ORIGINATOR;

	seen->owner = entry->owner;
	seen->peer_address = entry->peer_address;
	seen->comm = entry->comm[0] ? entry->comm : NULL;
	seen->time_ns = time_ns;
	seen->first_ns = entry->start_ns && !(entry->flags & SOCKET_COUNTED_OPENED) ? entry->start_ns : time_ns;
	seen->originator_bytes = originator ? sent : received;
	seen->responder_bytes = originator ? received : sent;
	seen->originator_packets = originator ? packets_out : packets_in;
	seen->responder_packets = originator ? packets_in : packets_out;
	seen->retransmits = now->retransmits - entry->reported.retransmits;
	seen->opened = !(entry->flags & SOCKET_COUNTED_OPENED);
	seen->established = 0;
	seen->closed = 0;
	seen->active = 0;
	seen->rtt_us = 0;
	seen->service_port = originator ? entry->peer_port : entry->local_port;
	seen->protocol = IPPROTO_TCP;
	seen->role = entry->role;
	seen->failure = IRIS_FAILURE_NONE;
	seen->pre_existing = entry->flags & SOCKET_PRE_EXISTING;
	seen->attribution = entry->attribution;
}

/* The end of a socket: closed when it was established, else a failure. */
static __always_inline void observe_close(struct observation *seen, const struct socket_entry *entry,
					  u8 failure, bool established)
{
	seen->failure = failure;
	seen->closed = established;
	seen->established = established && !(entry->flags & SOCKET_COUNTED_ESTABLISHED);
}

struct socket_ends {
	u8 local_address[16];
	u8 peer_address[16];
	u16 local_port;
	u16 peer_port;
} __attribute__((aligned(8))); /* addresses are copied as words */

static __always_inline void emit_socket_event(u16 type, const struct socket_entry *entry,
					      const struct socket_ends *ends, u64 time_ns, u8 failure,
					      u8 conn_state, const struct totals *totals, u64 duration_us)
{
	struct iris_socket_event *event = reserve_event(sizeof(*event), type, time_ns, entry->owner, entry->pid);
	bool originator = entry->role == IRIS_ROLE_ORIGINATOR;

	if (!event)
		return;
	event->header.pre_existing = entry->flags & SOCKET_PRE_EXISTING;
	copy_address(event->local_address, ends->local_address);
	copy_address(event->peer_address, ends->peer_address);
	event->local_port = ends->local_port;
	event->peer_port = ends->peer_port;
	event->protocol = IPPROTO_TCP;
	event->role = entry->role;
	event->failure = failure;
	event->conn_state = conn_state;
	copy_comm(event->comm, entry->comm);
	event->originator_bytes = !totals ? 0 : originator ? totals->sent : totals->received;
	event->responder_bytes = !totals ? 0 : originator ? totals->received : totals->sent;
	event->duration_us = duration_us;
	submit_event(event, sizeof(*event));
}

#endif /* IRIS_CONNECTION_BPF_H */
