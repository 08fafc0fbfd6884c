// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ip_address.h"
#include "flow/device.h"
#include "flow/owner.h"

/// Finished records: what every sink (text, JSON, file, later the spool)
/// consumes. Field names follow the JSON contract. All times are nanoseconds
/// since the Unix epoch (`*_wall_ns`); 0 means not known.
namespace iris::flow {

enum class Role : std::uint8_t { originator, responder };
enum class Scope : std::uint8_t { loopback, host, container, site, external };

/// How sure the owner is. exact: seen in the owner's own context at birth.
/// socket: read from the socket (accepted, or older than the agent).
/// cgroup: the cgroup is known, but not what it is. unknown: neither.
enum class Attribution : std::uint8_t { exact, socket, cgroup, unknown };

/// Why a connection attempt did not succeed; `reset` is an established
/// connection that the peer broke.
enum class FailureReason : std::uint8_t { refused, timed_out, unreachable, reset, denied, other };
inline constexpr std::size_t kFailureReasons = 6;

struct RttSummary {
  std::uint32_t min_us = 0;
  std::uint32_t mean_us = 0;
  std::uint32_t max_us = 0;
};

struct FlowRecord {
  std::uint64_t window_start_wall_ns = 0;
  std::uint64_t window_end_wall_ns = 0;
  OwnerPtr owner;
  Role role = Role::originator;
  std::uint8_t protocol = 0;  // IANA number
  std::optional<base::IpAddress> local_address;
  std::optional<base::IpAddress> peer_address;  // none when folded
  std::uint16_t service_port = 0;
  std::vector<std::string> peer_names;  // DNS names the owner resolved to this address
  OwnerPtr peer_owner;
  std::string peer_device;
  Scope scope = Scope::external;
  std::uint64_t opened = 0;
  std::uint64_t established = 0;
  std::uint64_t closed = 0;
  std::uint64_t active = 0;  // still open at the end of the window
  std::array<std::uint64_t, kFailureReasons> failed{};  // by FailureReason
  std::uint64_t originator_bytes = 0;
  std::uint64_t responder_bytes = 0;
  std::uint64_t originator_packets = 0;
  std::uint64_t responder_packets = 0;
  std::uint64_t retransmits = 0;
  std::optional<RttSummary> rtt_us;
  std::uint64_t first_seen_wall_ns = 0;
  std::uint64_t last_seen_wall_ns = 0;
  std::vector<std::string> processes;  // command names, in the order first seen
  bool pre_existing = false;           // some socket of it is older than the agent
  bool folded = false;                 // coarser than its key: the flow map was full
  Attribution attribution = Attribution::unknown;
};

enum class SocketEventType : std::uint8_t { connect, accept, established, failed, close, listen, udp };

/// Outcome of a TCP connection in Zeek's terms (conn.log, conn_state).
enum class ConnState : std::uint8_t { none, S0, S1, SF, REJ, RSTO, RSTR, OTH };

struct SocketEvent {
  SocketEventType type = SocketEventType::connect;
  std::uint64_t wall_ns = 0;
  OwnerPtr owner;
  std::uint32_t pid = 0;  // thread group id in the initial PID namespace; 0: not known
  std::string process;
  std::uint8_t protocol = 0;
  base::IpAddress local_address;
  std::uint16_t local_port = 0;
  base::IpAddress peer_address;  // unspecified for listen
  std::uint16_t peer_port = 0;
  Role role = Role::originator;
  std::vector<std::string> peer_names;
  std::optional<FailureReason> reason;  // failed, or a close by reset
  // Only for close:
  std::optional<std::uint64_t> originator_bytes;
  std::optional<std::uint64_t> responder_bytes;
  std::optional<std::uint64_t> duration_us;
  ConnState conn_state = ConnState::none;
};

enum class ExitClass : std::uint8_t { clean, error, crash, killed, oom };

struct ProcessRef {
  std::uint32_t pid = 0;
  std::string process;
  OwnerPtr owner;
};

/// One frame of a user-space stack, innermost first.
struct StackFrame {
  std::string build_id;       // hex; empty when not readable
  std::uint64_t offset = 0;   // file offset when build_id is set, else the address
  std::string symbol;         // empty: not symbolized
  std::string module;         // path or base name of the binary; may be empty
};

struct ExitRecord {
  std::uint64_t wall_ns = 0;
  OwnerPtr owner;
  std::uint32_t pid = 0;
  std::string process;
  std::string executable;           // empty: not known
  int exit_code = 0;                // 0..255
  int signal = 0;                   // 0: none
  bool core_dumped = false;
  bool oom_killed = false;
  bool main_process = false;
  std::optional<ProcessRef> killed_by;
  std::uint64_t started_wall_ns = 0;
  std::optional<std::vector<StackFrame>> stack;
  ExitClass exit_class = ExitClass::clean;
};

struct ExecRecord {
  std::uint64_t wall_ns = 0;
  OwnerPtr owner;
  std::uint32_t pid = 0;
  std::string process;
  std::string executable;
};

struct DnsRecord {
  std::uint64_t wall_ns = 0;
  OwnerPtr owner;
  std::string question_name;
  std::vector<base::IpAddress> addresses;
  std::uint8_t response_code = 0;  // RFC 1035 RCODE
};

/// produced = delivered + folded + the sum of dropped, once the window is drained.
struct Ledger {
  std::uint64_t window_start_wall_ns = 0;
  std::uint64_t window_end_wall_ns = 0;
  std::uint64_t sequence = 0;
  std::uint64_t produced = 0;
  std::uint64_t delivered = 0;
  std::uint64_t folded = 0;
  std::map<std::string, std::uint64_t> dropped;  // by reason
};

/// A container came, changed or went.
struct ContainerRecord {
  enum class Change : std::uint8_t { present, added, updated, removed };
  std::uint64_t wall_ns = 0;
  Change change = Change::present;
  OwnerPtr owner;
  std::uint32_t pid = 0;  // main process; 0: not known
  std::vector<base::IpAddress> addresses;
};

using Record =
    std::variant<FlowRecord, SocketEvent, ExitRecord, ExecRecord, DnsRecord, Ledger, ContainerRecord, DeviceRecord,
                 SecurityRecord>;

/// Kinds that name whose they are: an `owner` member.
template <typename Kind>
inline constexpr bool kHasOwner = requires(const Kind& record) { record.owner; };

/// Where finished records go. Called from one thread only.
class RecordSink {
 public:
  virtual ~RecordSink() = default;
  virtual void write(const Record& record) = 0;
  /// A window or a batch of events is complete: a good moment to flush.
  virtual void flush() {}
};

// Names of the JSON contract.
const char* to_string(OwnerKind kind);
const char* to_string(Role role);
const char* to_string(Scope scope);
const char* to_string(Attribution attribution);
const char* to_string(FailureReason reason);
const char* to_string(SocketEventType type);
const char* to_string(ConnState state);  // "" for none
const char* to_string(ExitClass exit_class);
const char* to_string(ContainerRecord::Change change);
/// "tcp", "udp", "icmp" ...; "protocol-N" for one without a usual name.
std::string protocol_name(std::uint8_t protocol);
/// "SIGKILL"; "SIG34" for a real-time signal.
std::string signal_name(int signal);

}  // namespace iris::flow
