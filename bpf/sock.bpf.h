/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Kernel socket > addresses, owner, counters. */
#ifndef IRIS_SOCK_BPF_H
#define IRIS_SOCK_BPF_H

#include "config.bpf.h"
#include "maps.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* ::ffff:a.b.c.d; `v4` in network order. */
static __always_inline void set_v4(u8 address[16], u32 v4)
{
	u32 *words = (u32 *)address;

	words[0] = 0;
	words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = v4;
}

static __always_inline void copy_address(u8 to[16], const u8 from[16])
{
	((u64 *)to)[0] = ((const u64 *)from)[0];
	((u64 *)to)[1] = ((const u64 *)from)[1];
}

/*
 * The v2 cgroup that the socket was born in, 0 when it cannot be told. Old 5.10
 * keeps a pointer with flag bits; bit 0 set means that net_cls or net_prio took
 * the field over.
 */
static __always_inline u64 sock_owner(struct sock *sk)
{
	struct sock_cgroup_data___tagged *tagged = (void *)&sk->sk_cgrp_data;

	if (bpf_core_field_exists(tagged->val)) {
		u64 val = BPF_CORE_READ(tagged, val);

		return val & 1 ? 0 : BPF_CORE_READ((struct cgroup *)(val & ~3ULL), kn, id);
	}
	return BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
}

/* Reads through a pointer that the verifier knows (tp_btf), without helper calls. */
static __always_inline u64 sock_owner_direct(const struct sock *sk)
{
	if (bpf_core_field_exists(struct sock_cgroup_data___tagged, val))
		return sock_owner((struct sock *)sk);
	return sk->sk_cgrp_data.cgroup->kn->id;
}

static __always_inline void sock_addresses(const struct sock *sk, u8 local[16], u8 peer[16])
{
	if (sk->__sk_common.skc_family == AF_INET) {
		set_v4(local, sk->__sk_common.skc_rcv_saddr);
		set_v4(peer, sk->__sk_common.skc_daddr);
	} else {
		bpf_probe_read_kernel(local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_probe_read_kernel(peer, 16, &sk->__sk_common.skc_v6_daddr);
	}
}

/* What the byte counters are computed from. */
struct raw_totals {
	u64 bytes_acked;
	u64 bytes_received;
	u32 snd_una;
	u32 write_seq;
	u32 segs_in;
	u32 segs_out;
	u32 total_retrans;
	u32 srtt_us;
	bool fin_queued;   /* our FIN has a sequence number */
	bool fin_received;
};

/*
 * Payload bytes. bytes_acked also counts our SYN (originator only: an accepted
 * socket starts behind its own) and our FIN once acknowledged; bytes_received
 * counts the peer's FIN. RFC 9293 section 3.4: each takes one sequence number.
 */
static __always_inline void payload_totals(const struct raw_totals *raw, bool originator, bool established,
					   struct totals *out)
{
	u64 sent = raw->bytes_acked;
	u64 received = raw->bytes_received;

	if (originator && established && sent)
		sent--;
	if (raw->fin_queued && raw->snd_una == raw->write_seq && sent)
		sent--;
	if (raw->fin_received && received)
		received--;
	out->sent = sent;
	out->received = received;
	out->packets_out = raw->segs_out;
	out->packets_in = raw->segs_in;
	out->retransmits = raw->total_retrans;
	out->reserved = 0;
}

/* The state in which a socket of `state` has sent (or queued) its FIN. */
static __always_inline bool state_has_fin(u8 state)
{
	return state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_CLOSING || state == TCP_LAST_ACK;
}

static __always_inline u8 failure_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return IRIS_FAILURE_REFUSED;
	case 0: /* the program gave up before an answer */
	case ETIMEDOUT:
		return IRIS_FAILURE_TIMED_OUT;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
		return IRIS_FAILURE_UNREACHABLE;
	case ECONNRESET:
	case EPIPE:
		return IRIS_FAILURE_RESET;
	case EPERM:
	case EACCES:
		return IRIS_FAILURE_DENIED;
	default:
		return IRIS_FAILURE_OTHER;
	}
}

#endif /* IRIS_SOCK_BPF_H */
