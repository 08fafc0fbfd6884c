/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Entries of the table of sockets: how they come in, and how those end that nobody else ends. */
#ifndef IRIS_SOCKET_TABLE_BPF_H
#define IRIS_SOCKET_TABLE_BPF_H
#include "connection.bpf.h"
#include "task.bpf.h"

/* An attempt that the connect hook saw and that never reached SYN_SENT. */
static __always_inline void end_attempt(const struct socket_entry *entry)
{
	static const struct totals nothing;
	struct observation seen;
	struct socket_ends ends = {};

	observe_socket(&seen, entry, &nothing, entry->start_ns);
	seen.failure = entry->flags & SOCKET_DENIED ? IRIS_FAILURE_DENIED : IRIS_FAILURE_UNREACHABLE;
	seen.local_address = ends.local_address;
	account(&seen);
	if (emit_sockets) {
		copy_address(ends.peer_address, entry->peer_address);
		ends.peer_port = entry->peer_port;
		emit_socket_event(IRIS_EVENT_FAILED, entry, &ends, entry->start_ns, seen.failure, IRIS_CONN_S0, NULL, 0);
	}
}

/* The end of a socket that went unseen, told from what is known of it. */
static __always_inline void end_missed(const struct socket_entry *entry)
{
	struct iris_counters *counts = window_counters(active_window & 1);
	struct observation seen;
	struct socket_ends ends = {};

	observe_socket(&seen, entry, &entry->reported, entry->start_ns);
	observe_close(&seen, entry, IRIS_FAILURE_NONE, true);
	seen.local_address = ends.local_address;
	account(&seen);
	if (counts)
		COUNT(counts->missed_closes);
	if (emit_sockets) {
		copy_address(ends.peer_address, entry->peer_address);
		ends.local_port = entry->local_port;
		ends.peer_port = entry->peer_port;
		emit_socket_event(IRIS_EVENT_CLOSE, entry, &ends, entry->start_ns, IRIS_FAILURE_NONE, IRIS_CONN_OTH, NULL,
				  0);
	}
}

/*
 * An entry that is in the way of a new connection of the same socket: an attempt
 * that never reached SYN_SENT, or one whose close and whose destruction were both
 * missed. It has ended, so it is counted before it is overwritten. False: the walk
 * is just ending it, and the entry is the walk's.
 */
static __noinline int end_stale(struct socket_entry *old)
{
	if (old->claim & CLAIM_WALK)
		return 0;
	if (old->phase == PHASE_ATTEMPT)
		end_attempt(old);
	else
		end_missed(old);
	return 1;
}

static __always_inline void insert_socket(u64 key, struct socket_entry *entry)
{
	struct iris_counters *counts;
	struct socket_entry *old;

	entry->socket = key;
	if (bpf_map_update_elem(&sockets, &key, entry, BPF_NOEXIST) == 0)
		return;
	old = bpf_map_lookup_elem(&sockets, &key);
	if (old && end_stale(old) && bpf_map_update_elem(&sockets, &key, entry, BPF_ANY) == 0)
		return;
	sockets_overflowed = 1; /* told at its close, as one born unseen */
	if (old)
		return;
	counts = window_counters(active_window & 1);
	if (counts)
		COUNT(counts->lost_socket);
}

static __always_inline void fill_originator(struct socket_entry *entry, u64 now_ns)
{
	entry->claim = new_claim();
	entry->owner = current_owner();
	entry->start_ns = now_ns;
	entry->role = IRIS_ROLE_ORIGINATOR;
	entry->attribution = IRIS_ATTRIBUTION_EXACT;
	entry->pid = current_pid();
	bpf_get_current_comm(entry->comm, sizeof(entry->comm));
}

#endif
