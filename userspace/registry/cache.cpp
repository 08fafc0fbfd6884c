// SPDX-License-Identifier: Apache-2.0
#include "registry/cache.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "base/unique_fd.h"

namespace iris::registry {
namespace {

using Json = nlohmann::json;
using identity::Evidence;

constexpr int kVersion = 1;
constexpr std::size_t kEndBytes = 128;  // room for the last line

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
  void add(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
      text += "0123456789abcdef"[digest[i] >> 4];
      text += "0123456789abcdef"[digest[i] & 15];
    }
    return text;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

std::string line_of(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json to_json(const Evidence& evidence) {
  Json addresses = Json::array();
  for (const auto& address : evidence.addresses) {
    Json one{{"port", address.port}, {"protocol", address.protocol}};
    if (address.ip) {
      one["ip"] = address.ip->to_string();
    } else {
      one["text"] = address.text;
    }
    addresses.push_back(std::move(one));
  }
  return Json{{"source", identity::to_string(evidence.source)},
              {"kind", flow::to_string(evidence.kind)},
              {"name", evidence.name},
              {"parent", evidence.parent},
              {"module_id", evidence.module_id},
              {"hardware_ids", evidence.hardware_ids},
              {"addresses", std::move(addresses)},
              {"tags", evidence.tags},
              {"configuration", evidence.configuration},
              {"status", evidence.status},
              {"deployed", evidence.deployed},
              {"connected", evidence.connected}};
}

/// The value of an enumeration that has this name.
template <typename Enum>
std::optional<Enum> named(const std::string& name, Enum last) {
  for (int value = 0; value <= static_cast<int>(last); ++value) {
    if (to_string(static_cast<Enum>(value)) == name) return static_cast<Enum>(value);
  }
  return std::nullopt;
}

Evidence from_json(const Json& value) {  // throws std::exception
  Evidence evidence;
  const auto source = named(value.at("source").get<std::string>(), identity::Source::host_name);
  const auto kind = named(value.at("kind").get<std::string>(), flow::DeviceKind::observed);
  if (!source || !kind) throw std::out_of_range("unknown source or kind");
  evidence.source = *source;
  evidence.kind = *kind;
  value.at("name").get_to(evidence.name);
  value.at("parent").get_to(evidence.parent);
  value.at("module_id").get_to(evidence.module_id);
  value.at("hardware_ids").get_to(evidence.hardware_ids);
  for (const auto& one : value.at("addresses")) {
    flow::DeviceAddress address;
    one.at("port").get_to(address.port);
    one.at("protocol").get_to(address.protocol);
    if (one.contains("ip")) {
      address.ip = base::IpAddress::parse(one.at("ip").get<std::string>());
      if (!address.ip) throw std::out_of_range("no address");
    } else {
      one.at("text").get_to(address.text);
    }
    evidence.addresses.push_back(std::move(address));
  }
  value.at("tags").get_to(evidence.tags);
  value.at("configuration").get_to(evidence.configuration);
  value.at("status").get_to(evidence.status);
  value.at("deployed").get_to(evidence.deployed);
  value.at("connected").get_to(evidence.connected);
  return evidence;
}

class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}
  void add(const std::string& line) {
    hash_.add(line);
    bytes_ += line.size();
    buffer_ += line;
    if (buffer_.size() >= kBufferBytes) flush();
  }
  std::size_t bytes() const { return bytes_; }
  /// 0, or the errno of the first failure.
  int finish(std::size_t count) {
    buffer_ += line_of({{"count", count}, {"sha256", hash_.hex()}});
    flush();
    if (error_ == 0 && fsync(fd_) != 0) error_ = errno;
    return error_;
  }

 private:
  static constexpr std::size_t kBufferBytes = 64u << 10;

