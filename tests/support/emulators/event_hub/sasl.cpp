// SPDX-License-Identifier: Apache-2.0
#include "sasl.h"

#include <proton/sasl.h>
#include <proton/sasl_plugin.h>

#include <string>

#include "connection.h"
#include "wire.h"

namespace iris::event_hub_emulator {
namespace {

Connection& connection_of(pn_transport_t* transport) {
  return *static_cast<Connection*>(pnx_sasl_get_context(transport));
}

void finish(pn_transport_t* transport, bool ok) {
  Connection& connection = connection_of(transport);
  if (ok) pnx_sasl_set_succeeded(transport, connection.user().c_str(), nullptr);
  else pnx_sasl_set_failed(transport);
  pnx_sasl_set_desired_state(transport, SASL_POSTED_OUTCOME);
}

void process_init(pn_transport_t* transport, const char* mechanism, const pn_bytes_t* received) {
  Connection& connection = connection_of(transport);
  const std::string name = mechanism;
  connection.on_mechanism(name);
  if (name != "PLAIN") return finish(transport, name == "ANONYMOUS" || name == "EXTERNAL" || name == "MSSBCBS");
  // RFC 4616: authorization identity, NUL, user, NUL, password.
  const std::string_view text = view(*received);
  const auto first = text.find('\0');
  const auto second = first == std::string_view::npos ? first : text.find('\0', first + 1);
  if (second == std::string_view::npos) return finish(transport, false);
  finish(transport, connection.check_plain(std::string(text.substr(first + 1, second - first - 1)),
                                           std::string(text.substr(second + 1))));
}

constexpr pnx_sasl_implementation kServer = {
    .free = [](pn_transport_t*) {},
    .list_mechanisms = [](pn_transport_t*) -> const char* { return "MSSBCBS PLAIN ANONYMOUS EXTERNAL"; },
    .init_server = [](pn_transport_t* transport) {
      pnx_sasl_set_desired_state(transport, SASL_POSTED_MECHANISMS);
      return true;
    },
    .init_client = [](pn_transport_t*) { return false; },
    .prepare_write = [](pn_transport_t*) {},
    .process_init = process_init,
    .process_response = [](pn_transport_t*, const pn_bytes_t*) {},
    .process_mechanisms = [](pn_transport_t*, const char*) { return false; },
    .process_challenge = [](pn_transport_t*, const pn_bytes_t*) {},
    .process_outcome = [](pn_transport_t*, const pn_bytes_t*) {},
    .can_encrypt = [](pn_transport_t*) { return false; },
    .max_encrypt_size = [](pn_transport_t*) -> ssize_t { return 0; },
    .encode = [](pn_transport_t*, pn_bytes_t, pn_bytes_t*) -> ssize_t { return 0; },
    .decode = [](pn_transport_t*, pn_bytes_t, pn_bytes_t*) -> ssize_t { return 0; },
};

}  // namespace

void install_sasl(pn_transport_t* transport, Connection& connection) {
  pn_sasl(transport);
  pnx_sasl_set_implementation(transport, &kServer, &connection);
}

}  // namespace iris::event_hub_emulator
