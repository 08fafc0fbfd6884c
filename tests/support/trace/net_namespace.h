// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

namespace iris::test {

/// A network namespace without a name: it ends with its last user. Loopback is
/// up, and closed connections leave no TIME-WAIT sockets behind, so that tens of
/// thousands of connections find a port.
class NetNamespace {
 public:
  NetNamespace();
  ~NetNamespace();
  NetNamespace(const NetNamespace&) = delete;
  NetNamespace& operator=(const NetNamespace&) = delete;

  int fd() const { return fd_; }
  /// Runs a shell command inside; throws when it fails.
  void shell(const std::string& command) const;
  /// Runs `body` in a thread that lives inside (its sockets do, too).
  void inside(const std::function<void()>& body) const;
  /// A neighbour 198.51.100.7 (and 2001:db8:1::7) that answers nothing: connects to it time out.
  void add_black_hole() const;

 private:
  int fd_ = -1;
};

}  // namespace iris::test
