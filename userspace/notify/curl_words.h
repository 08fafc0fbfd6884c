// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <curl/curl.h>

#include <string>
#include <string_view>

namespace iris::notify {

/// Why libcurl got nowhere, in plain words, printable, and the same for the same fault.
/// `detail`: of CURLOPT_ERRORBUFFER.
std::string curl_words(CURLcode code, std::string_view detail);

}  // namespace iris::notify
