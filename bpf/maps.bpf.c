/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#include "maps.bpf.h"

struct sockets_map sockets SEC(".maps");
struct listeners_map listeners SEC(".maps");
struct flows_0_map flows_0 SEC(".maps");
struct flows_1_map flows_1 SEC(".maps");
struct folds_0_map folds_0 SEC(".maps");
struct folds_1_map folds_1 SEC(".maps");
struct udp_roles_map udp_roles SEC(".maps");
struct udp_sockets_map udp_sockets SEC(".maps");
struct killers_map killers SEC(".maps");
struct counters_map counters SEC(".maps");
struct events_map events SEC(".maps");

struct barrier_inner barrier_slot SEC(".maps");
struct barrier_map barrier SEC(".maps") = {
	.values = { &barrier_slot },
};
