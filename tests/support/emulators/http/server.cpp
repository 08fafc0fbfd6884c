// SPDX-License-Identifier: Apache-2.0
#include "emulators/http/server.h"

#include <openssl/pem.h>
#include <sys/socket.h>

#include <algorithm>
#include <thread>

#include "emulators/http/connection.h"

namespace iris::emulator {
namespace {

constexpr auto kIdle = std::chrono::seconds(20);
// The library's regular expressions recurse once a byte.
constexpr std::size_t kMaxTargetBytes = 2'048;

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeX509 {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;
using Context = std::unique_ptr<SSL_CTX, FreeContext>;

Bio bio_of(const std::string& text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

Context make_context(const Certificate& given) {
  const auto chain = bio_of(given.chain);
  const auto key_text = bio_of(given.key);
  const std::unique_ptr<X509, FreeX509> leaf(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr));
  const std::unique_ptr<EVP_PKEY, FreeKey> key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
  Context context(SSL_CTX_new(TLS_server_method()));
  const bool good = leaf && key && context && SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) == 1 &&
                    SSL_CTX_use_certificate(context.get(), leaf.get()) == 1 &&
                    SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1;
  if (!good) return nullptr;
  while (X509* above = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)) {
    SSL_CTX_add_extra_chain_cert(context.get(), above);  // takes it over
  }
  return context;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

Request request_from(const httplib::Request& from, std::string_view head) {
  Request request;
  request.method = from.method;
  request.target = from.target;
  request.body = from.body;
  for (bool first = true; !head.empty(); first = false) {
    const auto end = std::min(head.find('\n'), head.size());
    const auto line = head.substr(0, end);
    head.remove_prefix(std::min(end + 1, head.size()));
    const auto colon = line.find(':');
    if (first || colon == std::string_view::npos) continue;
    request.headers.emplace(lower(std::string(line.substr(0, colon))), trimmed(line.substr(colon + 1)));
  }
  return request;
}

thread_local Connection* current = nullptr;  // whose request this thread answers

}  // namespace

class Server::Impl : public httplib::Server {
 public:
  Impl(const ServerOptions& options, RequestHandler handler) : handler_(std::move(handler)) {
    new_task_queue = [threads = options.threads] { return new httplib::ThreadPool(threads); };
    set_payload_max_length(options.max_body_bytes);
    // The library's default, SO_REUSEPORT, would let a second process share the port.
    set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    set_tcp_nodelay(true);
    set_keep_alive_max_count(1'000);
    const auto answer = [this](const httplib::Request& request, httplib::Response& response) { respond(request, response); };
    const char* const any = R"([\s\S]*)";
    Get(any, answer).Post(any, answer).Put(any, answer).Patch(any, answer).Delete(any, answer);
    set_pre_routing_handler([](const httplib::Request& request, httplib::Response& response) {
      if (request.target.size() <= kMaxTargetBytes) return HandlerResponse::Unhandled;
      response.status = 414;
      return HandlerResponse::Handled;
    });
  }
  ~Impl() override { end(); }

  base::Result<void> begin(const ServerOptions& options) {
    if (!options.certificate.chain.empty() && !(tls_ = make_context(options.certificate))) {
      return base::fail("the emulator's certificate or key is no good");
    }
    const auto& host = options.host;
    port_ = options.port == 0 ? bind_to_any_port(host) : (bind_to_port(host, options.port) ? options.port : -1);
    if (port_ <= 0) return base::fail("cannot listen on " + host + ":" + std::to_string(options.port));
    thread_ = std::thread([this] { listen_after_bind(); });
    // Before it runs, stop() would be without effect.
    while (!is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return {};
  }
  void end() {
    open_.end_all();
    stop();
    if (thread_.joinable()) thread_.join();
  }
  int port() const { return port_; }

 private:
  void respond(const httplib::Request& from, httplib::Response& into) {
    auto request = request_from(from, current->request_head());
    Response response;
    if (split_target(request)) {
      response = handler_(request);
    } else {
      response.status = 400;
    }
    into.status = response.status;
    for (const auto& [name, value] : response.headers) into.headers.emplace(name, value);
    into.body = std::move(response.body);
    if (!response.content_type.empty()) into.headers.emplace("Content-Type", response.content_type);
    current->misbehave(response.wire);
  }

  bool process_and_close_socket(socket_t socket) override {
    if (open_.add(socket)) {
      Connection connection(socket, tls_.get(), open_);
      current = &connection;
      bool closed = !connection.open();
      while (!closed && !open_.ended() && connection.wait_for_request(kIdle)) {
        if (!process_request(connection, false, closed, nullptr) || connection.is_cut()) break;
        connection.answer_done();
      }
      current = nullptr;
    }
    ::shutdown(socket, SHUT_RDWR);
    open_.close(socket);
    return true;
  }

  const RequestHandler handler_;
  Context tls_;
  OpenSockets open_;
  int port_ = 0;
  std::thread thread_;
};

base::Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, RequestHandler handler) {
  auto impl = std::make_unique<Impl>(options, std::move(handler));
  if (auto begun = impl->begin(options); !begun) return tl::unexpected(std::move(begun.error()));
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;
int Server::port() const { return impl_->port(); }
void Server::stop() { impl_->end(); }

}  // namespace iris::emulator
