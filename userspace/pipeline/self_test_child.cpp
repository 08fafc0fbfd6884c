// SPDX-License-Identifier: Apache-2.0
#include "pipeline/self_test_child.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>

namespace iris::pipeline {
namespace {

constexpr int kPatienceMs = 1000;

struct Endpoint {
  sockaddr_storage address{};
  socklen_t length = 0;
};

Endpoint loopback(int family) {
  Endpoint endpoint;
  if (family == AF_INET) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::memcpy(&endpoint.address, &v4, sizeof v4);
    endpoint.length = sizeof v4;
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = IN6ADDR_LOOPBACK_INIT;
    std::memcpy(&endpoint.address, &v6, sizeof v6);
    endpoint.length = sizeof v6;
  }
  return endpoint;
}

const sockaddr* as_sockaddr(const Endpoint& endpoint) { return reinterpret_cast<const sockaddr*>(&endpoint.address); }

/// A socket on a loopback port that the kernel chose; `endpoint` says which.
base::UniqueFd bound_socket(int family, int type, Endpoint& endpoint) {
  base::UniqueFd fd(socket(family, type | SOCK_CLOEXEC, 0));
  endpoint = loopback(family);
  if (!fd || bind(fd.get(), as_sockaddr(endpoint), endpoint.length) != 0 ||
      getsockname(fd.get(), reinterpret_cast<sockaddr*>(&endpoint.address), &endpoint.length) != 0) {
    return {};
  }
  return fd;
}

bool wait_readable(int fd) {
  pollfd one{fd, POLLIN, 0};
  return poll(&one, 1, kPatienceMs) == 1;
}

bool exchange_tcp(int family) {
  Endpoint endpoint;
  const base::UniqueFd listener = bound_socket(family, SOCK_STREAM, endpoint);
  if (!listener || listen(listener.get(), 1) != 0) return false;
  const base::UniqueFd client(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!client || connect(client.get(), as_sockaddr(endpoint), endpoint.length) != 0) return false;
  if (!wait_readable(listener.get())) return false;
  const base::UniqueFd server(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  char byte = 'i';
  return server && send(client.get(), &byte, 1, MSG_NOSIGNAL) == 1 && wait_readable(server.get()) &&
         recv(server.get(), &byte, 1, 0) == 1;
}

bool exchange_udp(int family) {
  Endpoint endpoint;
  Endpoint from;
  const base::UniqueFd server = bound_socket(family, SOCK_DGRAM, endpoint);
  const base::UniqueFd client = bound_socket(family, SOCK_DGRAM, from);
  char byte = 'i';
  if (!server || !client) return false;
  if (sendto(client.get(), &byte, 1, 0, as_sockaddr(endpoint), endpoint.length) != 1) return false;
  if (!wait_readable(server.get()) || recv(server.get(), &byte, 1, 0) != 1) return false;
  if (sendto(server.get(), &byte, 1, 0, as_sockaddr(from), from.length) != 1) return false;
  return wait_readable(client.get()) && recv(client.get(), &byte, 1, 0) == 1;
}

bool be_refused(int family) {
  Endpoint endpoint;
  const base::UniqueFd silent = bound_socket(family, SOCK_STREAM, endpoint);  // keeps the port, does not listen
  const base::UniqueFd client(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return silent && client && connect(client.get(), as_sockaddr(endpoint), endpoint.length) != 0 &&
         errno == ECONNREFUSED;
}

/// Touches a page that no one may touch: a true fault, which sanitizers accept.
[[noreturn]] void crash() {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  signal(SIGSEGV, SIG_DFL);
  void* page = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page != MAP_FAILED) *static_cast<volatile char*>(page) = 1;
  _exit(1);
}

[[noreturn]] void act(int start, int report, bool with_v6) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, "iris-selftest");
  char go = 0;
  if (read(start, &go, 1) != 1) _exit(1);
  const auto complain = [report](const char* text) {
    [[maybe_unused]] const auto written = write(report, text, std::strlen(text));
  };
  if (!exchange_tcp(AF_INET)) complain("TCP over IPv4 did not work; ");
  if (with_v6 && !exchange_tcp(AF_INET6)) complain("TCP over IPv6 did not work; ");
  if (!exchange_udp(AF_INET)) complain("UDP over IPv4 did not work; ");
  if (with_v6 && !exchange_udp(AF_INET6)) complain("UDP over IPv6 did not work; ");
  if (!be_refused(AF_INET)) complain("a connect over IPv4 was not refused; ");
  if (with_v6 && !be_refused(AF_INET6)) complain("a connect over IPv6 was not refused; ");
  crash();
}

