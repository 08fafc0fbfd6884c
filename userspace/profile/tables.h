// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "profile/observation.h"
#include "profile/sketch.h"

/// The two bounded tables of a profile. Neither grows beyond its capacity: the
/// least telling entry makes room, and is counted.
namespace iris::profile {

/// candidate: seen, but not yet part of what is normal. learned: normal.
/// quarantined: seen in a suspicious moment; only a verdict makes it normal.
enum class Standing : std::uint8_t { candidate, learned, quarantined };

/// A peer at a service: the unit of novelty.
struct Contact {
  std::uint64_t key = 0;  // of peer and service
  std::uint64_t peer_hash = 0;
  std::uint64_t service = 0;  // Service.key
  std::string label;
  PeerKind kind = PeerKind::unknown;
  Standing standing = Standing::candidate;
  flow::Role role = flow::Role::originator;
  Reach reach = Reach::external;
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;
  std::uint32_t visits = 0;    // windows in which it was seen
  std::uint32_t answered = 0;  // of these
  std::uint32_t attempts = 0;  // conversations opened, and how many in vain
  std::uint32_t failures = 0;
  std::uint32_t hours = 0;  // different hours in which it was seen
  std::uint64_t first_ns = 0;
  std::uint64_t last_ns = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t bytes_in = 0;
  Interval interval;  // between visits that opened a connection
};

class ContactTable {
 public:
  static constexpr std::size_t kCapacity = 192;

  Contact* find(std::uint64_t key);
  const Contact* find(std::uint64_t key) const;
  /// Makes room when full: candidates go first, quarantined entries last. When a
  /// learned one had to go, `*bereft` is its service.
  Contact& insert(Contact contact, std::uint64_t* bereft = nullptr);
  bool knows_peer(std::uint64_t peer_hash) const;
  const std::vector<Contact>& all() const { return contacts_; }
  std::vector<Contact>& all() { return contacts_; }
  std::uint64_t evicted() const { return evicted_; }
  void set_evicted(std::uint64_t count) { evicted_ = count; }
  std::size_t memory_bytes() const;

 private:
  void evict_one(std::uint64_t* bereft);
  void grow();

  std::vector<Contact> contacts_;
  std::vector<std::pair<std::uint64_t, std::uint16_t>> index_;  // sorted by key
  std::uint64_t evicted_ = 0;
};

/// All peers of one kind of service together: how open their circle is, and how
/// much goes over it.
struct Service {
  std::uint64_t key = 0;
  flow::Role role = flow::Role::originator;
  Reach reach = Reach::external;
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;
  std::uint32_t visits = 0;
  std::uint32_t singles = 0;  // peers seen in one window only
  std::uint32_t learned = 0;  // contacts that are normal
  std::uint64_t first_ns = 0;
  std::uint64_t last_ns = 0;
  DistinctCount peers;
  Quantiles packets;              // both ways, a window and contact
  Quantiles hourly_out;           // bytes, hours in which it was used
  std::uint64_t max_packets = 0;  // of one window and contact
  TwoSpeedMean rate_out;          // bytes an hour
  TwoSpeedMean balance;           // (out - in) / (out + in) of an hour: 1 only sends, -1 only receives
};

class ServiceTable {
 public:
  static constexpr std::size_t kCapacity = 24;

  Service* find(std::uint64_t key);
  const Service* find(std::uint64_t key) const;
  Service& insert(Service service);
  const std::vector<Service>& all() const { return services_; }
  std::vector<Service>& all() { return services_; }
  std::uint64_t evicted() const { return evicted_; }
  void set_evicted(std::uint64_t count) { evicted_ = count; }
  std::size_t memory_bytes() const;

 private:
  std::vector<Service> services_;
  std::uint64_t evicted_ = 0;
};

std::uint64_t contact_key(const Peer& peer, std::uint64_t service);

}  // namespace iris::profile
