// SPDX-License-Identifier: Apache-2.0
#include "analysis/packed_state.h"

#include <zstd.h>

#include <memory>

#include "detect/judge.h"

namespace iris::analysis {
namespace {

constexpr int kLevel = 3;
// The state of one gateway with a few hundred busy workloads is some megabytes.
constexpr unsigned long long kMostBytes = 256ULL << 20;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

}  // namespace

base::Result<store::JudgeState> packed(const detect::State& state) {
  store::JudgeState made;
  made.kind = state.kind == detect::State::Kind::profile ? store::JudgeState::Kind::profile : store::JudgeState::Kind::gateway;
  made.key = state.key;
  const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  made.body.resize(ZSTD_compressBound(state.bytes.size()));
  const std::size_t size =
      ZSTD_compress2(context.get(), made.body.data(), made.body.size(), state.bytes.data(), state.bytes.size());
  if (ZSTD_isError(size) != 0) return base::fail(state.key + ": " + ZSTD_getErrorName(size));
  made.body.resize(size);
  return made;
}

base::Result<detect::State> unpacked(const store::JudgeState& state) {
  detect::State made;
  made.kind = state.kind == store::JudgeState::Kind::profile ? detect::State::Kind::profile : detect::State::Kind::gateway;
  made.key = state.key;
  const auto size = ZSTD_getFrameContentSize(state.body.data(), state.body.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kMostBytes)
    return base::fail("state of " + state.key + " is damaged");
  made.bytes.resize(size);
  const std::size_t got = ZSTD_decompress(made.bytes.data(), made.bytes.size(), state.body.data(), state.body.size());
  if (ZSTD_isError(got) != 0 || got != size) return base::fail("state of " + state.key + " is damaged");
  return made;
}

base::Result<profile::Profile> profile_of(const store::StoredProfile& stored) {
  const auto state = unpacked({store::JudgeState::Kind::profile, stored.key, stored.state, {}});
  if (!state) return tl::unexpected(state.error());
  return detect::Judge::profile_of(*state);
}

}  // namespace iris::analysis
