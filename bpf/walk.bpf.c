/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The walk over live sockets, run by user space at the end of each window, before
 * it swaps: long-lived connections get their bytes into the window in which they
 * flowed, attempts that never left the host become failures, and entries whose
 * close was missed are cleared away.
 */
#include "connection.bpf.h"
#include <bpf/bpf_tracing.h>

#define PATIENCE_NS (500ULL * 1000 * 1000)

struct live {
	struct raw_totals raw;
	u8 state;
	u16 peer_port;
	struct socket_ends ends;
};

/* The socket by probe reads: its memory stays mapped, but may be another's by now. */
static __always_inline void read_live(struct live *live, struct sock *sk)
{
	struct tcp_sock *tp = (void *)sk;

	live->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	live->peer_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	live->raw.bytes_acked = BPF_CORE_READ(tp, bytes_acked);
	live->raw.bytes_received = BPF_CORE_READ(tp, bytes_received);
	live->raw.snd_una = BPF_CORE_READ(tp, snd_una);
	live->raw.write_seq = BPF_CORE_READ(tp, write_seq);
	live->raw.segs_in = BPF_CORE_READ(tp, segs_in);
	live->raw.segs_out = BPF_CORE_READ(tp, segs_out);
	live->raw.total_retrans = BPF_CORE_READ(tp, total_retrans);
	live->raw.srtt_us = BPF_CORE_READ(tp, srtt_us);
	live->raw.fin_queued = state_has_fin(live->state);
	live->raw.fin_received = BPF_CORE_READ(sk, __sk_common.skc_flags) &
				 (1UL << bpf_core_enum_value(enum sock_flags, SOCK_DONE));
	live->ends.local_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	live->ends.peer_port = live->peer_port;
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET)
		set_v4(live->ends.local_address, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
	else
		bpf_probe_read_kernel(live->ends.local_address, 16, &sk->__sk_common.skc_v6_rcv_saddr);
}

static __always_inline void fail_attempt(struct socket_entry *entry, u64 key, struct live *live)
{
	static const struct totals nothing;
	struct observation seen;

	observe_socket(&seen, entry, &nothing, entry->start_ns);
	seen.failure = entry->flags & SOCKET_DENIED ? IRIS_FAILURE_DENIED : IRIS_FAILURE_UNREACHABLE;
	__builtin_memset(live->ends.local_address, 0, 16);
	seen.local_address = live->ends.local_address;
	account(&seen);
	if (emit_sockets) {
		copy_address(live->ends.peer_address, entry->peer_address);
		live->ends.local_port = 0;
		live->ends.peer_port = entry->peer_port;
		emit_socket_event(IRIS_EVENT_FAILED, entry, &live->ends, entry->start_ns, seen.failure, IRIS_CONN_S0, NULL,
				  0);
	}
	bpf_map_delete_elem(&sockets, &key);
}

static __always_inline int sample(u64 key, bool atomic)
{
	struct socket_entry *entry;
	struct observation seen;
	struct totals now;
	struct live live;
	u64 free, time_ns;
	bool established, mine;

	entry = bpf_map_lookup_elem(&sockets, &key);
	if (!entry)
		return 0;
	free = entry->claim;
	if (free & (CLAIM_WALK | CLAIM_CLOSE))
		return 0;
	if (swap_claim(atomic, &entry->claim, free, free | CLAIM_WALK) != free)
		return 0;

	/*
	 * This program can be preempted: between look-up and claim the element may have
	 * become another socket's, which is as good. From here on it stays, since who
	 * closes leaves a claimed entry to us; unless it was not in the map at all.
	 */
	mine = entry->socket == key;
	key = entry->socket;
	if (bpf_map_lookup_elem(&sockets, &key) != entry) {
		swap_claim(atomic, &entry->claim, free | CLAIM_WALK, free);
		return 0;
	}

	time_ns = recent_ns;
	read_live(&live, (void *)key);
	if (entry->phase == PHASE_ATTEMPT && !(entry->claim & CLAIM_CLOSE)) {
		if (live.peer_port == entry->peer_port && live.state != TCP_CLOSE) {
			entry->phase = PHASE_OPEN;
		} else if (time_ns < entry->start_ns + PATIENCE_NS) {
			if (swap_claim(atomic, &entry->claim, free | CLAIM_WALK, free) == (free | CLAIM_WALK))
				return 0;
			/* Closed in this moment: accounted below. */
		} else {
			fail_attempt(entry, key, &live);
			return 0;
		}
	}

	established = live.state != TCP_SYN_SENT && live.state != TCP_SYN_RECV;
	payload_totals(&live.raw, entry->role == IRIS_ROLE_ORIGINATOR, established, &now);
	observe_socket(&seen, entry, &now, time_ns);
	seen.local_address = live.ends.local_address;
	/*
	 * A close that was missed (the tracepoint does not nest): the memory is free or
	 * another's. Young entries may be ahead of their socket, whose state follows.
	 */
	if ((live.state == TCP_CLOSE || live.peer_port != entry->peer_port) &&
	    time_ns > entry->start_ns + PATIENCE_NS) {
		if (!(entry->claim & CLAIM_CLOSE)) {
			struct iris_counters *counts = window_counters(active_window & 1);

			if (counts)
				COUNT(counts->missed_closes);
			observe_socket(&seen, entry, &entry->reported, time_ns);
			seen.local_address = live.ends.local_address;
			observe_close(&seen, entry, IRIS_FAILURE_NONE, true);
			account(&seen);
			bpf_map_delete_elem(&sockets, &key);
			return 0;
		}
	}
	seen.established = established && !(entry->flags & SOCKET_COUNTED_ESTABLISHED);
	seen.active = mine && walk_closes_window;
	seen.rtt_us = established ? live.raw.srtt_us >> 3 : 0;

	struct totals before = entry->reported;
	u8 flags = entry->flags;

	entry->reported = now;
	entry->flags |= SOCKET_COUNTED_OPENED | (established ? SOCKET_COUNTED_ESTABLISHED : 0);
	if (!entry->local_port)
		entry->local_port = live.ends.local_port;
	if (swap_claim(atomic, &entry->claim, free | CLAIM_WALK, free) == (free | CLAIM_WALK)) {
		account(&seen);
		return 0;
	}
	/* Closed meanwhile: account the close in its place, from what was reported before. */
	entry->reported = before;
	entry->flags = flags;
	observe_socket(&seen, entry, &entry->final, time_ns);
	observe_close(&seen, entry, entry->close_failure, entry->close_established);
	seen.local_address = live.ends.local_address;
	account(&seen);
	bpf_map_delete_elem(&sockets, &key);
	return 0;
}

static long sample_each(struct bpf_map *map, u64 *key, struct socket_entry *entry, void *context)
{
	return sample(*key, true);
}

/* Run by user space itself (BPF_PROG_RUN, 5.14): nothing is attached. */
SEC("syscall")
int iris_walk(void *context)
{
	bpf_for_each_map_elem(&sockets, sample_each, NULL, 0);
	return 0;
}

static __always_inline int sample_element(struct bpf_iter__bpf_map_elem *ctx, bool atomic)
{
	u64 *key = ctx->key; /* read once: the verifier ties the check to this load */

	return key ? sample(*key, atomic) : 0;
}

SEC("?iter/bpf_map_elem")
int iris_walk_iter(struct bpf_iter__bpf_map_elem *ctx)
{
	return sample_element(ctx, true);
}

SEC("?iter/bpf_map_elem")
int iris_walk_510(struct bpf_iter__bpf_map_elem *ctx)
{
	return sample_element(ctx, false);
}
