/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Sockets older than the agent, found once through the open files of every
 * process, so in every network namespace. First pass: listeners, which tell the
 * accepted sockets of the second pass from those that connected.
 */
#include "connection.bpf.h"
#include "task.bpf.h"
#include <bpf/bpf_tracing.h>

static __always_inline void existing_listener(struct sock *sk, struct task_struct *task, u16 port)
{
	struct listener_key key = { .netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum), .port = port };
	struct listener found = { .pid = task->tgid, .sockets = 1 };

	found.owner = owner_hierarchy ? task_owner(task) : sock_owner(sk);
	bpf_probe_read_kernel(found.comm, sizeof(found.comm), task->group_leader->comm);
	if (bpf_map_update_elem(&listeners, &key, &found, BPF_NOEXIST) == 0 && emit_sockets) {
		struct socket_entry entry = {};
		struct socket_ends ends = {};

		entry.owner = found.owner;
		entry.pid = found.pid;
		entry.role = IRIS_ROLE_RESPONDER;
		entry.flags = SOCKET_PRE_EXISTING;
		copy_comm(entry.comm, found.comm);
		ends.local_port = port;
		if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET)
			set_v4(ends.local_address, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		else
			bpf_probe_read_kernel(ends.local_address, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		emit_socket_event(IRIS_EVENT_LISTEN, &entry, &ends, bpf_ktime_get_ns(), IRIS_FAILURE_NONE, IRIS_CONN_NONE,
				  NULL, 0);
	}
}

static __always_inline void existing_connection(struct sock *sk, struct task_struct *task, u8 state, u16 port)
{
	struct listener_key listener = { .netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum), .port = port };
	struct tcp_sock *tp = (void *)sk;
	struct socket_entry entry = {};
	struct raw_totals raw = {};
	u64 key = (u64)sk;

	entry.claim = new_claim();
	entry.owner = owner_hierarchy ? task_owner(task) : sock_owner(sk);
	entry.start_ns = bpf_ktime_get_ns();
	entry.role = bpf_map_lookup_elem(&listeners, &listener) ? IRIS_ROLE_RESPONDER : IRIS_ROLE_ORIGINATOR;
	entry.phase = PHASE_OPEN;
	entry.flags = SOCKET_PRE_EXISTING | SOCKET_COUNTED_OPENED | SOCKET_COUNTED_ESTABLISHED;
	entry.attribution = entry.owner ? IRIS_ATTRIBUTION_SOCKET : IRIS_ATTRIBUTION_UNKNOWN;
	entry.pid = task->tgid;
	entry.local_port = port;
	entry.peer_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	bpf_probe_read_kernel(entry.comm, sizeof(entry.comm), task->group_leader->comm);
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET)
		set_v4(entry.peer_address, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	else
		bpf_probe_read_kernel(entry.peer_address, 16, &sk->__sk_common.skc_v6_daddr);

	/* Its bytes so far are old. */
	raw.bytes_acked = BPF_CORE_READ(tp, bytes_acked);
	raw.bytes_received = BPF_CORE_READ(tp, bytes_received);
	raw.snd_una = BPF_CORE_READ(tp, snd_una);
	raw.write_seq = BPF_CORE_READ(tp, write_seq);
	raw.segs_in = BPF_CORE_READ(tp, segs_in);
	raw.segs_out = BPF_CORE_READ(tp, segs_out);
	raw.total_retrans = BPF_CORE_READ(tp, total_retrans);
	raw.fin_queued = state_has_fin(state);
	raw.fin_received = BPF_CORE_READ(sk, __sk_common.skc_flags) &
			   (1UL << bpf_core_enum_value(enum sock_flags, SOCK_DONE));
	payload_totals(&raw, entry.role == IRIS_ROLE_ORIGINATOR, state != TCP_SYN_SENT, &entry.reported);
	entry.socket = key;
	bpf_map_update_elem(&sockets, &key, &entry, BPF_NOEXIST);
}

SEC("iter/task_file")
int iris_existing(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;
	struct sock *sk;
	u16 family, port;
	u8 state;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = BPF_CORE_READ(socket, sk);
	if (!sk)
		return 0;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if ((family != AF_INET && family != AF_INET6) || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (state == TCP_LISTEN) {
		if (existing_pass == 0)
			existing_listener(sk, task, port);
	} else if (state != TCP_CLOSE && existing_pass == 1) {
		existing_connection(sk, task, state, port);
	}
	return 0;
}