  void flush() {
    std::string_view rest = buffer_;
    while (error_ == 0 && !rest.empty()) {
      const auto written = write(fd_, rest.data(), rest.size());
      if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
      if (written < 0 && errno != EINTR) error_ = errno;
    }
    buffer_.clear();
  }

  int fd_;
  int error_ = 0;
  std::size_t bytes_ = 0;
  std::string buffer_;
  Sha256 hash_;
};

base::Result<std::string> read_file(const std::string& path) {
  const base::UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return base::fail_errno("the cache " + path + " cannot be opened", errno);
  struct stat status {};
  if (fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return base::fail("the cache " + path + " is no file");
  if (static_cast<std::size_t>(status.st_size) > kMaxCacheBytes) {
    return base::fail("the cache " + path + " is too large and was ignored");
  }
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const auto got = read(file.get(), text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return text;
}

/// Cuts off the last line; nothing when there is none.
std::optional<std::string_view> cut_last_line(std::string_view& text) {
  if (text.size() < 2 || text.back() != '\n') return std::nullopt;
  const auto start = text.rfind('\n', text.size() - 2);
  if (start == std::string_view::npos) return std::nullopt;
  const auto line = text.substr(start + 1);
  text = text.substr(0, start + 1);
  return line;
}

Cached parse(std::string_view lines) {  // throws
  Cached cached;
  bool header = true;
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    const auto value = Json::parse(lines.substr(0, end));
    lines.remove_prefix(end + 1);
    if (!header) {
      cached.evidence.push_back(from_json(value));
      continue;
    }
    header = false;
    if (value.at("iris_registry_cache") != kVersion) throw std::out_of_range("another version");
    value.at("registry").get_to(cached.key.registry);
    value.at("endpoint").get_to(cached.key.endpoint);
    value.at("gateway").get_to(cached.key.gateway);
    value.at("saved_wall_ns").get_to(cached.saved_wall_ns);
  }
  return cached;
}

}  // namespace

base::Result<std::size_t> write_cache(const std::string& path, const CacheKey& key, std::uint64_t wall_ns,
                                      std::span<const identity::SharedEvidence> evidence) {
  std::string temporary = path + ".XXXXXX";
  const base::UniqueFd file(mkostemp(temporary.data(), O_CLOEXEC));  // 0600
  if (!file) return base::fail_errno("the cache " + path + " cannot be written", errno);
  Output output(file.get());
  output.add(line_of({{"iris_registry_cache", kVersion},
                      {"registry", key.registry},
                      {"endpoint", key.endpoint},
                      {"gateway", key.gateway},
                      {"saved_wall_ns", wall_ns}}));
  std::size_t count = 0;
  for (const auto& one : evidence) {
    const auto line = line_of(to_json(*one));
    if (output.bytes() + line.size() + kEndBytes > kMaxCacheBytes) break;
    output.add(line);
    ++count;
  }
  int error = output.finish(count);
  if (error == 0 && std::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(temporary.c_str());
    return base::fail_errno("the cache " + path + " cannot be written", error);
  }
  auto folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  // The name has to survive a power cut too; if it does not, the old content is there.
  if (const base::UniqueFd directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); directory) {
    fsync(directory.get());
  }
  return evidence.size() - count;
}

base::Result<Cached> read_cache(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return tl::unexpected(text.error());
  std::string_view lines = *text;
  const auto end = cut_last_line(lines);
  try {
    if (!end) throw std::out_of_range("no last line");
    const auto value = Json::parse(*end);
    Sha256 hash;
    hash.add(lines);
    if (value.at("sha256").get<std::string>() != hash.hex()) throw std::out_of_range("another digest");
    auto cached = parse(lines);
    if (cached.evidence.size() != value.at("count").get<std::size_t>()) throw std::out_of_range("another count");
    return cached;
  } catch (const std::exception&) {  // nlohmann's tell where, with text of the file: not repeated
    return base::fail("the cache " + path + " is damaged or of another version, and was ignored");
  }
}

}  // namespace iris::registry
