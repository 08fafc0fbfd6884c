// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <memory>

// The generated skeleton speaks C: these are the names it expects.
#include <linux/types.h>
using u32 = __u32;
using u64 = __u64;
#ifndef _Bool
#define _Bool bool
#endif
#include "iris.skel.h"

namespace iris::capture {

/// Calls a C function to release what a pointer owns.
template <auto Function>
struct Release {
  template <typename T>
  void operator()(T* object) const {
    Function(object);
  }
};

/// Not by Release: the generated functions are local to each file that includes them.
struct DestroySkeleton {
  void operator()(iris_bpf* skeleton) const { iris_bpf__destroy(skeleton); }
};

using SkeletonPtr = std::unique_ptr<iris_bpf, DestroySkeleton>;
using LinkPtr = std::unique_ptr<bpf_link, Release<&bpf_link__destroy>>;
using RingBufferPtr = std::unique_ptr<ring_buffer, Release<&ring_buffer__free>>;
using BtfPtr = std::unique_ptr<btf, Release<&btf__free>>;

}  // namespace iris::capture
