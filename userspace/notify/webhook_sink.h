// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "notify/sink.h"

namespace iris::notify {

struct WebhookOptions {
  std::string url;  // as webhook_url_fault() lets pass
  std::string token_file;
  std::string secret_file;
  std::string ca_file;
  std::string product_version;
  std::chrono::milliseconds timeout{5'000};  // of one delivery, connecting included
};

/// POSTs the alert as it is, with Content-Type: application/json,
/// Idempotency-Key: ID-CHANGE, Authorization: Bearer TOKEN when there is a token file, and
/// X-Iris-Signature: sha256=HEX, the HMAC-SHA256 of the body, when there is a secret file.
///
/// 2xx is delivered. Kind::usage is what concerns this alert only: 4xx but for 401 (the
/// token will be renewed), 408, 425 and 429 (later). Redirects are not followed. Nothing of
/// the answer is kept but status and Retry-After. Errors name the host, not the path: that
/// is a secret with many receivers.
class WebhookSink final : public Sink {
 public:
  explicit WebhookSink(WebhookOptions options);
  ~WebhookSink() override;
  base::Result<void> deliver(const Notice& notice) override;
  std::chrono::seconds retry_after() const override { return retry_after_; }

 private:
  class Transfer;

  base::Result<void> judge(long status) const;

  const WebhookOptions options_;
  const std::string host_;
  std::unique_ptr<Transfer> transfer_;
  std::chrono::seconds retry_after_{0};
};

}  // namespace iris::notify
