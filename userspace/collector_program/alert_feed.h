// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "notify/sink.h"
#include "store/store.h"

namespace iris::collector {

/// What the store's alerts are to those who send them on. `store` outlives it.
class AlertFeed final : public notify::Feed {
 public:
  explicit AlertFeed(store::Store& store) : store_(store) {}

  base::Result<std::vector<notify::Notice>> after(std::uint64_t change, std::size_t limit) override;
  base::Result<std::uint64_t> position(const std::string& sink) override { return store_.sink_position(sink); }
  base::Result<void> set_position(const std::string& sink, std::uint64_t change) override {
    return store_.set_sink_position(sink, change);
  }

 private:
  store::Store& store_;
};

}  // namespace iris::collector
