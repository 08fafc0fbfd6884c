// SPDX-License-Identifier: Apache-2.0
#include "capture/libbpf_log.h"

#include <gtest/gtest.h>

namespace iris::capture {
namespace {

TEST(RefusedProgram, ByTheVerifier) {
  const auto fault = refused_program(
      "libbpf: prog 'iris_walk': BPF program load failed: Invalid argument\n"
      "libbpf: prog 'iris_walk': -- BEGIN PROG LOAD LOG --\n"
      "60: (db) r0 = atomic64_cmpxchg((u64 *)(r7 +0), r0, r2)\n"
      "BPF_STX uses reserved fields\n"
      "processed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n"
      "-- END PROG LOAD LOG --\n"
      "libbpf: prog 'iris_walk': failed to load: -22\n"
      "libbpf: failed to load object 'iris_bpf'\n"
      "libbpf: failed to load BPF skeleton 'iris_bpf': -22\n");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->name, "iris_walk");
  EXPECT_EQ(fault->reason, "BPF_STX uses reserved fields");
}

TEST(RefusedProgram, WithoutAWordOfTheVerifier) {
  const auto fault = refused_program(
      "libbpf: prog 'iris_walk': BPF program load failed: Operation not permitted\n"
      "libbpf: prog 'iris_walk': -- BEGIN PROG LOAD LOG --\n"
      "processed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n"
      "-- END PROG LOAD LOG --\n"
      "libbpf: prog 'iris_walk': failed to load: -1\n");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->reason, "BPF program load failed: Operation not permitted");
}

TEST(RefusedProgram, BeforeTheVerifier) {
  const auto fault = refused_program(
      "libbpf: prog 'iris_oom': failed to find kernel BTF type ID of 'mark_victim': -3\n"
      "libbpf: prog 'iris_oom': failed to prepare load attributes: -3\n"
      "libbpf: prog 'iris_oom': failed to load: -3\n");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->name, "iris_oom");
  EXPECT_EQ(fault->reason, "failed to find kernel BTF type ID of 'mark_victim': -3");
}

TEST(RefusedProgram, NoneInAMapsFault) {
  const std::string log =
      "libbpf: map 'flows_0': failed to create: Cannot allocate memory(-12)\n"
      "libbpf: failed to load object 'iris_bpf'\n";
  EXPECT_FALSE(refused_program(log));
  const auto fault = refused_map(log);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->name, "flows_0");
  EXPECT_EQ(fault->reason, "failed to create: Cannot allocate memory(-12)");
}

TEST(RefusedProgram, EmptyLog) {
  EXPECT_FALSE(refused_program(""));
  EXPECT_FALSE(refused_map(""));
}

}  // namespace
}  // namespace iris::capture
