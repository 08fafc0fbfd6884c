// SPDX-License-Identifier: Apache-2.0
#include "registry/slow_names.h"

#include <dlfcn.h>
#include <netdb.h>

#include <condition_variable>
#include <mutex>
#include <string_view>

namespace {

struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool reached = false;
  bool open = false;
};

Gate& gate() {
  static auto* const gate = new Gate;  // outlives a thread that was left behind
  return *gate;
}

}  // namespace

namespace iris::test_support {

void await_hanging_lookup() {
  std::unique_lock lock(gate().mutex);
  gate().changed.wait(lock, [] { return gate().reached; });
}

void let_names_go() {
  const std::lock_guard lock(gate().mutex);
  gate().open = true;
  gate().changed.notify_all();
}

}  // namespace iris::test_support

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** result) {
  const std::string_view text = name != nullptr ? name : "";
  if (text == "hang.test") {
    std::unique_lock lock(gate().mutex);
    gate().reached = true;
    gate().changed.notify_all();
    gate().changed.wait(lock, [] { return gate().open; });
    return EAI_AGAIN;
  }
  if (text.ends_with(".invalid")) return EAI_NONAME;
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return next(name, service, hints, result);
}
