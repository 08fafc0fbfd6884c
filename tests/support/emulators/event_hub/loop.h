// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <proton/ssl.h>

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "connection.h"
#include "emulator.h"

namespace iris::event_hub_emulator {

/// The state of the emulator and its one thread: sockets, hub, faults.
class Loop {
 public:
  Loop(Options options, Emulator& emulator);
  ~Loop();

  void run();
  /// Runs `action` in the loop's thread and waits for it. After the end it is not run.
  void call(const std::function<void(Loop&)>& action);
  void stop();

  std::uint16_t port(bool tls) const { return tls ? tls_port_ : plain_port_; }
  void note(const std::function<void(Seen&)>& change);  // and wakes who waits
  static std::int64_t now_ms();

  /// A reader asks for its partition: settles who may read. Nothing: accepted.
  std::optional<Refusal> admit(Reader& reader);
  Partition* partition_of(const std::string& hub, const std::string& partition);

  struct Fault {
    Refusal refusal;
    std::size_t count = 0;
    std::string partition;
  };

  Options options;
  Hub hub;
  Emulator::Management management = Emulator::Management::answers;
  std::vector<Fault> attach_faults;
  bool silent = false;
  std::list<std::unique_ptr<Connection>> connections;

 private:
  void accept(int listener, bool tls);

  Emulator& emulator_;
  std::unique_ptr<pn_ssl_domain_t, void (*)(pn_ssl_domain_t*)> domain_;
  base::UniqueFd plain_listener_;
  base::UniqueFd tls_listener_;
  std::uint16_t plain_port_ = 0;
  std::uint16_t tls_port_ = 0;
  base::UniqueFd waker_;
  std::mutex mutex_;
  std::vector<std::function<void()>> actions_;  // guarded by mutex_
  bool stopping_ = false;                       // guarded by mutex_
};

}  // namespace iris::event_hub_emulator
