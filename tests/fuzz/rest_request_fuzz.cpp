// SPDX-License-Identifier: Apache-2.0
// Any bytes as what an HTTP client sends, and, since a fuzzer seldom guesses a
// token, as the target of a request that has one.
#include <stdlib.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "http/bounded_server.h"
#include "rest/http_routes.h"
#include "store_fixture.h"

namespace {

using namespace iris;

constexpr const char* kToken = "token";

class Conversation final : public httplib::Stream {
 public:
  explicit Conversation(std::string_view request) : request_(request) {}
  const std::string& answer() const { return answer_; }

  bool is_readable() const override { return !request_.empty(); }
  bool is_writable() const override { return true; }
  ssize_t read(char* into, std::size_t size) override {
    const auto count = request_.copy(into, size);
    request_.remove_prefix(count);
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* from, std::size_t size) override {
    answer_.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return -1; }

 private:
  std::string_view request_;
  std::string answer_;
};

/// The routes on a small store, as `serve` has them.
class Collector {
 public:
  Collector() : server_(1) {
    std::string pattern = std::filesystem::temp_directory_path() / "iris-fuzz-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    directory_ = pattern;
    auto opened = store::open_store("sqlite:" + (directory_ / "iris.db").string());
    if (!opened) std::abort();
    store_ = std::move(*opened);
    const auto gateway = store_->add_gateway("plant-1", collector::hash_token("x"), store::kNoon);
    const store::IngestBatch batches[] = {store::make_batch(gateway->id, 1), store::make_batch(gateway->id, 2)};
    if (!store_->commit(batches, store::kNoon)) std::abort();
    api_ = std::make_unique<rest::Api>(
        rest::Sources{store_.get(), [] { return collector::IngestStatus{}; }, [] { return rest::MaintenanceStatus{}; }, {}, {}, "1"},
        kToken);
    rest::add_routes(server_, *api_);
  }
  ~Collector() {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  std::string answer(std::string_view request) {
    Conversation conversation(request);
    server_.serve(conversation);
    return conversation.answer();
  }

 private:
  std::filesystem::path directory_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<rest::Api> api_;
  http::BoundedServer server_;
};

bool is_open(std::string_view request) {
  return request.find("/healthz") != request.npos || request.find("/readyz") != request.npos ||
         request.find('%') != request.npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Collector collector;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);

  const auto answer = collector.answer(bytes);
  if (answer.starts_with("HTTP/1.1 5")) std::abort();
  if (answer.starts_with("HTTP/1.1 200") && bytes.find(kToken) == bytes.npos && !is_open(bytes)) std::abort();

  const auto target = bytes.substr(0, bytes.find_first_of("\r\n"));
  const auto asked = collector.answer("GET " + std::string(target) + " HTTP/1.1\r\nAuthorization: Bearer " + kToken + "\r\n\r\n");
  if (asked.starts_with("HTTP/1.1 5") || asked.starts_with("HTTP/1.1 401")) std::abort();
  return 0;
}
