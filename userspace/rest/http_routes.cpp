// SPDX-License-Identifier: Apache-2.0
#include "rest/http_routes.h"

#include <httplib.h>

namespace iris::rest {
namespace {

Request request_of(const httplib::Request& from) {
  return {from.method, from.path, from.params, from.get_header_value("Authorization")};
}

bool may_have_body(const std::string& method) {
  return method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE";
}

void fill(httplib::Response& to, Answer answer) {
  to.status = answer.status;
  for (const auto& [name, value] : answer.headers) to.set_header(name, value);
  to.set_header("Cache-Control", "no-store");
  to.set_header("X-Content-Type-Options", "nosniff");
  to.set_content(std::move(answer.body), answer.content_type);
}

}  // namespace

void add_routes(httplib::Server& server, const Api& api) {
  const auto reply = [&api](const httplib::Request& request, httplib::Response& response) {
    // The library would cut a range, or thousands that overlap, out of the answer.
    fill(response, request.has_header("Range") ? error_answer(416, "no ranges here") : api.answer(request_of(request)));
  };
  server.set_pre_routing_handler([reply](const httplib::Request& request, httplib::Response& response) {
    if (may_have_body(request.method)) return httplib::Server::HandlerResponse::Unhandled;
    reply(request, response);
    return httplib::Server::HandlerResponse::Handled;
  });
  // A body is read before it is refused: with it unread, closing would reset the
  // connection and the peer not see why.
  server.Post(".*", reply).Put(".*", reply).Patch(".*", reply).Delete(".*", reply);
  server.set_exception_handler([](const httplib::Request&, httplib::Response& response, std::exception_ptr) {
    fill(response, error_answer(500, "internal error"));
  });
  server.set_error_handler([](const httplib::Request&, httplib::Response& response) {
    if (response.body.empty()) fill(response, error_answer(response.status, "not a request that is understood here"));
  });
}

}  // namespace iris::rest
