/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The connect hooks: attempts, so that synchronous failures are seen. */
#include "socket_table.bpf.h"

static __always_inline int attempt(struct bpf_sock_addr *ctx, struct socket_entry *entry)
{
	u64 key = (u64)ctx->sk;

	entry->phase = PHASE_ATTEMPT;
	fill_originator(entry, now_coarse_ns());
	entry->peer_port = bpf_ntohs(ctx->user_port);
	/* What a program of a group below the root has said; ours runs last. */
	if (has_get_retval && bpf_get_retval() < 0)
		entry->flags = SOCKET_DENIED;
	insert_socket(key, entry);
	return 1;
}

SEC("cgroup/connect4")
int iris_connect4(struct bpf_sock_addr *ctx)
{
	struct socket_entry entry = {};

	if (ctx->protocol != IPPROTO_TCP)
		return 1;
	set_v4(entry.peer_address, ctx->user_ip4);
	return attempt(ctx, &entry);
}

SEC("cgroup/connect6")
int iris_connect6(struct bpf_sock_addr *ctx)
{
	struct socket_entry entry = {};
	u32 *words = (u32 *)entry.peer_address;

	if (ctx->protocol != IPPROTO_TCP)
		return 1;
	words[0] = ctx->user_ip6[0];
	words[1] = ctx->user_ip6[1];
	words[2] = ctx->user_ip6[2];
	words[3] = ctx->user_ip6[3];
	return attempt(ctx, &entry);
}
