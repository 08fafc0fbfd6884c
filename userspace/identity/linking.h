// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "identity/node.h"

/// Inside of merge(): which nodes are one device. Knows nothing of texts but the
/// keys that nodes agree or differ in.
namespace iris::identity::merging {

/// Why two nodes did not become one.
struct Note {
  enum class Kind : std::uint8_t {
    claimed_twice,  // `node` and `other`, of one registry, both have `key`
    one_of_two,     // `node` could be `other` or `second`
    could_be,       // `other` could be `node` or `second`
    differs,        // agree in `key`, differ in `value`
    open,           // agree in `key`; one of the two could be another device, too
    chain,          // agree in `key`; joining them would join two devices of one registry
    other_case,     // names that differ in case only
    shared,         // `node` has the address `key` of several units, `other` among them
    calls_itself,   // `node`, an observed host, gives itself the name of `other`
    called,         // the same, seen from the other
  };
  Kind kind = Kind::claimed_twice;
  std::uint32_t node = 0;
  std::uint32_t other = 0;
  std::uint32_t second = 0;
  std::string key;
  std::string value;
};

struct Linked {
  std::vector<std::uint32_t> group;  // by node: the first node of its group
  std::vector<Note> notes;           // at most 16 a node; may name nodes of one group
};

Linked link(const Nodes& nodes);

}  // namespace iris::identity::merging
