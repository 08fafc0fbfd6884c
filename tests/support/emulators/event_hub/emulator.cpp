// SPDX-License-Identifier: Apache-2.0
#include "emulator.h"

#include <stdexcept>

#include "loop.h"

namespace iris::event_hub_emulator {

Emulator::Emulator(Options options) : loop_(std::make_unique<Loop>(std::move(options), *this)) {
  thread_ = std::thread([this] { loop_->run(); });
}

Emulator::~Emulator() {
  loop_->stop();
  thread_.join();
}

std::uint16_t Emulator::plain_port() const { return loop_->port(false); }
std::uint16_t Emulator::tls_port() const { return loop_->port(true); }

void Emulator::call(const std::function<void(Loop&)>& action) const { loop_->call(action); }

std::int64_t Emulator::inject(const std::string& partition, const NewEvent& event) {
  std::int64_t sequence = -1;
  call([&](Loop& loop) {
    const auto found = loop.hub.partitions.find(partition);
    if (found != loop.hub.partitions.end()) sequence = found->second.append(event, Loop::now_ms()).sequence;
  });
  if (sequence < 0) throw std::invalid_argument("no partition " + partition);
  return sequence;
}

std::int64_t Emulator::inject(const std::string& partition, const std::string& body) {
  NewEvent event;
  event.sections = {body};
  return inject(partition, event);
}

void Emulator::detach(const Refusal& refusal, const std::string& partition) {
  call([&](Loop& loop) {
    for (const auto& connection : loop.connections) {
      std::vector<Reader*> chosen;
      for (Reader& reader : connection->readers()) {
        if (partition.empty() || reader.partition == partition) chosen.push_back(&reader);
      }
      for (Reader* reader : chosen) connection->detach(*reader, refusal);
    }
  });
}

void Emulator::close_connections(const Refusal& refusal) {
  call([&](Loop& loop) {
    for (const auto& connection : loop.connections) connection->close(refusal);
  });
}

void Emulator::cut_connections() {
  call([](Loop& loop) {
    for (const auto& connection : loop.connections) connection->cut();
  });
}

void Emulator::refuse_attaches(const Refusal& refusal, std::size_t count, const std::string& partition) {
  call([&](Loop& loop) { loop.attach_faults.push_back({refusal, count, partition}); });
}

void Emulator::set_silent(bool silent) {
  call([&](Loop& loop) { loop.silent = silent; });
}

void Emulator::set_management(Management management) {
  call([&](Loop& loop) { loop.management = management; });
}

void Emulator::set_key(const std::string& policy, const std::string& key) {
  call([&](Loop& loop) { loop.options.policies[policy].key = key; });
}

void Emulator::recreate_hub() {
  call([](Loop& loop) {
    for (const auto& connection : loop.connections) connection->close({"amqp:connection:forced", "The entity was deleted."});
    for (auto& [id, partition] : loop.hub.partitions) partition = {};
    loop.hub.created_ms = Loop::now_ms();
  });
}

void Emulator::add_partition() {
  call([](Loop& loop) { loop.hub.partitions[std::to_string(loop.hub.partitions.size())]; });
}

void Emulator::steal(const std::string& partition) {
  detach({"amqp:link:stolen", "New receiver with higher epoch of '7' is created hence current receiver is getting disconnected."},
         partition);
}

Seen Emulator::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

bool Emulator::wait(const std::function<bool(const Seen&)>& holds, std::chrono::milliseconds limit) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [&] { return holds(seen_); });
}

}  // namespace iris::event_hub_emulator
