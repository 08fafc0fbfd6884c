/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * TCP: birth, failure and end of every connection.
 *
 * Ten state changes make a loopback connection and seven of them need nothing
 * unless single events are wanted: what is open is counted by the walk at the
 * end of the window, what has ended at its close. The owner is taken at birth,
 * in the context of the process that connects or from the socket it inherits;
 * at later changes `current` is a stranger.
 */
#include "socket_table.bpf.h"
#include <bpf/bpf_tracing.h>

static __always_inline void listener_key_of(struct listener_key *key, const struct sock *sk)
{
	key->netns = sk->__sk_common.skc_net.net->ns.inum;
	key->port = sk->__sk_common.skc_num;
	key->reserved = 0;
}

static __always_inline void ends_of(struct socket_ends *ends, const struct sock *sk, u16 local_port)
{
	sock_addresses(sk, ends->local_address, ends->peer_address);
	ends->local_port = local_port;
	ends->peer_port = bpf_ntohs(sk->__sk_common.skc_dport);
}

static __always_inline void on_syn_sent(const struct sock *sk)
{
	u64 key = (u64)sk;
	struct socket_entry *entry = bpf_map_lookup_elem(&sockets, &key);

	if (entry) {
		entry->phase = PHASE_OPEN;
	} else {
		/* No connect hook (kernel sockets, MPTCP subflows, hooks not attached). */
		struct socket_entry fresh = {};
		struct socket_ends ends;

		fill_originator(&fresh, bpf_ktime_get_ns());
		fresh.phase = PHASE_OPEN;
		ends_of(&ends, sk, 0);
		copy_address(fresh.peer_address, ends.peer_address);
		fresh.peer_port = ends.peer_port;
		insert_socket(key, &fresh);
		entry = bpf_map_lookup_elem(&sockets, &key);
	}
	if (emit_sockets && entry) {
		struct socket_ends ends;

		ends_of(&ends, sk, sk->__sk_common.skc_num);
		/* Not start_ns: the coarse clock may lie before a listen that came first. */
		emit_socket_event(IRIS_EVENT_CONNECT, entry, &ends, bpf_ktime_get_ns(), IRIS_FAILURE_NONE,
				  IRIS_CONN_NONE, NULL, 0);
	}
}

/*
 * SYN_RECV > ESTABLISHED, not LISTEN > SYN_RECV: when two CPUs answer one
 * handshake, the second child is dropped without another state change.
 */
static __always_inline void on_accepted(const struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock((void *)sk);
	struct socket_entry entry = {};
	struct socket_ends ends;

	if (!tp)
		return;
	entry.claim = new_claim();
	entry.established_us = tp->tcp_mstamp;
	entry.start_ns = entry.established_us * 1000;
	entry.role = IRIS_ROLE_RESPONDER;
	entry.phase = PHASE_OPEN;
	entry.attribution = IRIS_ATTRIBUTION_SOCKET;
	ends_of(&ends, sk, sk->__sk_common.skc_num);
	copy_address(entry.peer_address, ends.peer_address);
	entry.peer_port = ends.peer_port;
	entry.local_port = ends.local_port;
	if (owner_hierarchy || emit_sockets) {
		struct listener_key key;
		struct listener *listener;

		listener_key_of(&key, sk);
		listener = bpf_map_lookup_elem(&listeners, &key);
		if (listener) {
			entry.owner = listener->owner;
			entry.pid = listener->pid;
			copy_comm(entry.comm, listener->comm);
		}
	}
	if (!owner_hierarchy)
		entry.owner = sock_owner_direct(sk);
	if (!entry.owner)
		entry.attribution = IRIS_ATTRIBUTION_UNKNOWN;
	insert_socket((u64)sk, &entry);
	if (emit_sockets)
		emit_socket_event(IRIS_EVENT_ACCEPT, &entry, &ends, entry.start_ns, IRIS_FAILURE_NONE, IRIS_CONN_NONE,
				  NULL, 0);
}

