// SPDX-License-Identifier: Apache-2.0
#include "agent/inventory.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <unordered_set>

#include "wire/json_writer.h"

namespace iris::agent {
namespace {

constexpr std::uint64_t kDayNs = 86'400ULL * 1'000'000'000;

/// FNV-1a, 64 bits: a change must be noticed, nobody gains by making one go unnoticed.
std::uint64_t digest_of(const flow::Device& device) {
  std::string text;
  wire::append_device(text, device);
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return std::max<std::uint64_t>(hash, 1);  // 0 is none
}

std::string in_hex(std::uint64_t digest) { return fmt::format("{:016x}", digest); }

std::uint64_t from_hex(const std::string& text) {
  std::uint64_t digest = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), digest, 16);
  return error == std::errc() && end == text.data() + text.size() ? digest : 0;
}

}  // namespace

Inventory::Inventory(const std::map<std::string, std::string>& told) {
  for (const auto& [id, digest] : told) told_.emplace_hint(told_.end(), id, from_hex(digest));
}

void Inventory::set(std::vector<flow::Device> devices, bool complete) {
  complete_ = complete;
  std::sort(devices.begin(), devices.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  std::swap(devices_, devices);
  std::unordered_set<std::string_view> known;
  for (const auto& device : devices_) known.insert(device.id);
  for (auto& device : devices) {
    if (!known.contains(device.id)) last_.insert_or_assign(device.id, std::move(device));
  }
  gather();
}

void Inventory::gather() {
  changed_.clear();
  gone_.clear();
  std::unordered_set<std::string_view> known;
  for (std::size_t i = devices_.size(); i-- > 0;) {
    known.insert(devices_[i].id);
    const auto told = told_.find(devices_[i].id);
    if (told == told_.end() || told->second != digest_of(devices_[i])) changed_.push_back(i);
  }
  if (!complete_) return;
  for (const auto& [id, digest] : told_) {
    if (!known.contains(id)) gone_.push_back(id);
  }
}

Inventory::News Inventory::take(std::uint64_t wall_ns, std::size_t limit) {
  if (all_told_wall_ns_ == 0 || wall_ns < all_told_wall_ns_) all_told_wall_ns_ = wall_ns;
  if (wall_ns - all_told_wall_ns_ >= kDayNs) {
    all_told_wall_ns_ = wall_ns;
    for (auto& [id, digest] : told_) digest = kTellAgain;
    gather();
  }
  News news;
  using Change = flow::DeviceRecord::Change;
  while (!changed_.empty() && news.records.size() < limit) {
    const flow::Device& device = devices_[changed_.back()];
    changed_.pop_back();
    const auto digest = digest_of(device);
    const auto [told, is_new] = told_.insert_or_assign(device.id, digest);
    news.records.push_back({wall_ns, is_new ? (first_ ? Change::present : Change::added) : Change::updated, device});
    news.keep.emplace(kPrefix + device.id, in_hex(digest));
  }
  while (!gone_.empty() && news.records.size() < limit) {
    flow::Device device;
    device.id = std::move(gone_.back());
    gone_.pop_back();
    if (auto last = last_.extract(device.id)) device = std::move(last.mapped());
    told_.erase(device.id);
    news.keep.emplace(kPrefix + device.id, "");
    news.records.push_back({wall_ns, Change::removed, std::move(device)});
  }
  if (!devices_.empty() && changed_.empty()) first_ = false;
  return news;
}

}  // namespace iris::agent
