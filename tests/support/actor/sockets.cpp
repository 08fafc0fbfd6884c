// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

#include "actions.h"

namespace iris::actor {
namespace {

constexpr int kConnectAttempts = 100;  // of 50 ms: the other side may start later

int checked(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
  return result;
}

sockaddr_in parse(const std::string& text) {
  const auto colon = text.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (colon == std::string::npos || inet_pton(AF_INET, text.substr(0, colon).c_str(), &address.sin_addr) != 1) {
    throw std::runtime_error("'" + text + "' is not ADDR:PORT");
  }
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1))));
  return address;
}

// The socket calls want the general type; this is how POSIX means it.
template <typename Address>
const sockaddr* general(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

int tcp_socket() { return checked(socket(AF_INET, SOCK_STREAM, 0), "socket"); }

void connect_to(int fd, const std::string& to) {
  const sockaddr_in address = parse(to);
  checked(connect(fd, general(address), sizeof address), ("connect to " + to).c_str());
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("path too long: " + path);
  path.copy(address.sun_path, path.size());
  return address;
}

void read_to_end(int fd) {
  std::array<char, 4096> buffer;
  while (read(fd, buffer.data(), buffer.size()) > 0) {
  }
}

/// One message of one byte with room for one descriptor beside it.
struct Message {
  char byte = 's';
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec vector{&byte, 1};
  msghdr header{};

  Message() {
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
  }
};

}  // namespace

int fork_and_accept(const std::string& at, int children) {
  const int listener = tcp_socket();
  const int yes = 1;
  checked(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes), "SO_REUSEADDR");
  const sockaddr_in address = parse(at);
  checked(bind(listener, general(address), sizeof address), "bind");
  checked(listen(listener, 64), "listen");
  for (int i = 0; i < children; ++i) {
    if (checked(fork(), "fork") > 0) continue;
    const int connection = accept(listener, nullptr, nullptr);
    if (connection < 0) _exit(1);
    read_to_end(connection);
    _exit(0);
  }
  int failed = 0;
  for (int i = 0; i < children; ++i) {
    int status = 0;
    checked(wait(&status), "wait");
    failed += status != 0;
  }
  return failed;
}

int give_socket(const std::string& path, const std::string& to) {
  const int given = tcp_socket();
  if (!to.empty()) connect_to(given, to);

  const int channel = checked(socket(AF_UNIX, SOCK_STREAM, 0), "unix socket");
  const sockaddr_un address = unix_address(path);
  for (int attempt = 0; connect(channel, general(address), sizeof address) != 0; ++attempt) {
    if (attempt == kConnectAttempts) throw std::runtime_error("nobody takes it at " + path);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  Message message;
  cmsghdr* rights = CMSG_FIRSTHDR(&message.header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof given);
  std::memcpy(CMSG_DATA(rights), &given, sizeof given);
  checked(static_cast<int>(sendmsg(channel, &message.header, 0)), "sendmsg");
  close(given);
  read_to_end(channel);
  return 0;
}

int take_socket(const std::string& path, const std::string& to, int bytes) {
  const int listener = checked(socket(AF_UNIX, SOCK_STREAM, 0), "unix socket");
  const sockaddr_un address = unix_address(path);
  unlink(path.c_str());
  checked(bind(listener, general(address), sizeof address), "bind");
  checked(listen(listener, 1), "listen");
  const int channel = checked(accept(listener, nullptr, nullptr), "accept");
  Message message;
  checked(static_cast<int>(recvmsg(channel, &message.header, 0)), "recvmsg");
  const cmsghdr* rights = CMSG_FIRSTHDR(&message.header);
  if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS) throw std::runtime_error("no descriptor came");
  int taken = -1;
  std::memcpy(&taken, CMSG_DATA(rights), sizeof taken);
  close(channel);  // tells the giver that it may go
  // Until it is gone: from then on the socket is this process's alone.
  std::this_thread::sleep_for(std::chrono::milliseconds(200));

  if (!to.empty()) connect_to(taken, to);
  const std::vector<char> data(static_cast<std::size_t>(bytes), 'd');
  checked(static_cast<int>(write(taken, data.data(), data.size())), "write");
  checked(shutdown(taken, SHUT_WR), "shutdown");
  read_to_end(taken);
  close(taken);
  return 0;
}

int connect_and_hold(const std::string& to, int milliseconds) {
  const int fd = tcp_socket();
  connect_to(fd, to);
  checked(static_cast<int>(write(fd, "h", 1)), "write");
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  close(fd);
  return 0;
}

}  // namespace iris::actor