/* SYN_SENT > ESTABLISHED; only when single events are wanted. */
static __always_inline void on_established(const struct sock *sk)
{
	u64 key = (u64)sk;
	struct socket_entry *entry = bpf_map_lookup_elem(&sockets, &key);
	struct tcp_sock *tp = bpf_skc_to_tcp_sock((void *)sk);
	struct socket_ends ends;

	if (!entry || !tp)
		return;
	entry->established_us = tp->tcp_mstamp;
	entry->local_port = sk->__sk_common.skc_num;
	ends_of(&ends, sk, entry->local_port);
	emit_socket_event(IRIS_EVENT_ESTABLISHED, entry, &ends, tp->tcp_mstamp * 1000, IRIS_FAILURE_NONE,
			  IRIS_CONN_NONE, NULL, 0);
}

static __always_inline void on_listen(const struct sock *sk)
{
	struct listener_key key;
	struct listener *known;

	listener_key_of(&key, sk);
	known = bpf_map_lookup_elem(&listeners, &key);
	if (known) {
		__sync_fetch_and_add(&known->sockets, 1);
	} else {
		struct listener fresh = { .owner = current_owner(), .pid = current_pid(), .sockets = 1 };

		bpf_get_current_comm(fresh.comm, sizeof(fresh.comm));
		bpf_map_update_elem(&listeners, &key, &fresh, BPF_ANY);
	}
	if (emit_sockets) {
		struct socket_entry entry = {};
		struct socket_ends ends;

		fill_originator(&entry, bpf_ktime_get_ns());
		entry.role = IRIS_ROLE_RESPONDER;
		ends_of(&ends, sk, key.port);
		emit_socket_event(IRIS_EVENT_LISTEN, &entry, &ends, entry.start_ns, IRIS_FAILURE_NONE, IRIS_CONN_NONE,
				  NULL, 0);
	}
}

static __always_inline void on_listen_end(const struct sock *sk)
{
	struct listener_key key;
	struct listener *known;

	listener_key_of(&key, sk);
	if (!key.port) /* zero in changes to CLOSE unless bound explicitly */
		key.port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	known = bpf_map_lookup_elem(&listeners, &key);
	if (!known)
		return;
	if (known->sockets > 1)
		__sync_fetch_and_add(&known->sockets, -1);
	else
		bpf_map_delete_elem(&listeners, &key);
}

/*
 * A normal end passes FIN_WAIT2, CLOSING or LAST_ACK. Straight from ESTABLISHED
 * or CLOSE_WAIT it is an abort: by the peer's RST (sk_err says so) or by ours.
 */
static __always_inline u8 conn_state_of(int oldstate, bool established, bool originator, u8 failure,
					const struct socket_entry *entry)
{
	bool by_peer = failure == IRIS_FAILURE_RESET;

	if (entry->flags & SOCKET_PRE_EXISTING)
		return IRIS_CONN_OTH;
	if (!established)
		return failure == IRIS_FAILURE_REFUSED || by_peer ? IRIS_CONN_REJ : IRIS_CONN_S0;
	if (by_peer)
		return originator ? IRIS_CONN_RSTR : IRIS_CONN_RSTO;
	if (oldstate == TCP_ESTABLISHED || oldstate == TCP_CLOSE_WAIT)
		return originator ? IRIS_CONN_RSTO : IRIS_CONN_RSTR;
	return IRIS_CONN_SF;
}

/* A socket that nobody announced: older than the agent and in no process's hands, or the map was full. */
static __always_inline void unknown_socket(struct socket_entry *entry, const struct sock *sk,
					   const struct socket_ends *ends, int oldstate, u64 time_ns)
{
	struct listener_key key;

	listener_key_of(&key, sk);
	key.port = ends->local_port;
	entry->owner = owner_hierarchy ? 0 : sock_owner_direct(sk);
	entry->role = oldstate == TCP_SYN_RECV || bpf_map_lookup_elem(&listeners, &key) ? IRIS_ROLE_RESPONDER :
											   IRIS_ROLE_ORIGINATOR;
	entry->attribution = entry->owner ? IRIS_ATTRIBUTION_SOCKET : IRIS_ATTRIBUTION_UNKNOWN;
	entry->peer_port = ends->peer_port;
	entry->local_port = ends->local_port;
	copy_address(entry->peer_address, ends->peer_address);
	/* Nobody knew it: born before the agent, unless a birth was missed or found no room. */
	if (!sockets_overflowed && (!trusted_from_ns || time_ns < trusted_from_ns))
		entry->flags = SOCKET_PRE_EXISTING | SOCKET_COUNTED_OPENED | SOCKET_COUNTED_ESTABLISHED;
}

