// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace iris::symbolize {

struct SymbolName {
  std::string symbol;  // demangled; empty: none covers the address
  std::string module;  // path as it was added; empty: no file has this build id
};

/// BCC's build-id symbol cache, made safe for other people's files: it sees
/// regular files only, by descriptor, and its guesses are checked.
class BuildIdSymbols {
 public:
  BuildIdSymbols();
  ~BuildIdSymbols();
  BuildIdSymbols(const BuildIdSymbols&) = delete;
  BuildIdSymbols& operator=(const BuildIdSymbols&) = delete;

  /// Takes the file in if its build id (lower-case hex) is one of `wanted`.
  void add(const std::string& path, const std::vector<std::string>& wanted);
  SymbolName resolve(const std::string& build_id, std::uint64_t file_offset, bool return_address) const;

 private:
  struct Module;
  void* cache_;
  std::map<std::string, std::unique_ptr<Module>> modules_;  // by build id
};

}  // namespace iris::symbolize
