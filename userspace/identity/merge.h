// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "flow/device.h"
#include "identity/evidence.h"

namespace iris::identity {

struct MergeRules {
  std::string gateway;  // IoT Hub id of this gateway; empty: not known
  /// What irisd.toml says: a name in EdgeX or of a manufactured device, a Device.id
  /// ("edgex/boiler-3"), an address ("198.51.100.7", "198.51.100.7:502", "/dev/ttyS0")
  /// or a hardware id ("mac:..", "serial:..", a bare MAC address), to the id of a
  /// device in IoT Hub.
  std::map<std::string, std::string, std::less<>> mapping;
};

/// Evidence of all sources to identities, in order of Device.id. The order of the
/// evidence does not matter, and saying a thing twice changes nothing.
///
/// One registry's own ids part its devices: IoT Hub's (twins, $edgeAgent,
/// $edgeHub: exact, case-sensitive), EdgeX's names, the names in one module's
/// configuration. Devices of different registries become one when they have in
/// common, and nothing speaks against it:
///   1. an entry of the mapping: goes before everything else
///   2. the name, exactly. Not between two modules ("Slave01" is everywhere), and not
///      a name that a host gives itself by DHCP: anybody may call himself "thermostat"
///      The HwId that a module gives a device counts as a name of it, and a DevEUI in any case
///   3. a hardware id, also one found in a twin's tags or properties (claims.h)
///   4. an address: an equal port or none on one side, the same unit or none on one
///      side. Not serial lines: each container has a /dev/ttyS0 of its own. Not
///      a site-local address in the twin of a device below some other gateway
/// What speaks against it, and leaves both apart with a line in `conflicts`: one of
/// two could be meant; MAC, serial or DevEUI differ; a chain of agreements ends in two
/// devices of one registry; the names differ in case only. Hosts that were only
/// observed come last and never undo what registries agree upon.
/// Modules and this gateway have their id alone: of their addresses others live, too.
///
/// Plain fields are those of the strongest source that has them (order of Source);
/// a module's status and `deployed` are $edgeAgent's. Where $edgeAgent was read and
/// does not list a module, it is a ghost, and so is what only ghosts speak for.
/// `tags` and `configuration`: the object of the source, if only one has any; else
/// an object with a member for each source, {"iot_hub":{..},"edgex":{..}}, in which a
/// source that said different things has an array of them. At most 128 KiB each:
/// what the weaker sources say beyond is left out.
/// `addresses` has MAC addresses and host names, too, and at most 64.
///
/// Ids: "thermostat", "gw1/modbus1" as in IoT Hub; "edgex/NAME";
/// "gw1/modbus1/NAME"; "observed/MAC" or, when no MAC is known, "observed/ADDRESS":
/// a host keeps its MAC when DHCP gives it another address, and has several
/// addresses with IPv6.
std::vector<flow::Device> merge(std::span<const Evidence> evidence, const MergeRules& rules);
std::vector<flow::Device> merge(std::span<const SharedEvidence> evidence, const MergeRules& rules);

}  // namespace iris::identity
