// SPDX-License-Identifier: Apache-2.0
#include <clocale>
#include <cstdio>
#include <exception>

#include "cli/commands.h"
#include "cli/remote_source.h"

int main(int argc, char** argv) {
  using namespace iris::cli;
  // For the width of characters only; built into the C library, unlike other locales.
  std::setlocale(LC_CTYPE, "C.UTF-8");
  try {
    auto parsed = parse_options(argc, argv);
    if (const auto* end = std::get_if<EarlyEnd>(&parsed)) {
      std::fputs(end->out.c_str(), stdout);
      std::fputs(end->err.c_str(), stderr);
      return end->exit_code;
    }
    Output output(1);
    const auto& options = std::get<Options>(parsed);
    const auto backend = choose_backend(options, ends_after_one_window(options, output));
    if (!backend) {
      complain(backend.error().message);
      return exit_code_of(backend.error().kind);
    }
    return run_command(options, *backend, output);
  } catch (const std::exception& error) {
    complain(error.what());
    return 1;
  }
}
