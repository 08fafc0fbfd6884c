// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <proton/codec.h>
#include <proton/message.h>
#include <proton/ssl.h>

#include <memory>
#include <string_view>

/// Ownership of what Qpid Proton's C library gives out, and its strings as ours.
namespace iris::registry {

template <auto free_it>
struct ProtonDeleter {
  template <typename T>
  void operator()(T* object) const {
    free_it(object);
  }
};
using DataHandle = std::unique_ptr<pn_data_t, ProtonDeleter<pn_data_free>>;
using MessageHandle = std::unique_ptr<pn_message_t, ProtonDeleter<pn_message_free>>;
using SslDomainHandle = std::unique_ptr<pn_ssl_domain_t, ProtonDeleter<pn_ssl_domain_free>>;

/// Borrowed both ways: valid as long as what it came from.
inline pn_bytes_t proton_bytes(std::string_view text) { return pn_bytes(text.size(), text.data()); }
inline std::string_view proton_view(pn_bytes_t bytes) {
  return bytes.start == nullptr ? std::string_view() : std::string_view(bytes.start, bytes.size);
}
inline std::string_view proton_view(const char* text) { return text == nullptr ? std::string_view() : text; }

}  // namespace iris::registry
