// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "pipeline/dns_answer.h"

namespace iris::pipeline {

/// Which names an owner resolved to an address: owners see only their own
/// answers, so that one cannot give another's peers a false name. Bounded for
/// each owner and altogether; the oldest goes first.
class DnsCache {
 public:
  struct Limits {
    std::size_t owners = 256;
    std::size_t addresses_of_owner = 512;
    std::size_t addresses = 4096;
    std::size_t names_of_address = 4;
  };
  DnsCache() : DnsCache(Limits{}) {}
  explicit DnsCache(Limits limits) : limits_(limits) {}

  void add(std::uint64_t cgroup_id, const DnsAnswer& answer, std::uint64_t now_ns);
  /// Newest first; empty when none is known or all are too old.
  std::vector<std::string> names(std::uint64_t cgroup_id, const base::IpAddress& address, std::uint64_t now_ns) const;

  std::size_t size() const { return addresses_; }

 private:
  struct Name {
    std::string text;
    std::uint64_t expires_ns = 0;
  };
  struct Entry {
    base::IpAddress address;
    std::vector<Name> names;  // newest first
  };
  using Entries = std::list<Entry>;
  struct Owner {
    Entries by_age;  // newest first
    std::unordered_map<base::IpAddress, Entries::iterator, base::IpAddressHash> by_address;
    std::list<std::uint64_t>::iterator age;
  };

  Owner& owner_of(std::uint64_t cgroup_id);
  void drop_oldest(Owner& owner);
  void make_room(Owner& owner);

  Limits limits_;
  std::unordered_map<std::uint64_t, Owner> owners_;
  std::list<std::uint64_t> owner_ages_;  // newest first
  std::size_t addresses_ = 0;
};

}  // namespace iris::pipeline
