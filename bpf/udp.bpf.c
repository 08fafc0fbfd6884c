/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * UDP and every other IP protocol, packet by packet at the socket's edge, where
 * owner and peer are always known. TCP leaves at once: its sockets count for
 * themselves. DNS answers are copied to user space.
 */
#include "account.bpf.h"
#include "task.bpf.h"

#define DNS_PORT 53

struct ip4_header {
	u8 version_length;
	u8 tos;
	u16 length;
	u16 id;
	u16 fragment;
	u8 ttl;
	u8 protocol;
	u16 check;
	u32 source;
	u32 destination;
};

struct ip6_header {
	u32 version_flow;
	u16 payload_length;
	u8 next_header;
	u8 hop_limit;
	u8 source[16];
	u8 destination[16];
};

struct packet {
	u8 local_address[16];
	u8 peer_address[16];
	u16 local_port;
	u16 peer_port;
	u32 payload_bytes;
	u32 payload_offset;
	u32 packets;
	u32 protocol;
	u64 owner;
} __attribute__((aligned(8))); /* addresses are copied as words */

SEC("cgroup/sock_create")
int iris_sock_new(struct bpf_sock *ctx)
{
	struct udp_socket *made;

	if (ctx->type == SOCK_STREAM)
		return 1;
	made = bpf_sk_storage_get(&udp_sockets, ctx, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (made) {
		made->owner = current_owner();
		made->pid = current_pid();
		bpf_get_current_comm(made->comm, sizeof(made->comm));
	}
	return 1;
}

static __always_inline bool is_udp(u32 protocol)
{
	return protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;
}

/* Ports and payload behind the IP headers. `offset`: where the transport header starts. */
static __always_inline void read_transport(struct __sk_buff *skb, struct packet *packet, u32 offset, bool egress)
{
	u16 ports[2] = {};

	packet->payload_offset = offset;
	packet->payload_bytes = 0;
	packet->local_port = 0;
	packet->peer_port = 0;
	if (is_udp(packet->protocol)) {
		void *data = (void *)(long)skb->data;
		void *end = (void *)(long)skb->data_end;

		/* Without options, and not in a fragment page: no helper call. */
		if (offset == sizeof(struct ip4_header) && data + sizeof(struct ip4_header) + 4 <= end)
			__builtin_memcpy(ports, data + sizeof(struct ip4_header), sizeof(ports));
		else if (bpf_skb_load_bytes(skb, offset, ports, sizeof(ports)))
			return;
		packet->payload_offset += 8;
		packet->local_port = bpf_ntohs(egress ? ports[0] : ports[1]);
		packet->peer_port = bpf_ntohs(egress ? ports[1] : ports[0]);
	}
	packet->payload_bytes = skb->len > packet->payload_offset ? skb->len - packet->payload_offset : 0;
}

/* Extension headers before the transport header (RFC 8200 section 4): rarely any, so at most four. */
static __always_inline u32 skip_extensions(struct __sk_buff *skb, u32 *protocol, u32 offset)
{
#pragma unroll
	for (int i = 0; i < 4; i++) {
		u8 extension[2];

		if (*protocol != IPPROTO_HOPOPTS && *protocol != IPPROTO_ROUTING && *protocol != IPPROTO_DSTOPTS &&
		    *protocol != IPPROTO_FRAGMENT)
			break;
		if (bpf_skb_load_bytes(skb, offset, extension, sizeof(extension)))
			break;
		offset += *protocol == IPPROTO_FRAGMENT ? 8 : (extension[1] + 1) * 8;
		*protocol = extension[0];
	}
	return offset;
}

/* False: TCP, or not an IP packet that can be read. */
static __always_inline bool read_packet(struct __sk_buff *skb, struct packet *packet, bool egress)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct ip4_header *ip4 = data;
	struct ip6_header *ip6 = data;

	if ((void *)(ip4 + 1) > end)
		return false;
	if (ip4->version_length >> 4 == 4) {
		if (ip4->protocol == IPPROTO_TCP)
			return false;
		packet->protocol = ip4->protocol;
		set_v4(packet->local_address, egress ? ip4->source : ip4->destination);
		set_v4(packet->peer_address, egress ? ip4->destination : ip4->source);
		read_transport(skb, packet, (ip4->version_length & 0xf) * 4, egress);
		return true;
	}
	if ((void *)(ip6 + 1) > end || ip6->next_header == IPPROTO_TCP)
		return false;
	packet->protocol = ip6->next_header;
	__builtin_memcpy(packet->local_address, egress ? ip6->source : ip6->destination, 16);
	__builtin_memcpy(packet->peer_address, egress ? ip6->destination : ip6->source, 16);
	u32 offset = skip_extensions(skb, &packet->protocol, sizeof(*ip6));

	if (packet->protocol == IPPROTO_TCP)
		return false;
	read_transport(skb, packet, offset, egress);
	return true;
}

