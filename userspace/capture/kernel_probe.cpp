// SPDX-License-Identifier: Apache-2.0
#include "capture/kernel_probe.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "capture/bpf_handles.h"

namespace iris::capture {
namespace {

constexpr const char* kVmlinuxBtf = "/sys/kernel/btf/vmlinux";

/// Prototype of a tracepoint's programs; its first parameter is a void* of the
/// tracepoint's own.
const btf_type* tracepoint_prototype(const btf* types, const char* typedef_name) {
  const __s32 id = btf__find_by_name_kind(types, typedef_name, BTF_KIND_TYPEDEF);
  if (id < 0) return nullptr;
  const btf_type* type = btf__type_by_id(types, btf__type_by_id(types, static_cast<__u32>(id))->type);
  if (type == nullptr || !btf_is_ptr(type)) return nullptr;
  type = btf__type_by_id(types, type->type);
  return type != nullptr && btf_is_func_proto(type) ? type : nullptr;
}

bool argument_is_pointer(const btf* types, const btf_type* prototype, unsigned index) {
  if (prototype == nullptr || btf_vlen(prototype) <= index) return false;
  const __s32 id = btf__resolve_type(types, btf_params(prototype)[index].type);
  return id > 0 && btf_is_ptr(btf__type_by_id(types, static_cast<__u32>(id)));
}

base::Result<std::uint32_t> subsystem_index(const btf* types, const std::string& controller) {
  // The one controller whose user-visible v1 name is not its name in the kernel.
  const std::string wanted = (controller == "blkio" ? "io" : controller) + "_cgrp_id";
  const __s32 id = btf__find_by_name_kind(types, "cgroup_subsys_id", BTF_KIND_ENUM);
  if (id > 0) {
    const btf_type* type = btf__type_by_id(types, static_cast<__u32>(id));
    const auto* values = btf_enum(type);
    for (unsigned i = 0; i < btf_vlen(type); ++i) {
      if (wanted == btf__name_by_offset(types, values[i].name_off)) return static_cast<std::uint32_t>(values[i].val);
    }
  }
  return base::fail("this kernel has no cgroup controller named \"" + controller + "\"; /proc/cgroups lists them",
                    base::Error::Kind::unsupported);
}

}  // namespace

base::Result<KernelFeatures> probe_kernel(const std::string& v1_controller) {
  // Programs on tracepoints need the kernel's own BTF: a file from elsewhere does not help.
  if (access(kVmlinuxBtf, R_OK) != 0) {
    return base::fail(errno == EACCES ? "cannot read /sys/kernel/btf/vmlinux"
                                      : "this kernel has no type information (no /sys/kernel/btf/vmlinux); a kernel of "
                                        "5.10 or later, built with CONFIG_DEBUG_INFO_BTF=y, is needed",
                      errno == EACCES ? base::Error::Kind::permission : base::Error::Kind::unsupported);
  }
  KernelFeatures features;
  // Some ten megabytes while they are read: gone at the end of this function.
  const BtfPtr types(btf__load_vmlinux_btf());
  if (types == nullptr) return base::fail_errno("cannot read the kernel's type information", errno);
  const btf_type* exit = tracepoint_prototype(types.get(), "btf_trace_sched_process_exit");
  features.group_dead = exit != nullptr && btf_vlen(exit) >= 3;
  features.mark_victim_task =
      argument_is_pointer(types.get(), tracepoint_prototype(types.get(), "btf_trace_mark_victim"), 1);
  if (!v1_controller.empty()) {
    const auto index = subsystem_index(types.get(), v1_controller);
    if (!index) return tl::unexpected(index.error());
    features.v1_subsystem = *index;
  }
  features.coarse_clock =
      libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SKB, BPF_FUNC_ktime_get_coarse_ns, nullptr) == 1;
  features.get_retval = libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_get_retval, nullptr) == 1;
  return features;
}

bool has_ring_buffer() { return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, nullptr) == 1; }

bool has_bpf_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  const auto has = [&](unsigned capability) {
    return (data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
  };
  const bool programs = has(CAP_SYS_ADMIN) || (has(CAP_BPF) && has(CAP_PERFMON));
  return programs && has(CAP_NET_ADMIN);
}

const char* permission_advice() { return "run as root, or grant CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN"; }

}  // namespace iris::capture