/// The id as BPF sees it, which on 32-bit machines is not the inode number.
std::uint64_t cgroup_id_of(const std::string& path) {
  constexpr unsigned kHandleBytes = 8;
  alignas(file_handle) std::array<char, sizeof(file_handle) + kHandleBytes> buffer{};
  auto* handle = reinterpret_cast<file_handle*>(buffer.data());
  handle->handle_bytes = kHandleBytes;
  int mount_id = 0;
  std::uint64_t id = 0;
  if (name_to_handle_at(AT_FDCWD, path.c_str(), handle, &mount_id, 0) == 0 && handle->handle_bytes == kHandleBytes) {
    std::memcpy(&id, handle->f_handle, kHandleBytes);
    return id;
  }
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
}

}  // namespace

bool has_v6_loopback() {
  Endpoint endpoint;
  return static_cast<bool>(bound_socket(AF_INET6, SOCK_STREAM, endpoint));
}

base::Result<ScratchCgroup> ScratchCgroup::create(const std::string& root) {
  const std::string path = root + "/iris-selftest-" + std::to_string(getpid());
  if (mkdir(path.c_str(), 0755) != 0) return base::fail_errno("cannot make the cgroup " + path, errno);
  ScratchCgroup cgroup;
  cgroup.path_ = path;
  cgroup.id_ = cgroup_id_of(path);
  if (cgroup.id_ == 0) return base::fail("cannot tell the id of the cgroup " + path);
  return cgroup;
}

ScratchCgroup::~ScratchCgroup() {
  if (path_.empty()) return;
  // A process that has just died may still count as a member.
  for (int attempt = 0; attempt < 50 && rmdir(path_.c_str()) != 0 && errno == EBUSY; ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

base::Result<void> ScratchCgroup::move_in(pid_t pid) const {
  std::ofstream procs(path_ + "/cgroup.procs");
  procs << pid << std::endl;
  if (!procs) return base::fail_errno("cannot move a process into the cgroup " + path_, errno);
  return {};
}

base::Result<ScratchChild> ScratchChild::fork(bool with_v6) {
  int start[2];
  int report[2];
  if (pipe2(start, O_CLOEXEC) != 0) return base::fail_errno("cannot make a pipe", errno);
  const base::UniqueFd start_end(start[0]);
  ScratchChild child;
  child.start_.reset(start[1]);
  if (pipe2(report, O_CLOEXEC | O_NONBLOCK) != 0) return base::fail_errno("cannot make a pipe", errno);
  const base::UniqueFd report_end(report[1]);
  child.report_.reset(report[0]);
  child.pid_ = ::fork();
  if (child.pid_ < 0) return base::fail_errno("cannot fork", errno);
  if (child.pid_ == 0) {
    close(start[1]);  // else it would wait for itself
    act(start[0], report[1], with_v6);
  }
  return child;
}

ScratchChild::~ScratchChild() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void ScratchChild::start() const {
  const char go = 'g';
  [[maybe_unused]] const auto written = write(start_.get(), &go, 1);
}

std::string ScratchChild::complaint() const {
  std::array<char, 512> text;
  const auto length = read(report_.get(), text.data(), text.size());
  std::string complaint(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  if (complaint.ends_with("; ")) complaint.resize(complaint.size() - 2);
  return complaint;
}

}  // namespace iris::pipeline
