// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "identity/json.h"

namespace iris::identity {

inline constexpr std::size_t kMaxTagsBytes = 8 * 1024;
inline constexpr std::size_t kMaxConfigurationBytes = 16 * 1024;
/// The member that says how many members of its object did not fit.
inline constexpr const char* kTruncated = "$truncated";

/// `value` without $metadata, $version and nulls, and without secrets: members with a secret name
/// are left out, texts that hold a secret replaced (secrets.h). JSON inside a string is looked through.
Json cleaned(const Json& value);

/// cleaned() as text with its members in order of name, so that the same content always gives the
/// same text; at most `max_bytes`, cut at whole members (kTruncated). "" for what is no object
/// or has nothing left.
std::string clean_object(const Json& object, std::size_t max_bytes);

inline std::string clean_tags(const Json& object) { return clean_object(object, kMaxTagsBytes); }
inline std::string clean_configuration(const Json& object) { return clean_object(object, kMaxConfigurationBytes); }

}  // namespace iris::identity
