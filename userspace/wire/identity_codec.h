// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flow/device.h"
#include "iris/v1/record.pb.h"
#include "wire/checker.h"

/// Identities and security records to their messages and back; part of RecordEncoder
/// and RecordDecoder.
namespace iris::wire {

/// Of one device or security record, as a message. A larger one is refused; the
/// sender leaves out configuration and tags before it comes to that.
inline constexpr std::size_t kMaxDeviceBytes = 64U << 10;

void fill_record(v1::DeviceChange& to, const flow::DeviceRecord& from);
void fill_record(v1::SecurityEvent& to, const flow::SecurityRecord& from);
flow::DeviceRecord device_change_of(const v1::DeviceChange& from, Checker& check);
flow::SecurityRecord security_of(const v1::SecurityEvent& from, Checker& check);

}  // namespace iris::wire
