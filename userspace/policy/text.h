// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

/// Names of unknown origin (labels, DNS names, images) made fit for a place in a document.
namespace iris::policy {

/// For a comment, a table or a quoted string: one line of printable ASCII without quotes
/// and backslashes, which become '?'; at most 160 characters.
std::string plain(std::string_view text);
/// For an identifier of nftables: [a-z0-9_], at most `longest` characters; never empty.
std::string identifier(std::string_view text, std::size_t longest);
/// For the name of a Kubernetes object or of an access list: [a-z0-9-], begins and ends
/// with a letter or digit, at most `longest` characters; never empty.
std::string slug(std::string_view text, std::size_t longest);
/// For a Kubernetes label: [A-Za-z0-9._-], at most 63 characters; never empty.
std::string label_value(std::string_view text);
/// A host name as ietf-inet-types has it, in lower case and without a final dot; empty
/// when it is none (a wildcard, a stranger's nonsense).
std::string host_name(std::string_view text);
/// "tcp/8883", "udp/32768-65535", "icmp".
std::string service_text(std::uint8_t protocol, std::uint16_t port);
/// The name in an image: "modbus" for "registry:5000/iot/modbus".
std::string last_part(std::string_view path);

/// Path and level of a cgroup as `socket cgroupv2` of nftables wants them; an empty path when
/// it is none that can be written safely.
std::pair<std::string, std::size_t> cgroup_match(std::string_view path);

}  // namespace iris::policy
