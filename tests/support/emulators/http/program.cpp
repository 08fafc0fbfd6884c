// SPDX-License-Identifier: Apache-2.0
#include "emulators/http/program.h"

#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace iris::emulator {
namespace {

sigset_t held_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM}) sigaddset(&signals, signal);
  return signals;
}

void print_line(const nlohmann::json& line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

}  // namespace

base::Result<ListenAddress> parse_listen_address(const std::string& text) {
  const auto colon = text.rfind(':');
  ListenAddress address;
  if (colon == std::string::npos || colon == 0) return base::fail("not HOST:PORT: " + text, base::Error::Kind::usage);
  address.host = text.substr(0, colon);
  if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  std::istringstream port(text.substr(colon + 1));
  if (!(port >> address.port) || !port.eof() || address.port < 0 || address.port > 65'535) {
    return base::fail("not a port: " + text, base::Error::Kind::usage);
  }
  return address;
}

base::Result<std::string> read_text_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return base::fail("cannot read " + path);
  return text.str();
}

base::Result<nlohmann::json> read_json_file(const std::string& path) {
  const auto text = read_text_file(path);
  if (!text) return tl::unexpected(text.error());
  auto document = nlohmann::json::parse(*text, nullptr, false);
  if (document.is_discarded()) return base::fail(path + " is no JSON");
  return document;
}

base::Result<void> write_text_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return base::fail("cannot write " + path);
  return {};
}

void hold_signals() {
  const auto signals = held_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

void run_until_stopped(const nlohmann::json& ready, const std::function<base::Result<void>()>& reload) {
  print_line(ready);
  const auto signals = held_signals();
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP) return;
    const auto done = reload();
    if (done) {
      print_line({{"reloaded", true}});
    } else {
      print_line({{"reloaded", false}, {"error", done.error().message}});
    }
  }
}

}  // namespace iris::emulator
