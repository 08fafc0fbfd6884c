// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>

#include <mutex>
#include <string>

#include "iris/v1/agent.grpc.pb.h"
#include "local/watch_hub.h"
#include "wire/flow_codec.h"

namespace iris::local {

/// One Watch call: encodes what it is given, keeps a bounded amount of it until
/// the client reads, and counts the rest into the client's next ledger. Deletes itself.
class WatchStream final : public grpc::ServerWriteReactor<v1::Records>, public Watcher {
 public:
  WatchStream(WatchHub& hub, const v1::WatchRequest& wanted, std::size_t max_waiting_bytes);

  void take(const Records& records, std::uint64_t lost) override;
  void end() override;

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  bool wants(const flow::Record& record) const;
  void encode(const flow::Record& record);
  void write_some();                          // under mutex_
  void finish(const grpc::Status& status);    // under mutex_

  WatchHub& hub_;
  const v1::WatchRequest wanted_;
  const std::size_t max_waiting_bytes_;

  std::mutex mutex_;
  wire::RecordEncoder encoder_;
  std::string waiting_;
  std::uint64_t lost_ = 0;  // not told yet
  v1::Records current_;
  bool writing_ = false;
  bool finished_ = false;
};

}  // namespace iris::local
