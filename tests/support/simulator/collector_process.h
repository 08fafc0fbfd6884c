// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "trace/child.h"

namespace iris::test {

/// `iris-collector serve` over TLS on a free port, with a store below `directory`
/// and gateways "gateway-0" to "gateway-(n-1)". Throws when it does not start.
class CollectorProcess {
 public:
  CollectorProcess(const std::string& program, const std::string& directory, std::size_t gateways);

  std::string database() const { return directory_ + "/data/collector.db"; }
  std::string url() const { return "sqlite:" + database(); }
  std::string tokens() const { return directory_ + "/tokens"; }  // as the simulator reads them
  std::string certificate() const { return directory_ + "/data/tls-certificate.pem"; }
  const std::string& target() const { return target_; }
  pid_t pid() const { return process_->pid(); }
  std::string words() const { return process_->err(); }
  long peak_kib() const;  // resident, since it began
  /// Its exit code; -1: a signal.
  int stop();

 private:
  void add_gateways(std::size_t count) const;

  std::string directory_;
  std::string target_;
  std::unique_ptr<Child> process_;
};

}  // namespace iris::test
