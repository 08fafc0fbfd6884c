// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cli/table.h"
#include "flow/records.h"

/// Each kind of record as a row of its table.
namespace iris::cli {

std::vector<Column> flow_columns(bool wide);
Row flow_row(const flow::FlowRecord& flow, const Terminal& terminal, bool wide);
/// What flows are sorted by: bytes, then attempts.
std::uint64_t volume(const flow::FlowRecord& flow);

/// Socket events, execs, DNS answers and container changes share one table.
std::vector<Column> event_columns(bool wide);
Row event_row(const flow::SocketEvent& event, const Terminal& terminal);
Row event_row(const flow::ExecRecord& exec, const Terminal& terminal);
Row event_row(const flow::DnsRecord& dns, const Terminal& terminal);
Row event_row(const flow::ContainerRecord& change, const Terminal& terminal);
Row event_row(const flow::DeviceRecord& change, const Terminal& terminal);
Row event_row(const flow::SecurityRecord& event, const Terminal& terminal);

std::vector<Column> exit_columns(bool wide);
Row exit_row(const flow::ExitRecord& exit, const Terminal& terminal);
/// The frames of a crash, a line each, indented; empty without a stack.
std::string stack_lines(const flow::ExitRecord& exit);

std::vector<Column> container_columns(bool wide);
Row container_row(const flow::ContainerRecord& container, bool wide);

std::vector<Column> device_columns(bool wide);
Row device_row(const flow::Device& device, bool wide);
/// What a person calls it: the end of its id.
std::string device_name(const std::string& id);

}  // namespace iris::cli
