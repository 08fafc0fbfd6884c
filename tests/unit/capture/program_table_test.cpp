// SPDX-License-Identifier: Apache-2.0
#include "capture/program_table.h"

#include <gtest/gtest.h>

#include "capture/program_loader.h"

namespace iris::capture {
namespace {

TEST(ProgramTable, IsTheObjects) {
  const SkeletonPtr skeleton(iris_bpf__open());
  ASSERT_NE(skeleton, nullptr);
  std::size_t programs = 0;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton->obj) {
    ++programs;
    EXPECT_NE(find_program(bpf_program__name(program)), nullptr) << bpf_program__name(program);
    EXPECT_LE(std::string_view(bpf_program__name(program)).size(), 15U) << "cut by the kernel";
  }
  EXPECT_EQ(programs, program_table().size());
}

TEST(ProgramTable, FallbacksExist) {
  for (const ProgramSpec& spec : program_table()) {
    if (spec.fallback.empty()) continue;
    const ProgramSpec* fallback = find_program(spec.fallback);
    ASSERT_NE(fallback, nullptr) << spec.name;
    EXPECT_TRUE(fallback->is_fallback);
    EXPECT_EQ(fallback->required, spec.required);
  }
}

TEST(RingSize, PowerOfTwoOfPages) {
  EXPECT_EQ(ring_size(4U << 20, 4096), 4U << 20);
  EXPECT_EQ(ring_size((4U << 20) + 1, 4096), 8U << 20);
  EXPECT_EQ(ring_size(1, 65536), 65536U);
  EXPECT_EQ(ring_size(0, 4096), 4096U);
  EXPECT_EQ(ring_size(UINT32_MAX, 4096), 1U << 31);
}

}  // namespace
}  // namespace iris::capture
