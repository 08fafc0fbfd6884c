// SPDX-License-Identifier: Apache-2.0
#include "pipeline/dns_answer.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <strings.h>

#include <algorithm>
#include <cstring>

#include "iris/event.h"

namespace iris::pipeline {
namespace {

constexpr std::size_t kMaxMessage = IRIS_DNS_LEN;
// The library looks a few bytes beyond a name before it compares with the end.
constexpr std::size_t kSlack = 32;
constexpr int kMaxAliases = 16;
constexpr std::size_t kCountsOffset = 4;  // RFC 1035 section 4.1.1: four 16-bit counts

struct Alias {
  std::string from;
  std::string to;
};

struct Address {
  std::string name;
  base::IpAddress address;
  std::uint32_t ttl_seconds = 0;
};

/// Both as the library wrote them.
bool same_name(const std::string& a, const std::string& b) { return strcasecmp(a.c_str(), b.c_str()) == 0; }

/// Leaves the question and the whole records of the answer section, since
/// ns_initparse() refuses a message that is cut off.
class Trimmed {
 public:
  explicit Trimmed(std::span<const std::uint8_t> message) {
    std::memcpy(bytes_, message.data(), message.size());
    const std::uint8_t* const end = bytes_ + message.size();
    const std::uint8_t* at = bytes_ + NS_HFIXEDSZ;
    const int question = ns_skiprr(at, end, ns_s_qd, 1);
    if (question < 0) return;
    at += question;
    const unsigned announced = ns_get16(bytes_ + kCountsOffset + 2);
    unsigned whole = 0;
    for (; whole < announced; ++whole) {
      const int length = ns_skiprr(at, end, ns_s_an, 1);
      if (length < 0) break;
      at += length;
    }
    ns_put16(whole, bytes_ + kCountsOffset + 2);
    std::memset(bytes_ + kCountsOffset + 4, 0, 4);  // authority and additional
    size_ = at - bytes_;
  }
  const std::uint8_t* data() const { return bytes_; }
  int size() const { return static_cast<int>(size_); }

 private:
  std::uint8_t bytes_[kMaxMessage + kSlack] = {};
  std::ptrdiff_t size_ = 0;
};

base::IpAddress v4_mapped(const std::uint8_t* data) {
  base::IpAddress address;
  address.bytes[10] = address.bytes[11] = 0xff;
  std::memcpy(address.bytes.data() + 12, data, NS_INADDRSZ);
  return address;
}

}  // namespace

std::optional<DnsAnswer> parse_dns_answer(std::span<const std::uint8_t> message) {
  if (message.size() < NS_HFIXEDSZ || message.size() > kMaxMessage) return std::nullopt;
  if (ns_get16(message.data() + kCountsOffset) != 1) return std::nullopt;
  const Trimmed trimmed(message);
  ns_msg parsed;
  if (trimmed.size() == 0 || ns_initparse(trimmed.data(), trimmed.size(), &parsed) != 0) return std::nullopt;
  if (ns_msg_getflag(parsed, ns_f_qr) == 0 || ns_msg_getflag(parsed, ns_f_opcode) != ns_o_query) return std::nullopt;

  ns_rr record;
  if (ns_parserr(&parsed, ns_s_qd, 0, &record) != 0) return std::nullopt;
  DnsAnswer answer;
  answer.question_name = ns_rr_name(record);
  answer.response_code = static_cast<std::uint8_t>(ns_msg_getflag(parsed, ns_f_rcode));

  std::vector<Alias> aliases;
  std::vector<Address> addresses;
  for (int i = 0; i < ns_msg_count(parsed, ns_s_an); ++i) {
    if (ns_parserr(&parsed, ns_s_an, i, &record) != 0) break;
    if (ns_rr_class(record) != ns_c_in) continue;
    const std::uint8_t* const data = ns_rr_rdata(record);
    if (ns_rr_type(record) == ns_t_cname && aliases.size() < kMaxAliases) {
      char target[NS_MAXDNAME];
      if (dn_expand(trimmed.data(), trimmed.data() + trimmed.size(), data, target, sizeof target) >= 0) {
        aliases.push_back({ns_rr_name(record), target});
      }
    } else if (ns_rr_type(record) == ns_t_a && ns_rr_rdlen(record) == NS_INADDRSZ) {
      addresses.push_back({ns_rr_name(record), v4_mapped(data), ns_rr_ttl(record)});
    } else if (ns_rr_type(record) == ns_t_aaaa && ns_rr_rdlen(record) == NS_IN6ADDRSZ) {
      Address address{ns_rr_name(record), {}, ns_rr_ttl(record)};
      std::memcpy(address.address.bytes.data(), data, NS_IN6ADDRSZ);
      addresses.push_back(std::move(address));
    }
  }

  // The question's name and all that it is an alias of, in whatever order they came.
  std::vector<std::string> names{answer.question_name};
  for (std::size_t i = 0; i < names.size() && names.size() <= kMaxAliases; ++i) {
    for (const Alias& alias : aliases) {
      const auto is_target = [&](const std::string& name) { return same_name(name, alias.to); };
      if (same_name(alias.from, names[i]) && std::none_of(names.begin(), names.end(), is_target)) {
        names.push_back(alias.to);
        break;  // one name has one CNAME
      }
    }
  }
  for (const Address& address : addresses) {
    const auto is_its_name = [&](const std::string& name) { return same_name(name, address.name); };
    if (std::none_of(names.begin(), names.end(), is_its_name)) continue;
    answer.ttl_seconds =
        answer.addresses.empty() ? address.ttl_seconds : std::min(answer.ttl_seconds, address.ttl_seconds);
    answer.addresses.push_back(address.address);
  }
  return answer;
}

}  // namespace iris::pipeline