/*
 * True when this close has to account the socket. False: the walk holds the entry
 * and will, from what was left in it.
 */
static __always_inline bool claim_close(struct socket_entry *entry, const struct totals *final, u8 failure,
					bool established, bool atomic)
{
	u64 free;

	entry->final = *final;
	entry->close_failure = failure;
	entry->close_established = established;
	free = entry->claim & ~(u64)(CLAIM_WALK | CLAIM_CLOSE);
	if (swap_claim(atomic, &entry->claim, free, free | CLAIM_CLOSE) == free)
		return true;
	if (swap_claim(atomic, &entry->claim, free | CLAIM_WALK, free | CLAIM_WALK | CLAIM_CLOSE) == (free | CLAIM_WALK))
		return false;
	/* The walk let go in between, and does not come back to this entry. */
	swap_claim(atomic, &entry->claim, free, free | CLAIM_CLOSE);
	return true;
}

/*
 * Both sides have said that they are done, and nothing but our FIN waits for its
 * acknowledgement: a peer that has forgotten the connection by then (it keeps no
 * TIME-WAIT, or the FIN came twice) answers with a RST, which breaks nothing.
 */
static __always_inline bool finished(const struct raw_totals *raw, int oldstate)
{
	return (oldstate == TCP_LAST_ACK || oldstate == TCP_CLOSING) && raw->write_seq - raw->snd_una <= 1;
}

static __always_inline void on_close(const struct sock *sk, int oldstate, bool atomic)
{
	u64 key = (u64)sk;
	struct socket_entry *known = bpf_map_lookup_elem(&sockets, &key);
	struct socket_entry *entry = known;
	struct tcp_sock *tp = bpf_skc_to_tcp_sock((void *)sk);
	bool established = oldstate != TCP_SYN_SENT && oldstate != TCP_SYN_RECV;
	struct socket_entry found;
	struct observation seen;
	struct raw_totals raw;
	struct socket_ends ends;
	struct totals final;
	u8 failure = IRIS_FAILURE_NONE;
	u64 time_ns;

	if (!tp)
		return;
	time_ns = tp->tcp_mstamp * 1000;
	ends_of(&ends, sk, bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport));
	if (!known) {
		struct iris_counters *counts = window_counters(active_window & 1);

		__builtin_memset(&found, 0, sizeof(found));
		unknown_socket(&found, sk, &ends, oldstate, time_ns);
		/* A handshake that failed on our side never had an entry. */
		if (counts && oldstate != TCP_SYN_RECV && !(found.flags & SOCKET_PRE_EXISTING))
			COUNT(counts->missed_births);
		entry = &found;
	}

	raw.bytes_acked = tp->bytes_acked;
	raw.bytes_received = tp->bytes_received;
	raw.snd_una = tp->snd_una;
	raw.write_seq = tp->write_seq;
	raw.segs_in = tp->segs_in;
	raw.segs_out = tp->segs_out;
	raw.total_retrans = tp->total_retrans;
	raw.fin_queued = state_has_fin(oldstate);
	raw.fin_received = sk->__sk_common.skc_flags & (1UL << bpf_core_enum_value(enum sock_flags, SOCK_DONE));
	if (!established || sk->sk_err)
		failure = failure_of(sk->sk_err);
	/* Only a reset is a failure of an established connection. */
	if (established && (failure != IRIS_FAILURE_RESET || finished(&raw, oldstate)))
		failure = IRIS_FAILURE_NONE;
	/* Through memory, or the verifier walks the rest once for each constant. */
	((volatile struct socket_entry *)entry)->close_failure = failure;
	failure = ((volatile struct socket_entry *)entry)->close_failure;

	payload_totals(&raw, entry->role == IRIS_ROLE_ORIGINATOR, established, &final);
	if (!time_ns)
		time_ns = entry->start_ns;

	if (emit_sockets) {
		u64 duration_us = entry->established_us ? tp->tcp_mstamp - entry->established_us : 0;
		u8 conn_state = conn_state_of(oldstate, established, entry->role == IRIS_ROLE_ORIGINATOR, failure, entry);

		emit_socket_event(established ? IRIS_EVENT_CLOSE : IRIS_EVENT_FAILED, entry, &ends, time_ns, failure,
				  conn_state, &final, duration_us);
	}

	if (known) {
		if (!claim_close(known, &final, failure, established, atomic))
			return;
	} else if (found.flags & SOCKET_PRE_EXISTING) {
		found.reported = final; /* how much of it is old cannot be told */
	}
	observe_socket(&seen, entry, &final, time_ns);
	observe_close(&seen, entry, failure, established);
	seen.local_address = ends.local_address;
	seen.rtt_us = established ? tp->srtt_us >> 3 : 0;
	account(&seen);
	if (known)
		bpf_map_delete_elem(&sockets, &key);
}

