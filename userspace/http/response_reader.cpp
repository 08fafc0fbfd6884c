// SPDX-License-Identifier: Apache-2.0
#include "http/response_reader.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace iris::http {
namespace {

namespace beast = boost::beast;
using beast::http::error;

std::string lower(beast::string_view name) {
  std::string result(name.data(), name.size());
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

/// Hands on what Beast finds; keeps no message.
class Parser final : public beast::http::basic_parser<false> {
 public:
  Parser(const ResponseReader::OnBody& on_body, const ResponseReader::Options& options) : on_body_(on_body) {
    header_limit(static_cast<std::uint32_t>(options.max_header_bytes));
    body_limit(std::numeric_limits<std::uint64_t>::max());  // on_body knows what it takes; boost::none refuses all lengths
    eager(true);
    if (!options.has_body) skip(true);
  }

  int status = 0;
  std::map<std::string, std::string> headers;
  bool refused = false;

 private:
  void on_request_impl(beast::http::verb, beast::string_view, beast::string_view, int, beast::error_code&) override {}
  void on_response_impl(int code, beast::string_view, int, beast::error_code&) override { status = code; }
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value, beast::error_code&) override {
    if (!is_header_done()) headers.insert_or_assign(lower(name), std::string(value.data(), value.size()));
  }
  void on_header_impl(beast::error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
  std::size_t on_body_impl(beast::string_view body, beast::error_code& code) override {
    if (!on_body_({body.data(), body.size()})) {
      refused = true;
      code = error::body_limit;
    }
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, beast::error_code& code) override {
    return on_body_impl(body, code);
  }
  void on_finish_impl(beast::error_code&) override {}

  const ResponseReader::OnBody& on_body_;
};

}  // namespace

class ResponseReader::Impl {
 public:
  Impl(OnBody on_body, Options options) : on_body_(std::move(on_body)), options_(options) {
    parser_.emplace(on_body_, options_);
  }

  State feed(std::string_view bytes) {
    started_ = started_ || !bytes.empty();
    // What is not a whole line yet waits for the rest.
    std::string_view rest = bytes;
    if (!pending_.empty()) {
      pending_.append(bytes);
      rest = pending_;
    }
    while (!rest.empty() && (state_ == State::head || state_ == State::body)) {
      beast::error_code code;
      const std::size_t used = parser_->put(boost::asio::const_buffer(rest.data(), rest.size()), code);
      rest.remove_prefix(used);
      if (state_ == State::head) head_bytes_ += used;
      if (code && code != error::need_more) return fail(code);
      if (parser_->is_header_done()) state_ = State::body;
      if (parser_->is_done() && finish() == State::failed) return state_;
      if (code) break;
      if (used == 0) break;
    }
    // Of the frames of chunks as of headers no more is kept than that.
    if (rest.size() > options_.max_header_bytes) return fail(error::header_limit);
    pending_ = std::string(rest);
    return state_;
  }

  State end_of_input() {
    if (state_ != State::head && state_ != State::body) return state_;
    beast::error_code code = error::partial_message;
    if (started_ && pending_.empty() && parser_->got_some()) parser_->put_eof(code);
    if (code) return fail(code);
    finish();
    return state_;
  }

  State state() const { return state_; }
  unsigned status() const { return status_known() ? static_cast<unsigned>(parser_->status) : 0; }
  const std::map<std::string, std::string>& headers() const { return parser_->headers; }
  bool keep_alive() const { return state_ == State::done && parser_->keep_alive() && pending_.empty(); }
  bool started() const { return started_; }
  bool refused() const { return parser_->refused; }
  bool too_large() const { return failure_ == error::header_limit; }
  std::string error_text() const {
    if (too_large()) return "the headers of the answer do not end";
    if (failure_ == error::partial_message) {
      return started_ ? "the answer was cut" : "the connection was closed without an answer";
    }
    return refused() ? "the answer was not wanted" : "the answer is not HTTP (" + failure_.message() + ")";
  }

 private:
  bool status_known() const { return parser_->status >= 200; }

  State finish() {
    const bool interim = parser_->status >= 100 && parser_->status < 200 && parser_->status != 101;
    if (!interim) return state_ = State::done;
    if (head_bytes_ > options_.max_header_bytes) return fail(error::header_limit);
    parser_.emplace(on_body_, options_);  // the one that counts comes behind it
    return state_ = State::head;
  }

  State fail(beast::error_code code) {
    failure_ = code;
    pending_.clear();
    return state_ = State::failed;
  }

  const OnBody on_body_;
  const Options options_;
  std::optional<Parser> parser_;
  std::string pending_;
  State state_ = State::head;
  std::size_t head_bytes_ = 0;
  bool started_ = false;
  beast::error_code failure_;
};

ResponseReader::ResponseReader(OnBody on_body, Options options) : impl_(std::make_unique<Impl>(std::move(on_body), options)) {}
ResponseReader::~ResponseReader() = default;
ResponseReader::ResponseReader(ResponseReader&&) noexcept = default;
ResponseReader& ResponseReader::operator=(ResponseReader&&) noexcept = default;
ResponseReader::State ResponseReader::feed(std::string_view bytes) { return impl_->feed(bytes); }
ResponseReader::State ResponseReader::end_of_input() { return impl_->end_of_input(); }
ResponseReader::State ResponseReader::state() const { return impl_->state(); }
unsigned ResponseReader::status() const { return impl_->status(); }
const std::map<std::string, std::string>& ResponseReader::headers() const { return impl_->headers(); }
bool ResponseReader::keep_alive() const { return impl_->keep_alive(); }
bool ResponseReader::started() const { return impl_->started(); }
bool ResponseReader::refused() const { return impl_->refused(); }
bool ResponseReader::too_large() const { return impl_->too_large(); }
std::string ResponseReader::error() const { return impl_->error_text(); }

}  // namespace iris::http