static __always_inline void emit_udp(const struct packet *packet, const struct udp_socket *made, u64 owner, u8 role,
				     u64 time_ns)
{
	struct iris_socket_event *event = reserve_event(sizeof(*event), IRIS_EVENT_UDP, time_ns, owner, made->pid);

	if (!event)
		return;
	copy_address(event->local_address, packet->local_address);
	copy_address(event->peer_address, packet->peer_address);
	event->local_port = packet->local_port;
	event->peer_port = packet->peer_port;
	event->protocol = packet->protocol;
	event->role = role;
	event->failure = IRIS_FAILURE_NONE;
	event->conn_state = IRIS_CONN_NONE;
	copy_comm(event->comm, made->comm);
	event->originator_bytes = 0;
	event->responder_bytes = 0;
	event->duration_us = 0;
	submit_event(event, sizeof(*event));
}

static __always_inline void emit_dns_answer(struct __sk_buff *skb, const struct packet *packet, u64 owner)
{
	struct iris_dns_event *event;
	u32 length = packet->payload_bytes;

	if (length < 12)
		return;
	event = reserve_event(sizeof(*event), IRIS_EVENT_DNS, bpf_ktime_get_ns(), owner, 0);
	if (!event)
		return;
	if (length > IRIS_DNS_LEN)
		length = IRIS_DNS_LEN;
	copy_address(event->server_address, packet->peer_address);
	__builtin_memset(event->reserved, 0, sizeof(event->reserved));
	__builtin_memset(event->message, 0, sizeof(event->message));
	barrier_var(length);
	if (length == 0 || length > IRIS_DNS_LEN ||
	    bpf_skb_load_bytes(skb, packet->payload_offset, event->message, length))
		length = 0;
	event->length = length;
	submit_event(event, sizeof(*event));
}

/*
 * The ends as the socket has them, which is how TCP's are told, too: on the way
 * out these programs run behind address translation, on the way in behind its
 * undoing, and an exchange would fall in two (Docker's name server is such a one).
 */
static __always_inline void take_ends(struct packet *packet, struct bpf_sock *sk)
{
	if (!is_udp(packet->protocol))
		return;
	if (sk->src_port)
		packet->local_port = sk->src_port;
	if (!sk->dst_port)
		return; /* not connected */
	packet->peer_port = bpf_ntohs(sk->dst_port);
	if (sk->family == AF_INET) {
		set_v4(packet->peer_address, sk->dst_ip4);
	} else {
		u32 *peer = (u32 *)packet->peer_address;

		peer[0] = sk->dst_ip6[0];
		peer[1] = sk->dst_ip6[1];
		peer[2] = sk->dst_ip6[2];
		peer[3] = sk->dst_ip6[3];
	}
}

/* A port that no packet has: something has been sent to this address. */
#define SENT_TO 0x10000

/*
 * Who opened the exchange: the side of its first packet. Remembered beyond the
 * window, since the first packet of the next one may well be an answer. What comes
 * from another port of an address that this socket has sent to is an answer, too:
 * of a server behind address translation, or of one that answers from a new port.
 */
static __always_inline u8 role_of(struct __sk_buff *skb, const struct packet *packet, bool egress, bool *first)
{
	struct udp_role_key key = {
		.cookie = bpf_get_socket_cookie(skb),
		.peer_port = packet->peer_port,
		.protocol = packet->protocol,
	};
	u32 role = egress ? IRIS_ROLE_ORIGINATOR : IRIS_ROLE_RESPONDER;
	u32 *known;

	copy_address(key.peer_address, packet->peer_address);
	known = bpf_map_lookup_elem(&udp_roles, &key);
	if (known)
		return *known;
	/*
	 * Who answers does so to all ports of an address, as its flow does: of the
	 * others the common road has remembered none, and the first packet of a window
	 * may be an answer.
	 */
	key.peer_port = 0;
	known = bpf_map_lookup_elem(&udp_roles, &key);
	if (known)
		return *known;
	key.peer_port = SENT_TO;
	if (egress) {
		bpf_map_update_elem(&udp_roles, &key, &role, BPF_NOEXIST);
		key.peer_port = packet->peer_port;
	} else if (bpf_map_lookup_elem(&udp_roles, &key)) {
		return IRIS_ROLE_ORIGINATOR;
	} else {
		key.peer_port = 0;
	}
	*first = true;
	bpf_map_update_elem(&udp_roles, &key, &role, BPF_ANY);
	return role;
}

