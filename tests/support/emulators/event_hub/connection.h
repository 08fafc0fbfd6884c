// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <proton/connection_driver.h>
#include <proton/ssl.h>

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "sas.h"
#include "store.h"
#include "wire.h"

namespace iris::event_hub_emulator {

class Loop;
class Connection;

/// A link that reads a partition.
struct Reader {
  Connection* connection = nullptr;
  pn_link_t* link = nullptr;
  std::string group;
  std::string partition;
  std::optional<std::int64_t> epoch;
  Cursor cursor;
};

/// One client.
class Connection {
 public:
  Connection(Loop& loop, base::UniqueFd socket, pn_ssl_domain_t* domain);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return socket_.get(); }
  short wanted_events();
  void on_readable();
  /// When work() is due though nothing came: keep-alives. Milliseconds from now.
  int patience() const;
  /// Events of Proton, deliveries, bytes out. False: finished.
  bool work();
  void detach(Reader& reader, const Refusal& refusal);
  void close(const Refusal& refusal);
  void cut();

  std::list<Reader>& readers() { return readers_; }

  // For the SASL plug-in:
  void on_mechanism(const std::string& mechanism);
  bool check_plain(const std::string& user, const std::string& password);
  const std::string& user() const { return user_; }

 private:
  void handle(pn_event_t* event);
  void on_attach(pn_link_t* link);
  void on_partition_attach(pn_link_t* link, const std::string& address);
  void refuse(pn_link_t* link, const Refusal& refusal);
  void on_request(pn_link_t* link);
  void answer_cbs(const Request& request);
  void answer_management(const Request& request);
  void send_reply(const Request& request, pn_message_t* message);
  void send_events(Reader& reader);
  bool may_listen(const std::string& audience) const;
  void forget(pn_link_t* link);

  Loop& loop_;
  base::UniqueFd socket_;
  pn_connection_driver_t driver_{};
  std::list<Reader> readers_;
  std::string user_;
  bool plain_ = false;            // authenticated by a key that was right
  bool plain_listen_ = false;
  std::vector<Token> tokens_;
  std::int64_t tick_ms_ = 0;
  unsigned tag_ = 0;
  bool cut_ = false;
};

}  // namespace iris::event_hub_emulator
