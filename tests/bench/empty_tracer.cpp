// SPDX-License-Identifier: Apache-2.0
#include "empty_tracer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace iris::bench {
namespace {

// r0 = `result`; exit
int load(bpf_prog_type type, const char* name, int result, const bpf_prog_load_opts* options) {
  const bpf_insn program[] = {{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, result}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  return bpf_prog_load(type, name, "GPL", program, 2, options);
}

bool attach_tracepoint(const char* tracepoint) {
  LIBBPF_OPTS(bpf_prog_load_opts, options);
  const int type_id = libbpf_find_vmlinux_btf_id(tracepoint, BPF_TRACE_RAW_TP);
  if (type_id < 0) return false;
  options.expected_attach_type = BPF_TRACE_RAW_TP;
  options.attach_btf_id = static_cast<__u32>(type_id);
  const int program = load(BPF_PROG_TYPE_TRACING, "empty_tp", 0, &options);
  return program >= 0 && bpf_raw_tracepoint_open(nullptr, program) >= 0;
}

bool attach_packets(int cgroup, bpf_attach_type type) {
  LIBBPF_OPTS(bpf_prog_load_opts, options);
  options.expected_attach_type = type;
  const int program = load(BPF_PROG_TYPE_CGROUP_SKB, "empty_skb", 1, &options);
  return program >= 0 && bpf_link_create(program, cgroup, type, nullptr) >= 0;
}

}  // namespace

void run_empty_tracer(const std::string& cgroup2_root) {
  const int cgroup = open(cgroup2_root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!attach_tracepoint("inet_sock_set_state") || !attach_tracepoint("sched_process_exit") ||
      !attach_packets(cgroup, BPF_CGROUP_INET_INGRESS) || !attach_packets(cgroup, BPF_CGROUP_INET_EGRESS)) {
    std::perror("empty programs");
    _exit(1);
  }
  for (;;) pause();
}

}  // namespace iris::bench
