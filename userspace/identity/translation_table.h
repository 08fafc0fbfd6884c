// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "identity/evidence.h"
#include "identity/reading.h"

/// Translating modules that the operator describes, one row for each kind: where in the
/// module's desired properties its devices stand and what their members are called.
namespace iris::identity {

struct TranslationRow {
  /// Module id or image repository, with '*' for anything: "bacnet*", "acme/s7-*". Any case.
  std::string module;
  /// Where the device objects are: names from the desired properties down, each behind a '/', and '*' for all
  /// members of an object or elements of an array: "/devices/*", "/buses/*/slaves/*". '~1' and '~0' as in
  /// RFC 6901. Empty: the desired properties are one device.
  std::string path;
  /// Members of a device object; each may lie deeper ("network/host"). Any case. An empty id, or one that a device
  /// does not have: the name that the last '*' has stood for.
  std::string id;
  std::string address;  // IP address, host name, URL or serial line; may hold a port
  std::string port;
  std::string unit;
  std::uint8_t protocol = 0;       // IANA number; 0: any
  std::uint16_t default_port = 0;  // 0: any
};

/// What is wrong with a row, for the check of a configuration.
base::Result<void> check(const TranslationRow& row);

/// The first row for the module; nullptr when there is none.
const TranslationRow* find_row(const std::vector<TranslationRow>& rows, std::string_view module_id, std::string_view image);

/// The devices in a module twin (or in a document that is its desired properties): source translation_table, kind
/// manufactured.
Reading apply(const TranslationRow& row, std::string_view twin, const ModuleRef& module);

}  // namespace iris::identity
