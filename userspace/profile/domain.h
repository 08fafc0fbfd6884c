// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace iris::profile {

/// The part of a DNS name that one party registered: "iot.eu.example.co.uk" is
/// "example.co.uk" (public suffix list). Names of cloud providers under which
/// strangers live are such suffixes, too: "bucket.s3.amazonaws.com" stays whole.
/// Lower case, no final dot; a name without a dot is returned as it is.
std::string registrable_domain(std::string_view name);

}  // namespace iris::profile