static __always_inline void packet_key(struct iris_flow_key *key, u64 owner, const struct packet *packet, u8 role)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->cgroup_id = owner;
	copy_address(key->peer_address, packet->peer_address);
	key->service_port = role == IRIS_ROLE_ORIGINATOR ? packet->peer_port : packet->local_port;
	key->protocol = packet->protocol;
	key->role = role;
}

/* First packet of a flow in this window, or of one whose role is not the socket's usual one. */
static __noinline int slow_packet(struct __sk_buff *skb, struct packet *packet, struct udp_socket *made, bool egress)
{
	struct observation seen = {};
	bool first = false;
	bool originating;
	u64 time_ns;
	u8 role;

	if (!packet || !made)
		return 0;
	time_ns = now_coarse_ns();
	role = role_of(skb, packet, egress, &first);
	if (!made->role)
		made->role = role;
	if (first && emit_sockets)
		emit_udp(packet, made, packet->owner, role, time_ns);

	originating = egress == (role == IRIS_ROLE_ORIGINATOR);
	seen.owner = packet->owner;
	seen.peer_address = packet->peer_address;
	seen.local_address = packet->local_address;
	seen.comm = made->comm[0] ? made->comm : NULL;
	seen.time_ns = time_ns;
	seen.first_ns = time_ns;
	seen.originator_bytes = originating ? packet->payload_bytes : 0;
	seen.responder_bytes = originating ? 0 : packet->payload_bytes;
	seen.originator_packets = originating ? packet->packets : 0;
	seen.responder_packets = originating ? 0 : packet->packets;
	seen.opened = first;
	seen.service_port = role == IRIS_ROLE_ORIGINATOR ? packet->peer_port : packet->local_port;
	seen.protocol = packet->protocol;
	seen.role = role;
	seen.failure = IRIS_FAILURE_NONE;
	seen.pre_existing = !made->pid;
	seen.attribution = !packet->owner ? IRIS_ATTRIBUTION_UNKNOWN :
			   made->pid	  ? IRIS_ATTRIBUTION_EXACT :
					    IRIS_ATTRIBUTION_SOCKET;
	account(&seen);
	return 0;
}

static __always_inline int on_packet(struct __sk_buff *skb, bool egress)
{
	struct packet packet;
	struct udp_socket *made;
	struct iris_flow_value *value;
	struct iris_flow_key key;
	struct bpf_sock *sk;
	bool originating;
	u64 time_ns;

	if (!read_packet(skb, &packet, egress))
		return 1;
	sk = skb->sk;
	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk)
		return 1;
	made = bpf_sk_storage_get(&udp_sockets, sk, NULL, 0);
	if (!made) { /* older than the agent */
		made = bpf_sk_storage_get(&udp_sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
		if (!made)
			return 1;
		made->owner = owner_hierarchy ? 0 : bpf_skb_cgroup_id(skb);
	}
	take_ends(&packet, sk);
	packet.owner = made->owner;
	packet.packets = skb->gso_segs ? skb->gso_segs : 1;

	if (emit_dns && !egress && packet.peer_port == DNS_PORT && packet.protocol == IPPROTO_UDP)
		emit_dns_answer(skb, &packet, packet.owner);

	/*
	 * The common road: this socket's usual role, and the flow is in the map. Two
	 * adds and a time; such a packet is no observation of its own in the ledger.
	 */
	packet_key(&key, packet.owner, &packet, made->role);
	value = made->role ? find_flow(active_window & 1, &key) : NULL;
	if (!value) {
		slow_packet(skb, &packet, made, egress);
		return 1;
	}
	originating = egress == (made->role == IRIS_ROLE_ORIGINATOR);
	if (packet.payload_bytes)
		__sync_fetch_and_add(originating ? &value->originator_bytes : &value->responder_bytes,
				     (u64)packet.payload_bytes);
	__sync_fetch_and_add((u64 *)&value->originator_packets,
			     originating ? pair(packet.packets, 0) : pair(0, packet.packets));
	/* Behind by a wake-up of the reader at most; the clock would cost as much as the rest. */
	time_ns = recent_ns;
	if (time_ns > value->last_seen_ns)
		value->last_seen_ns = time_ns;
	return 1;
}

SEC("cgroup_skb/ingress")
int iris_skb_in(struct __sk_buff *skb)
{
	return on_packet(skb, false);
}

SEC("cgroup_skb/egress")
int iris_skb_out(struct __sk_buff *skb)
{
	return on_packet(skb, true);
}
