// SPDX-License-Identifier: Apache-2.0
#include "faulty_vfs/faulty_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <new>
#include <random>
#include <stdexcept>
#include <vector>

namespace iris::test_support {
namespace {

constexpr std::size_t kSectorBytes = 512;

/// A write, or with no bytes a truncation to `offset`.
struct Change {
  std::size_t offset = 0;
  std::string bytes;
};

void redo(std::string& content, const Change& change) {
  if (change.bytes.empty()) {
    content.resize(std::min(content.size(), change.offset));
    return;
  }
  content.resize(std::max(content.size(), change.offset + change.bytes.size()));
  std::copy(change.bytes.begin(), change.bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(change.offset));
}

struct Tracked {
  std::string synced;
  std::vector<Change> unsynced;
};

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

struct FaultyVfs::State {
  std::string name;
  sqlite3_vfs vfs{};
  sqlite3_vfs* real = nullptr;
  std::map<std::string, Tracked> files;
  std::uint64_t operations = 0;
  std::uint64_t written_bytes = 0;
  std::uint64_t fail_from = UINT64_MAX;
  std::uint64_t fail_count = 0;
  int fail_code = SQLITE_OK;
  std::uint64_t cut_at = UINT64_MAX;
  bool cut = false;

  /// What the next operation gives instead of being done.
  int next() {
    const std::uint64_t number = operations++;
    if (number >= cut_at) cut = true;
    if (cut) return SQLITE_IOERR;
    if (number < fail_from || number - fail_from >= fail_count) return SQLITE_OK;
    return fail_code;
  }
};

namespace {

struct File {
  sqlite3_file base;
  FaultyVfs::State* state;
  std::string* path;
  sqlite3_file* real;
};

File& file_of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
FaultyVfs::State& state_of(sqlite3_vfs* vfs) { return *static_cast<FaultyVfs::State*>(vfs->pAppData); }

int close(sqlite3_file* file) {
  auto& self = file_of(file);
  const int code = self.real->pMethods->xClose(self.real);
  delete self.path;
  return code;
}

int read(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
  auto& self = file_of(file);
  return self.real->pMethods->xRead(self.real, into, size, offset);
}

int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  auto& self = file_of(file);
  Change change{static_cast<std::size_t>(offset), std::string(static_cast<const char*>(from), static_cast<std::size_t>(size))};
  if (const int code = self.state->next(); code != SQLITE_OK) {
    // The write that the power cut, or the full disk, interrupted may have got anywhere.
    change.bytes.resize(change.bytes.size() / 2);
    if (self.state->cut && !change.bytes.empty()) self.state->files[*self.path].unsynced.push_back(std::move(change));
    return code;
  }
  self.state->written_bytes += static_cast<std::uint64_t>(size);
  self.state->files[*self.path].unsynced.push_back(std::move(change));
  return self.real->pMethods->xWrite(self.real, from, size, offset);
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  auto& self = file_of(file);
  if (const int code = self.state->next(); code != SQLITE_OK) return code;
  self.state->files[*self.path].unsynced.push_back({static_cast<std::size_t>(size), {}});
  return self.real->pMethods->xTruncate(self.real, size);
}

int sync(sqlite3_file* file, int) {
  auto& self = file_of(file);
  if (const int code = self.state->next(); code != SQLITE_OK) return code;
  auto& tracked = self.state->files[*self.path];
  for (const auto& change : tracked.unsynced) redo(tracked.synced, change);
  tracked.unsynced.clear();
  return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return file_of(file).real->pMethods->xFileSize(file_of(file).real, size);
}
int lock(sqlite3_file* file, int level) { return file_of(file).real->pMethods->xLock(file_of(file).real, level); }
int unlock(sqlite3_file* file, int level) { return file_of(file).real->pMethods->xUnlock(file_of(file).real, level); }
int check_lock(sqlite3_file* file, int* out) {
  return file_of(file).real->pMethods->xCheckReservedLock(file_of(file).real, out);
}
int control(sqlite3_file* file, int operation, void* argument) {
  // Growing in chunks or mapping would pass us by.
  if (operation == SQLITE_FCNTL_SIZE_HINT || operation == SQLITE_FCNTL_MMAP_SIZE) return SQLITE_NOTFOUND;
  return file_of(file).real->pMethods->xFileControl(file_of(file).real, operation, argument);
}
int sector_size(sqlite3_file* file) { return file_of(file).real->pMethods->xSectorSize(file_of(file).real); }
int characteristics(sqlite3_file* file) {
  return file_of(file).real->pMethods->xDeviceCharacteristics(file_of(file).real);
}
int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  return file_of(file).real->pMethods->xShmMap(file_of(file).real, page, size, extend, out);
}
int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  return file_of(file).real->pMethods->xShmLock(file_of(file).real, offset, count, flags);
}
void shm_barrier(sqlite3_file* file) { file_of(file).real->pMethods->xShmBarrier(file_of(file).real); }
int shm_unmap(sqlite3_file* file, int remove) {
  return file_of(file).real->pMethods->xShmUnmap(file_of(file).real, remove);
}

