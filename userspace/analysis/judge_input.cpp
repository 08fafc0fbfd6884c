// SPDX-License-Identifier: Apache-2.0
#include "analysis/judge_input.h"

#include <charconv>
#include <string_view>

#include "wire/batch_codec.h"

namespace iris::analysis {
namespace {

std::string_view take_line(std::string_view& rest) {
  const auto end = std::min(rest.find('\n'), rest.size());
  const auto line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

bool number(std::string_view text, std::uint64_t& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc() && end == text.data() + text.size();
}

/// See JudgeInput::Kind::verdict.
base::Result<std::uint64_t> judge_verdict(detect::Judge& judge, std::string_view body) {
  detect::Alert alert;
  std::uint64_t state = 0;
  alert.id = take_line(body);
  if (!number(take_line(body), state) || !number(take_line(body), alert.contact)) return base::fail("not a verdict");
  alert.profile = body;
  judge.close(alert.id);
  if (state == static_cast<std::uint64_t>(store::AlertState::false_positive)) judge.verdict(alert, true);
  return 0U;
}

}  // namespace

base::Result<std::uint64_t> judge_input(detect::Judge& judge, const std::string& gateway,
                                        const store::JudgeInput& input) {
  if (input.kind == store::JudgeInput::Kind::verdict) return judge_verdict(judge, input.body);
  if (input.kind == store::JudgeInput::Kind::silence) {
    std::uint64_t end_wall_ns = 0;
    if (!number(input.body, end_wall_ns)) return base::fail("not a silence");
    judge.end_window(gateway, end_wall_ns);
    return end_wall_ns;
  }
  if (input.kind != store::JudgeInput::Kind::batch) return base::fail("an input of a kind that is not known");
  const auto batch = wire::unpack(input.body);
  if (!batch) return tl::unexpected(batch.error());
  judge.add(gateway, *batch);
  return batch->end_wall_ns;
}

}  // namespace iris::analysis
