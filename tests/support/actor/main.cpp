// SPDX-License-Identifier: Apache-2.0
// Plays in containers what only a program of one's own can: pass a socket on,
// accept in a child, die in a known place.
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "actions.h"

namespace {

constexpr const char* kUsage =
    "usage: iris-actor fork-accept ADDR:PORT CHILDREN\n"
    "       iris-actor give PATH [ADDR:PORT]           pass a TCP socket on, connected if an address is given\n"
    "       iris-actor take PATH BYTES [ADDR:PORT]     take one, connect it if an address is given, send\n"
    "       iris-actor hold ADDR:PORT MILLISECONDS\n"
    "       iris-actor wait | segv | abort | eat\n";

int act(const std::vector<std::string>& words) {
  using namespace iris::actor;
  const std::string action = words.empty() ? "" : words[0];
  const auto word = [&words](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
  if (action == "fork-accept" && words.size() == 3) return fork_and_accept(words[1], std::stoi(words[2]));
  if (action == "give" && words.size() >= 2) return give_socket(words[1], word(2));
  if (action == "take" && words.size() >= 3) return take_socket(words[1], word(3), std::stoi(words[2]));
  if (action == "hold" && words.size() == 3) return connect_and_hold(words[1], std::stoi(words[2]));
  if (action == "wait") return wait_for_sigterm();
  if (action == "segv") return die_by_segv();
  if (action == "abort") return die_by_abort();
  if (action == "eat") return eat_memory();
  std::fputs(kUsage, stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return act({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "iris-actor: %s\n", error.what());
    return 1;
  }
}
