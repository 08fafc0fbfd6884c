// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "flow/records.h"
#include "iris/v1/agent.pb.h"
#include "local/agent_status.h"
#include "wire/flow_codec.h"

/// Between the values of the local interface and its messages. For both ends.
namespace iris::local {

/// Appends the record, and the owners it needs, as length-delimited messages.
void append_messages(std::string& out, wire::RecordEncoder& encoder, const flow::Record& record);
/// The records of such text, owners put into `decoder`.
base::Result<std::vector<flow::Record>> read_messages(std::string_view text, wire::RecordDecoder& decoder);

v1::AgentStatus to_message(const AgentStatus& status);
base::Result<AgentStatus> from_message(const v1::AgentStatus& message);

void add_step(v1::SelfTestStep& message, const pipeline::SelfTestStep& step);
pipeline::SelfTestStep from_message(const v1::SelfTestStep& message);

}  // namespace iris::local
