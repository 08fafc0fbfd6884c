// SPDX-License-Identifier: Apache-2.0
#include "identity/image_name.h"

#include "identity/text.h"

namespace iris::identity {

std::string image_repository(std::string_view image) {
  image = trimmed(image);
  image = image.substr(0, image.find('@'));
  // A ':' before the last '/' is the registry's port.
  const std::size_t last = image.rfind('/');
  const std::size_t tag = image.find(':', last == std::string_view::npos ? 0 : last);
  image = image.substr(0, tag);
  if (const std::size_t slash = image.find('/'); slash != std::string_view::npos) {
    const std::string_view registry = image.substr(0, slash);
    if (registry.find_first_of(".:") != std::string_view::npos || registry == "localhost") image.remove_prefix(slash + 1);
  }
  return lower_case(image);
}

bool is_modbus_image(std::string_view image) {
  const std::string repository = image_repository(image);
  return repository.ends_with("modbus") || repository.ends_with("modbus-tcp");
}

bool is_opc_publisher_image(std::string_view image) { return image_repository(image).ends_with("opc-publisher"); }

}  // namespace iris::identity
