// SPDX-License-Identifier: Apache-2.0
#include "notify/secret_file.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/unique_fd.h"

namespace iris::notify {
namespace {

constexpr std::size_t kMaxSecretBytes = 8192;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

WipedText::WipedText(WipedText&& other) noexcept : text_(other.text_) {
  // Copied, not moved: a short text lies inside of the other, and would stay there.
  OPENSSL_cleanse(other.text_.data(), other.text_.size());
  other.text_.clear();
}

WipedText::~WipedText() { OPENSSL_cleanse(text_.data(), text_.size()); }

base::Result<WipedText> read_secret_file(const std::string& path) {
  // Should it be a pipe, do not wait for who writes into it.
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return base::fail_errno("cannot read " + path, errno);
  std::array<char, kMaxSecretBytes + 1> buffer{};
  std::size_t size = 0;
  ssize_t got = 0;
  do {
    got = ::read(fd.get(), buffer.data() + size, buffer.size() - size);
    if (got > 0) size += static_cast<std::size_t>(got);
  } while ((got > 0 && size < buffer.size()) || (got < 0 && errno == EINTR));
  const int error = errno;
  std::string_view text(buffer.data(), size);
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  WipedText secret{std::string(text)};
  OPENSSL_cleanse(buffer.data(), buffer.size());
  if (got < 0) return base::fail_errno("cannot read " + path, error);
  if (size > kMaxSecretBytes) return base::fail(path + " is too large to be a token or a key");
  const auto content = secret.reveal();
  if (content.empty()) return base::fail(path + " is empty");
  if (!std::all_of(content.begin(), content.end(), [](char c) { return c >= ' ' && c <= '~'; })) {
    return base::fail(path + " must hold one line of printable ASCII");
  }
  return secret;
}

}  // namespace iris::notify