constexpr sqlite3_io_methods kMethods{2,       close,      read,         write,    truncate, sync,        file_size,
                                      lock,    unlock,     check_lock,   control,  sector_size, characteristics,
                                      shm_map, shm_lock,   shm_barrier,  shm_unmap, nullptr, nullptr};

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto& state = state_of(vfs);
  auto* self = new (file) File{};
  self->real = reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + sizeof(File));
  const int code = state.real->xOpen(state.real, name, self->real, flags, out_flags);
  if (code != SQLITE_OK) return code;
  self->base.pMethods = &kMethods;
  self->state = &state;
  self->path = new std::string(name == nullptr ? "" : name);
  if (!state.files.contains(*self->path)) state.files[*self->path].synced = content_of(*self->path);
  return SQLITE_OK;
}

int remove(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  auto& state = state_of(vfs);
  if (state.cut) return SQLITE_IOERR_DELETE;
  state.files.erase(name);
  return state.real->xDelete(state.real, name, sync_directory);
}

}  // namespace

FaultyVfs::FaultyVfs(const std::string& name) : state_(std::make_unique<State>()) {
  state_->name = name;
  state_->real = sqlite3_vfs_find(nullptr);
  state_->vfs = *state_->real;
  state_->vfs.zName = state_->name.c_str();
  state_->vfs.pNext = nullptr;
  state_->vfs.szOsFile = static_cast<int>(sizeof(File)) + state_->real->szOsFile;
  state_->vfs.pAppData = state_.get();
  state_->vfs.xOpen = open;
  state_->vfs.xDelete = remove;
  // The others of the default VFS need their own pAppData.
  state_->vfs.xAccess = [](sqlite3_vfs* vfs, const char* path, int flags, int* out) {
    return state_of(vfs).real->xAccess(state_of(vfs).real, path, flags, out);
  };
  state_->vfs.xFullPathname = [](sqlite3_vfs* vfs, const char* path, int size, char* out) {
    return state_of(vfs).real->xFullPathname(state_of(vfs).real, path, size, out);
  };
  if (sqlite3_vfs_register(&state_->vfs, 0) != SQLITE_OK) throw std::runtime_error("sqlite3_vfs_register");
}

FaultyVfs::~FaultyVfs() { sqlite3_vfs_unregister(&state_->vfs); }

void FaultyVfs::fail(int code, std::uint64_t after, std::uint64_t count) {
  state_->fail_code = code;
  state_->fail_from = state_->operations + after;
  state_->fail_count = count;
}

void FaultyVfs::heal() { state_->fail_count = 0; }
void FaultyVfs::cut(std::uint64_t after) { state_->cut_at = state_->operations + after; }
bool FaultyVfs::is_cut() const { return state_->cut; }

void FaultyVfs::power_on(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (auto& [path, tracked] : state_->files) {
    for (auto& change : tracked.unsynced) {
      const auto fate = random() % 4;
      if (fate == 0) continue;  // lost
      if (fate == 1 && change.bytes.size() > kSectorBytes) {
        const std::size_t sectors = change.bytes.size() / kSectorBytes;
        change.bytes.resize((1 + random() % sectors) * kSectorBytes);  // torn
      }
      redo(tracked.synced, change);
    }
    std::ofstream(path, std::ios::binary | std::ios::trunc) << tracked.synced;
  }
  state_->files.clear();
  state_->cut = false;
  state_->cut_at = UINT64_MAX;
}

std::uint64_t FaultyVfs::operations() const { return state_->operations; }
std::uint64_t FaultyVfs::written_bytes() const { return state_->written_bytes; }

}  // namespace iris::test_support
