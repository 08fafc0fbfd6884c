// SPDX-License-Identifier: Apache-2.0
#include "commands.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

namespace iris::event_hub_emulator {
namespace {

using nlohmann::json;

NewEvent event_of(const json& command) {
  NewEvent event;
  if (command.contains("sections")) event.sections = command["sections"].get<std::vector<std::string>>();
  if (command.contains("body")) event.sections = {command["body"].is_string() ? command["body"].get<std::string>() : command["body"].dump()};
  static const std::map<std::string, NewEvent::Body> kKinds = {
      {"data", NewEvent::Body::data}, {"string_value", NewEvent::Body::string_value}, {"binary_value", NewEvent::Body::binary_value},
      {"sequence", NewEvent::Body::sequence}, {"none", NewEvent::Body::none}, {"raw", NewEvent::Body::raw}};
  event.kind = kKinds.at(command.value("kind", "data"));
  if (command.contains("sequence")) event.sequence = command["sequence"].get<std::int64_t>();
  if (command.contains("offset")) event.offset = command["offset"].get<std::string>();
  if (command.contains("enqueued_ms")) event.enqueued_ms = command["enqueued_ms"].get<std::int64_t>();
  event.partition_key = command.value("partition_key", "");
  return event;
}

Refusal refusal_of(const json& value) { return {value.value("condition", ""), value.value("description", "")}; }

json seen_as_json(const Seen& seen) {
  json attaches = json::array();
  for (const auto& attach : seen.attaches) {
    attaches.push_back({{"address", attach.address}, {"selector", attach.selector}, {"accepted", attach.accepted}});
  }
  return {{"connections", seen.connections}, {"open", seen.open}, {"mechanisms", seen.mechanisms}, {"host_names", seen.host_names},
          {"attaches", attaches}, {"tokens", seen.tokens}, {"reads", seen.reads}, {"sent", seen.sent}};
}

json run_checked(Emulator& emulator, const json& command) {
  const std::string partition = command.value("partition", "");
  if (command.contains("detach")) emulator.detach(refusal_of(command["detach"]), partition);
  else if (command.contains("refuse")) emulator.refuse_attaches(refusal_of(command["refuse"]), command.value("count", 1U), partition);
  else if (command.contains("close")) emulator.close_connections(refusal_of(command["close"]));
  else if (command.contains("cut")) emulator.cut_connections();
  else if (command.contains("silent")) emulator.set_silent(command["silent"].get<bool>());
  else if (command.contains("recreate")) emulator.recreate_hub();
  else if (command.contains("steal")) emulator.steal(command["steal"].get<std::string>());
  else if (command.contains("seen")) return seen_as_json(emulator.seen());
  else if (!partition.empty()) return {{"sequence", emulator.inject(partition, event_of(command))}};
  else return {{"error", "unknown command"}};
  return {{"ok", true}};
}

}  // namespace

json run_command(Emulator& emulator, const json& command) {
  try {
    return run_checked(emulator, command);
  } catch (const std::exception& error) {
    return {{"error", error.what()}};
  }
}

base::Result<void> run_lines(Emulator& emulator, std::istream& lines) {
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.empty()) continue;
    const json command = json::parse(line, nullptr, false);
    if (!command.is_object()) return base::fail("line " + std::to_string(number) + " is no JSON object");
    const json answer = run_command(emulator, command);
    if (answer.contains("error")) return base::fail("line " + std::to_string(number) + ": " + answer["error"].get<std::string>());
  }
  return {};
}

base::Result<std::unique_ptr<CommandSocket>> CommandSocket::open(Emulator& emulator, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return base::fail("too long for a socket: " + path, base::Error::Kind::usage);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  base::UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  unlink(path.c_str());
  if (!listener || bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener.get(), 8) != 0) {
    return base::fail_errno("cannot listen on " + path, errno);
  }
  return std::unique_ptr<CommandSocket>(new CommandSocket(emulator, std::move(listener), path));
}

CommandSocket::CommandSocket(Emulator& emulator, base::UniqueFd listener, std::string path)
    : emulator_(emulator), listener_(std::move(listener)), path_(std::move(path)), waker_(eventfd(0, EFD_CLOEXEC)) {
  thread_ = std::thread([this] { run(); });
}

CommandSocket::~CommandSocket() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(waker_.get(), &one, sizeof(one));
  thread_.join();
  unlink(path_.c_str());
}

bool CommandSocket::readable(int fd) const {
  pollfd items[] = {{fd, POLLIN, 0}, {waker_.get(), POLLIN, 0}};
  while (poll(items, 2, -1) < 0 && errno == EINTR) {
  }
  return items[1].revents == 0;
}

void CommandSocket::run() {
  while (readable(listener_.get())) {
    const base::UniqueFd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (client) serve(client.get());
  }
}

void CommandSocket::serve(int fd) {
  std::string buffer;
  char piece[65536];
  while (readable(fd)) {
    const ssize_t got = recv(fd, piece, sizeof(piece), 0);
    if (got <= 0) return;
    buffer.append(piece, static_cast<std::size_t>(got));
    for (std::size_t end; (end = buffer.find('\n')) != std::string::npos; buffer.erase(0, end + 1)) {
      const json command = json::parse(buffer.substr(0, end), nullptr, false);
      const json answer = command.is_object() ? run_command(emulator_, command) : json{{"error", "no JSON object"}};
      const std::string line = answer.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
      if (send(fd, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) return;
    }
  }
}

}  // namespace iris::event_hub_emulator
