// SPDX-License-Identifier: Apache-2.0
#include "truth.h"

#include <sys/resource.h>

#include <cerrno>
#include <cstring>

namespace iris::load {
namespace {

double cpu_seconds() {
  double sum = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
      sum += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    }
  }
  return sum;
}

}  // namespace

void Truth::connect_failed(int error) {
  ++errors[error];
  switch (error) {
    case ECONNREFUSED: ++refused; break;
    case ETIMEDOUT: ++timed_out; break;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN: ++unreachable; break;
    case EACCES:
    case EPERM: ++denied; break;
    // A RST in answer to our SYN is ECONNREFUSED. ECONNRESET therefore says that
    // the handshake was over and the RST came before connect() looked.
    case ECONNRESET:
      ++established;
      ++reset;
      break;
    default: ++other;
  }
}

void Truth::stream_failed(int error) {
  ++errors[error];
  if (error == ECONNRESET || error == EPIPE) {
    ++reset;
  } else {
    ++other;
  }
}

Truth& Truth::operator+=(const Truth& more) {
  attempts += more.attempts;
  accepted += more.accepted;
  established += more.established;
  closed += more.closed;
  refused += more.refused;
  timed_out += more.timed_out;
  unreachable += more.unreachable;
  reset += more.reset;
  denied += more.denied;
  other += more.other;
  given_up += more.given_up;
  reset_sent += more.reset_sent;
  short_replies += more.short_replies;
  bytes_sent += more.bytes_sent;
  bytes_received += more.bytes_received;
  datagrams_sent += more.datagrams_sent;
  datagrams_received += more.datagrams_received;
  datagrams_unanswered += more.datagrams_unanswered;
  for (const auto& [error, count] : more.errors) errors[error] += count;
  return *this;
}

Json Truth::to_json() const {
  Json json;
  json["attempts"] = attempts;
  json["accepted"] = accepted;
  json["established"] = established;
  json["closed"] = closed;
  json["failed"] = {{"refused", refused}, {"timed_out", timed_out}, {"unreachable", unreachable},
                    {"reset", reset},     {"denied", denied},       {"other", other}};
  json["given_up"] = given_up;
  json["reset_sent"] = reset_sent;
  json["short_replies"] = short_replies;
  json["bytes_sent"] = bytes_sent;
  json["bytes_received"] = bytes_received;
  json["datagrams_sent"] = datagrams_sent;
  json["datagrams_received"] = datagrams_received;
  json["datagrams_unanswered"] = datagrams_unanswered;
  json["errors"] = Json::object();
  for (const auto& [error, count] : errors) {
    const char* name = strerrorname_np(error);
    json["errors"][name != nullptr ? name : std::to_string(error)] = count;
  }
  return json;
}

Stopwatch::Stopwatch() : start_(std::chrono::steady_clock::now()), cpu_start_(cpu_seconds()) {}

double Stopwatch::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void Stopwatch::add_to(Json& json) const {
  const double wall = seconds();
  json["seconds"] = wall;
  json["cpu_seconds"] = cpu_seconds() - cpu_start_;
  for (const auto& [count, rate] : {std::pair{"established", "connections_per_second"},
                                    std::pair{"count", "per_second"}}) {
    if (json.contains(count) && wall > 0) json[rate] = json[count].get<double>() / wall;
  }
}

}  // namespace iris::load
