// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "data.h"
#include "detect/judge.h"

/// Connection records become the flow summaries that agents on the devices would have
/// made of them, and the judge's alerts become rows to score.
namespace iris::detection {

/// Which addresses stand on this side: named in the scenario, private, or of the
/// capture's own network (where devices have public addresses): the /24 of who takes
/// part in DHCP, or, where private addresses take part in few records, in half of all.
class Network {
 public:
  Network(const Scenario& scenario, const std::vector<Connection>& connections);
  bool local(const base::IpAddress& address) const;
  /// Devices by the protocol: those named, else every local address that opened a conversation.
  const std::set<std::string>& devices() const { return devices_; }

 private:
  std::set<base::IpAddress> named_;
  std::set<std::string> home_;  // first three bytes
  std::set<std::string> devices_;
};

struct AlertRow {
  Seconds time = 0;
  Seconds last = 0;
  std::string alert_class, rule, device, peer, summary;
  std::vector<std::string> rules;
  int severity = 0;
  std::uint64_t count = 0;
};

struct Stats {
  std::uint64_t connections = 0;
  std::uint64_t not_ip = 0;
  std::uint64_t summaries = 0;
};

/// Plays connections into one judge. Times of the connections are moved by `shift`,
/// and by a constant that keeps clocks that start at 0 apart from "not known".
class Player {
 public:
  Player(detect::Judge& judge, const Network& network) : judge_(judge), network_(network) {}

  /// In the order of time; several calls continue one another.
  void play(const std::vector<const Connection*>& connections, const std::vector<Name>& names, Seconds shift);
  /// Ends all windows up to now.
  void finish();
  /// No agent ran until the next connection, which is another call of play().
  void pause() { paused_ = true; }
  /// Alerts so far, in scenario time of shift 0; closes them.
  std::vector<AlertRow> take();
  const Stats& stats() const { return stats_; }

 private:
  using Key = std::tuple<std::string, int, int, base::IpAddress, std::uint16_t>;
  using Window = std::map<Key, flow::FlowRecord>;

  void add(const Connection& connection, std::int64_t start_ns);
  void add_side(const Connection& connection, std::int64_t start_ns, bool originator);
  flow::FlowRecord& cell(std::int64_t window, const Connection& connection, bool originator);
  void flush(std::int64_t before_window);
  void heartbeat(std::int64_t window);
  const std::string* name_of(const base::IpAddress& address) const;

  detect::Judge& judge_;
  const Network& network_;
  std::map<std::int64_t, Window> windows_;
  std::int64_t done_window_ = -1;
  bool paused_ = false;
  std::map<std::string, flow::OwnerPtr> owners_;
  std::map<base::IpAddress, std::string> names_;
  std::map<std::string, std::int64_t> slices_;  // end of the last slice of a conversation
  bool continues_ = false;                      // the connection at hand continues a slice
  Stats stats_;
};

}  // namespace iris::detection
