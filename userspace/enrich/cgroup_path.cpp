// SPDX-License-Identifier: Apache-2.0
#include "enrich/cgroup_path.h"

#include <algorithm>

namespace iris::enrich {
namespace {

constexpr std::size_t kIdLength = 64;
constexpr std::size_t kMaxContainerdId = 76;  // containerd's own limit for identifiers

bool is_lower_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }
bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Walks the components of a path from the innermost outwards.
class Components {
 public:
  explicit Components(std::string_view path) : rest_(path) {}

  /// The next component outwards; false at the root. `end()` is its end in the path.
  bool next() {
    while (!rest_.empty() && rest_.back() == '/') rest_.remove_suffix(1);
    if (rest_.empty()) return false;
    end_ = rest_.size();
    const std::size_t slash = rest_.rfind('/');
    const std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
    current_ = rest_.substr(begin);
    rest_ = rest_.substr(0, begin);
    return true;
  }
  std::string_view current() const { return current_; }
  std::size_t end() const { return end_; }
  /// The component that `current()` lies in; empty at the top.
  std::string_view parent() const {
    Components outer(rest_);
    return outer.next() ? outer.current() : std::string_view{};
  }
  std::string_view outside() const { return rest_; }

 private:
  std::string_view rest_;
  std::string_view current_;
  std::size_t end_ = 0;
};

/// systemd escapes bytes in unit names as \xNN.
std::string unescape_unit(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] == 'x' && is_lower_hex(text[i + 2]) &&
        is_lower_hex(text[i + 3])) {
      const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
      const char byte = static_cast<char>(digit(text[i + 2]) * 16 + digit(text[i + 3]));
      if (byte > ' ') {
        out.push_back(byte);
        i += 3;
        continue;
      }
    }
    out.push_back(text[i]);
  }
  return out;
}

/// The runtime by what stands before the id in the same component ("docker-",
/// "system.slice:docker:").
std::string runtime_of_prefix(std::string_view prefix) {
  if (const auto separator = prefix.rfind(':'); separator != std::string_view::npos) {
    prefix.remove_prefix(separator + 1);
  }
  if (prefix == "libpod" || prefix == "libpod-payload") return "podman";
  if (prefix == "cri-containerd") return "cri";
  if (prefix == "nerdctl") return "containerd";
  return std::string(prefix);  // "docker", "crio", and whoever comes next
}

/// The runtime by the group that the id's group lies in.
std::string runtime_of_parent(std::string_view parent, std::string_view outside) {
  if (parent == "docker") return "docker";
  if (parent == "libpod_parent") return "podman";
  if (parent.starts_with("pod") && outside.find("kubepods") != std::string_view::npos) return "cri";
  if (parent == "default" || parent == "moby" || parent == "k8s.io") return "containerd";
  return {};  // Docker with --cgroup-parent looks like nerdctl in a namespace of that name
}

/// A component that is or ends in a full id, with or without ".scope".
bool match_hex_id(const Components& at, CgroupPath& out) {
  std::string_view text = at.current();
  if (text.ends_with(".scope")) text.remove_suffix(6);
  if (text.size() < kIdLength) return false;
  const std::string_view id = text.substr(text.size() - kIdLength);
  if (!is_full_container_id(id)) return false;
  std::string_view prefix = text.substr(0, text.size() - kIdLength);
  if (prefix.find("conmon") != std::string_view::npos) return false;
  if (prefix.empty()) {
    out.runtime = runtime_of_parent(at.parent(), at.outside());
  } else {
    if (prefix.back() != '-' && prefix.back() != ':') return false;
    prefix.remove_suffix(1);
    out.runtime = runtime_of_prefix(prefix);
  }
  out.container_id = id;
  return true;
}

bool match_lxc(const Components& at, CgroupPath& out) {
  constexpr std::string_view kPayload = "lxc.payload.";
  if (at.current().size() > kPayload.size() && at.current().starts_with(kPayload)) {
    out.container_id = at.current().substr(kPayload.size());
  } else if (at.parent() == "lxc" || at.parent() == "lxc.payload") {
    out.container_id = at.current();
  } else {
    return false;
  }
  out.runtime = "lxc";
  return true;
}

bool match_nspawn(const Components& at, CgroupPath& out) {
  if (at.parent() != "machine.slice") return false;
  std::string_view name = at.current();
  const auto strip = [&name](std::string_view front, std::string_view back) {
    if (name.size() <= front.size() + back.size() || !name.starts_with(front) || !name.ends_with(back)) return false;
    name.remove_prefix(front.size());
    name.remove_suffix(back.size());
    return true;
  };
  if (!strip("machine-", ".scope") && !strip("systemd-nspawn@", ".service")) return false;
  std::string plain = unescape_unit(name);
  if (plain.starts_with("qemu-")) return false;  // a virtual machine of libvirt
  out.container_id = std::move(plain);
  out.runtime = "nspawn";
  return true;
}

bool is_unit(std::string_view name) {
  return (name.size() > 8 && name.ends_with(".service")) || (name.size() > 6 && name.ends_with(".scope"));
}

/// Identifiers as containerd allows them: runs of letters and digits, joined
/// by single separators.
bool is_containerd_identifier(std::string_view text) {
  if (text.empty() || text.size() > kMaxContainerdId) return false;
  bool separator = true;
  for (const char c : text) {
    if (is_alphanumeric(c)) {
      separator = false;
    } else if ((c == '.' || c == '_' || c == '-') && !separator) {
      separator = true;
    } else {
      return false;
    }
  }
  return !separator;
}

}  // namespace

bool is_full_container_id(std::string_view text) {
  return text.size() == kIdLength && std::all_of(text.begin(), text.end(), is_lower_hex);
}

CgroupPath parse_cgroup_path(std::string_view path) {
  CgroupPath unit;  // the innermost unit, in case that there is no container around it
  for (Components at(path); at.next();) {
    if (at.current() == "..") continue;
    CgroupPath found;
    if (match_hex_id(at, found) || match_lxc(at, found) || match_nspawn(at, found)) {
      found.kind = flow::OwnerKind::container;
      found.own_length = at.end();
      return found;
    }
    if (unit.unit.empty() && is_unit(at.current())) {
      unit.kind = flow::OwnerKind::service;
      unit.unit = unescape_unit(at.current());
      unit.own_length = at.end();
    }
  }
  return unit;
}

std::optional<NamespacedId> containerd_candidate(std::string_view path) {
  std::size_t begin = 0;
  std::string_view parts[2];
  int found = 0;
  while (begin < path.size()) {
    if (path[begin] == '/') {
      ++begin;
      continue;
    }
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    begin = end;
    if (part == ".." && found == 0) continue;  // seen from a private cgroup namespace
    if (!is_containerd_identifier(part)) return std::nullopt;
    parts[found++] = part;
    if (found == 2) return NamespacedId{parts[0], parts[1], end};
  }
  return std::nullopt;
}

}  // namespace iris::enrich
