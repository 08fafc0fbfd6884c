// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

/// What must never leave a document: found by the name it stands under and by its own looks.
/// Rather too much is taken for a secret than too little.
namespace iris::identity {

/// Stands in the place of a text that is a secret.
inline constexpr std::string_view kRemoved = "(removed)";

/// Whether what stands under this name is a secret: "password", "AppKey",
/// "registryCredentials", "SAS_TOKEN", "user" ... Case, '-', '_', '.' and blanks do not matter.
bool is_secret_name(std::string_view name);

/// Whether the text is or contains one: a connection string, a SAS or JSON web token, a private
/// key, a 32 or 64 byte key in base64, "NAME=value" or "NAME: value" with a secret name.
bool holds_secret(std::string_view text);

/// kRemoved when the text holds a secret; otherwise the text, with what stands before the '@' of a
/// URL replaced.
std::string without_secrets(std::string_view text);

}  // namespace iris::identity
