// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <system_error>
#include <tl/expected.hpp>
#include <utility>

namespace iris::base {

/// What went wrong, as a sentence that says what to do, with the context each
/// caller added in front. `kind` decides the exit code of a command.
struct Error {
  enum class Kind { failed, usage, permission, unsupported };
  Kind kind = Kind::failed;
  std::string message;
};

template <typename T>
using Result = tl::expected<T, Error>;

/// An error of `kind` ready to be returned from a function giving a Result.
inline tl::unexpected<Error> fail(std::string message, Error::Kind kind = Error::Kind::failed) {
  return tl::unexpected<Error>(Error{kind, std::move(message)});
}

/// As fail(), with the text of `error_number` (an errno value) behind it.
inline tl::unexpected<Error> fail_errno(std::string message, int error_number,
                                        Error::Kind kind = Error::Kind::failed) {
  return fail(std::move(message) + ": " + std::generic_category().message(error_number), kind);
}

/// Puts `context` in front of an error on its way up.
inline tl::unexpected<Error> with_context(const std::string& context, Error error) {
  error.message = context + ": " + error.message;
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace iris::base
