// SPDX-License-Identifier: Apache-2.0
#include "preload/lossy_disk.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

#include "preload/lossy_disk_record.h"

namespace iris::test {
namespace {

constexpr std::size_t kSectorBytes = 512;

struct Change {
  DiskRecord record;
  std::string old_bytes;
  std::string new_bytes;
};

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(std::string& file, std::uint64_t offset, std::string_view bytes) {
  file.resize(std::max<std::size_t>(file.size(), offset + bytes.size()));
  std::copy(bytes.begin(), bytes.end(), file.begin() + static_cast<std::ptrdiff_t>(offset));
}

void undo(std::string& file, const Change& change) {
  if (!change.old_bytes.empty()) put(file, change.record.offset, change.old_bytes);
  file.resize(change.record.old_size);
}

void redo(std::string& file, const Change& change, std::size_t bytes) {
  if (change.record.kind == DiskRecord::kTruncate) {
    file.resize(change.record.offset);
  } else {
    put(file, change.record.offset, std::string_view(change.new_bytes).substr(0, bytes));
  }
}

/// The notes one after the other; the last may be incomplete, then its change was not begun.
class Notes {
 public:
  explicit Notes(std::string text) : text_(std::move(text)) {}

  bool next(std::string& path, Change& change) {
    std::size_t at = at_;
    if (text_.size() - at < sizeof(DiskRecord)) return false;
    std::memcpy(&change.record, text_.data() + at, sizeof(DiskRecord));
    if (change.record.magic != DiskRecord::kMagic) throw std::runtime_error("the disk's log cannot be read");
    at += sizeof(DiskRecord);
    const auto take = [&](std::size_t size) {
      const std::string_view part = std::string_view(text_).substr(std::min(at, text_.size()), size);
      at += size;
      return std::string(part);
    };
    path = take(change.record.path_bytes);
    change.old_bytes = take(change.record.old_bytes);
    change.new_bytes = take(change.record.new_bytes);
    if (at > text_.size()) return false;
    at_ = at;
    return true;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

}  // namespace

LossyDisk::LossyDisk(std::string directory, std::string log)
    : directory_(std::filesystem::canonical(directory).string()), log_(std::move(log)) {}

Variables LossyDisk::variables() const {
  return {{"LD_PRELOAD", IRIS_LOSSY_DISK_PRELOAD}, {"IRIS_TEST_DISK_DIRECTORY", directory_}, {"IRIS_TEST_DISK_LOG", log_}};
}

void LossyDisk::wait_for_write() const {
  const auto size = [this] {
    std::error_code none_yet;
    const auto bytes = std::filesystem::file_size(log_, none_yet);
    return none_yet ? 0 : bytes;
  };
  const auto before = size();
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(15);
  // The note of a sync is the shortest: no bytes come with it.
  while (size() < before + kSectorBytes) {
    if (std::chrono::steady_clock::now() > limit) throw std::runtime_error("nothing was written in " + directory_);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void LossyDisk::cut_power(std::uint64_t seed) {
  std::map<std::string, std::vector<Change>> unsynced;
  Notes notes(content_of(log_));
  std::string path;
  for (Change change; notes.next(path, change);) {
    if (change.record.kind == DiskRecord::kSync) {
      unsynced[path].clear();
    } else {
      unsynced[path].push_back(change);
    }
  }
  std::mt19937_64 random(seed);
  for (const auto& [name, changes] : unsynced) {
    if (changes.empty() || !std::filesystem::exists(name)) continue;  // removed in the meantime
    std::string file = content_of(name);
    for (auto change = changes.rbegin(); change != changes.rend(); ++change) undo(file, *change);
    for (const auto& change : changes) {
      const auto fate = random() % 4;
      std::size_t bytes = change.new_bytes.size();
      if (fate == 0) {
        ++lost_;
        continue;
      }
      if (fate == 1 && bytes > kSectorBytes) {
        ++torn_;
        bytes = (1 + random() % (bytes / kSectorBytes)) * kSectorBytes;
      }
      redo(file, change, bytes);
    }
    std::ofstream(name, std::ios::binary | std::ios::trunc) << file;
  }
  std::ofstream(log_, std::ios::trunc).flush();
}

}  // namespace iris::test