static __always_inline int on_state(const struct sock *sk, int oldstate, int newstate, bool atomic)
{
	const u32 wanted = (emit_sockets ? 1 << TCP_SYN_SENT : 0) | 1 << TCP_ESTABLISHED | 1 << TCP_CLOSE |
			   1 << TCP_LISTEN;

	if (!(wanted >> newstate & 1) || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (newstate == TCP_CLOSE) {
		if (oldstate == TCP_LISTEN)
			on_listen_end(sk);
		else if (oldstate != TCP_CLOSE)
			on_close(sk, oldstate, atomic);
	} else if (newstate == TCP_SYN_SENT) {
		on_syn_sent(sk);
	} else if (newstate == TCP_ESTABLISHED) {
		if (oldstate == TCP_SYN_RECV)
			on_accepted(sk);
		else if (emit_sockets)
			on_established(sk);
	} else if (newstate == TCP_LISTEN) {
		on_listen(sk);
	}
	return 0;
}

/*
 * The last word on a socket. The kernel leaves a program out where a softirq
 * interrupts another run of it on the same CPU, so that some closes (2 in 10,000 at
 * full load) go unseen above; this is another program, which sees those. It also
 * ends attempts that never left the host as soon as the program gives up.
 */
static __always_inline int on_destroy(const struct sock *sk, bool atomic)
{
	u64 key = (u64)sk;
	struct socket_entry *entry = bpf_map_lookup_elem(&sockets, &key);
	struct tcp_sock *tp;
	u64 free;

	if (!entry || entry->claim & CLAIM_CLOSE) /* the walk ends it */
		return 0;
	if (entry->phase == PHASE_ATTEMPT && !sk->__sk_common.skc_dport) {
		free = entry->claim & ~(u64)CLAIM_WALK;
		if (swap_claim(atomic, &entry->claim, free, free | CLAIM_CLOSE) == free) {
			end_attempt(entry);
			bpf_map_delete_elem(&sockets, &key);
		}
		return 0;
	}
	tp = bpf_skc_to_tcp_sock((void *)sk);
	if (!tp)
		return 0;
	/* What it closed from is gone: nobody has acknowledged a SYN, somebody broke it, or it ended well. */
	if (entry->role == IRIS_ROLE_ORIGINATOR && !tp->bytes_acked)
		on_close(sk, TCP_SYN_SENT, atomic);
	else
		on_close(sk, sk->sk_err ? TCP_ESTABLISHED : TCP_LAST_ACK, atomic);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(iris_tcp_end, const struct sock *sk)
{
	return on_destroy(sk, true);
}

SEC("?tp_btf/tcp_destroy_sock")
int BPF_PROG(iris_tcpend_510, const struct sock *sk)
{
	return on_destroy(sk, false);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(iris_tcp_state, const struct sock *sk, int oldstate, int newstate)
{
	return on_state(sk, oldstate, newstate, true);
}

/* For kernels without compare-and-swap; loaded when the other is refused. */
SEC("?tp_btf/inet_sock_set_state")
int BPF_PROG(iris_tcp_st_510, const struct sock *sk, int oldstate, int newstate)
{
	return on_state(sk, oldstate, newstate, false);
}
