// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "sas.h"
#include "store.h"

/// Azure Event Hubs as far as a reader sees it: AMQP 1.0 with TLS or plain, SASL as the real
/// one offers it, $cbs, $management, partitions with selector filters. Facts from the
/// vendor's clients and documents; shares no code with the product.
namespace iris::event_hub_emulator {

struct Options {
  Policies policies = {{"listen", {"aXJpcy10ZXN0LWtleS0wMTIzNDU2Nzg5YWJjZGVmMDE=", true}},
                       {"send", {"YW5vdGhlci9tYWRlK3VwPWtleX5mb3JfdGVzdHMhISE=", false}}};
  std::string hub = "insights-logs";
  std::size_t partitions = 2;
  std::set<std::string> groups = {"$Default"};
  std::string certificate_file;  // PEM; empty: no TLS port
  std::string key_file;
  bool settles = false;          // sends events settled, as AMQP lets a sender choose
  bool fails_sasl = false;       // a wrong PLAIN key fails at once; the service lets it in, without rights
};

/// What clients did, for the eyes of a test.
struct Seen {
  struct Attach {
    std::string address;
    std::string selector;
    bool accepted = false;
  };
  std::size_t connections = 0;       // accepted
  std::size_t open = 0;              // right now
  std::vector<std::string> mechanisms;
  std::vector<std::string> host_names;  // in `open`
  std::vector<Attach> attaches;
  std::size_t tokens = 0;            // accepted put-token
  std::size_t reads = 0;             // $management READ
  std::size_t sent = 0;              // events
  std::map<std::string, std::size_t> credit;  // given by readers in all, by partition
};

class Loop;

class Emulator {
 public:
  explicit Emulator(Options options);
  ~Emulator();
  Emulator(const Emulator&) = delete;
  Emulator& operator=(const Emulator&) = delete;

  std::uint16_t plain_port() const;
  std::uint16_t tls_port() const;

  /// Puts an event into a partition; gives its number.
  std::int64_t inject(const std::string& partition, const NewEvent& event);
  std::int64_t inject(const std::string& partition, const std::string& body);

  // Faults. Each is in force when the call returns.
  void detach(const Refusal& refusal, const std::string& partition = "");  // all links, or those of one partition
  void close_connections(const Refusal& refusal);
  void cut_connections();
  /// Refuses the next attaches to partitions ("" all).
  void refuse_attaches(const Refusal& refusal, std::size_t count, const std::string& partition = "");
  /// Neither reads nor writes on the connections there are, and on new ones.
  void set_silent(bool silent);
  /// What $management does with each request.
  enum class Management { answers, fails, refuses_link, silent, lists };  // lists: partition_ids as a list
  void set_management(Management management);
  void set_key(const std::string& policy, const std::string& key);
  /// The hub is deleted and made anew: numbers and offsets start again.
  void recreate_hub();
  void add_partition();
  /// A reader with an epoch takes the partition away from all others, as another client would.
  void steal(const std::string& partition);

  Seen seen() const;
  /// Waits until `holds`; false after `limit`.
  bool wait(const std::function<bool(const Seen&)>& holds, std::chrono::milliseconds limit = std::chrono::seconds(10)) const;

 private:
  friend class Loop;
  void call(const std::function<void(Loop&)>& action) const;

  std::unique_ptr<Loop> loop_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  Seen seen_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace iris::event_hub_emulator
