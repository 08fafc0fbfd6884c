// SPDX-License-Identifier: Apache-2.0
#include <bpf/btf.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "iris/event.h"

namespace {

struct Field {
  std::string name;
  std::size_t offset;
  std::size_t size;
};

struct Layout {
  std::string name;
  std::size_t size;
  std::vector<Field> fields;
};

#define FIELD(type, field) \
  Field { #field, offsetof(type, field), sizeof(type::field) }

std::vector<Layout> layouts() {
  using header = iris_event_header;
  using socket = iris_socket_event;
  using exec = iris_exec_event;
  using killer = iris_killer;
  using exit = iris_exit_event;
  using frame = iris_stack_frame;
  using stack = iris_stack_event;
  using dns = iris_dns_event;
  using group = iris_cgroup_event;
  using key = iris_flow_key;
  using value = iris_flow_value;
  using counters = iris_counters;
  return {
      {"iris_event_header", sizeof(header),
       {FIELD(header, type), FIELD(header, window), FIELD(header, pre_existing), FIELD(header, pid),
        FIELD(header, time_ns), FIELD(header, cgroup_id)}},
      {"iris_socket_event", sizeof(socket),
       {FIELD(socket, header), FIELD(socket, local_address), FIELD(socket, peer_address), FIELD(socket, local_port),
        FIELD(socket, peer_port), FIELD(socket, protocol), FIELD(socket, role), FIELD(socket, failure),
        FIELD(socket, conn_state), FIELD(socket, comm), FIELD(socket, originator_bytes),
        FIELD(socket, responder_bytes), FIELD(socket, duration_us)}},
      {"iris_exec_event", sizeof(exec),
       {FIELD(exec, header), FIELD(exec, start_ns), FIELD(exec, comm), FIELD(exec, path)}},
      {"iris_killer", sizeof(killer),
       {FIELD(killer, cgroup_id), FIELD(killer, pid), FIELD(killer, signal), FIELD(killer, oom),
        FIELD(killer, reserved), FIELD(killer, comm)}},
      {"iris_exit_event", sizeof(exit),
       {FIELD(exit, header), FIELD(exit, start_ns), FIELD(exit, status), FIELD(exit, namespace_init),
        FIELD(exit, reserved), FIELD(exit, comm), FIELD(exit, killer)}},
      {"iris_stack_frame", sizeof(frame), {FIELD(frame, status), FIELD(frame, build_id), FIELD(frame, offset)}},
      {"iris_stack_event", sizeof(stack),
       {FIELD(stack, header), FIELD(stack, signal), FIELD(stack, frames), FIELD(stack, frame)}},
      {"iris_dns_event", sizeof(dns),
       {FIELD(dns, header), FIELD(dns, server_address), FIELD(dns, length), FIELD(dns, reserved),
        FIELD(dns, message)}},
      {"iris_cgroup_event", sizeof(group), {FIELD(group, header), FIELD(group, path)}},
      {"iris_flow_key", sizeof(key),
       {FIELD(key, cgroup_id), FIELD(key, peer_address), FIELD(key, service_port), FIELD(key, protocol),
        FIELD(key, role), FIELD(key, folded), FIELD(key, reserved)}},
      {"iris_flow_value", sizeof(value),
       {FIELD(value, first_seen_ns), FIELD(value, last_seen_ns), FIELD(value, originator_bytes),
        FIELD(value, responder_bytes), FIELD(value, originator_packets), FIELD(value, responder_packets),
        FIELD(value, opened), FIELD(value, established), FIELD(value, closed), FIELD(value, updates),
        FIELD(value, active), FIELD(value, retransmits), FIELD(value, rtt_sum_us), FIELD(value, rtt_count),
        FIELD(value, rtt_max_us), FIELD(value, rtt_min_us), FIELD(value, pre_existing), FIELD(value, attribution),
        FIELD(value, reserved), FIELD(value, failed), FIELD(value, local_address), FIELD(value, comms)}},
      {"iris_counters", sizeof(counters),
       {FIELD(counters, events_produced), FIELD(counters, flow_updates), FIELD(counters, flow_updates_folded),
        FIELD(counters, lost_ring), FIELD(counters, lost_flow_update), FIELD(counters, lost_socket),
        FIELD(counters, missed_births), FIELD(counters, missed_closes)}},
  };
}

struct FreeBtf {
  void operator()(btf* types) const { btf__free(types); }
};

class EventLayout : public testing::Test {
 protected:
  void SetUp() override {
    types_.reset(btf__parse(IRIS_BPF_OBJECT, nullptr));
    ASSERT_NE(types_, nullptr) << IRIS_BPF_OBJECT;
  }
  const btf_type* type(__u32 id) const { return btf__type_by_id(types_.get(), id); }
  const char* name(__u32 offset) const { return btf__name_by_offset(types_.get(), offset); }

  std::unique_ptr<btf, FreeBtf> types_;
};

TEST_F(EventLayout, BothCompilersAgree) {
  for (const Layout& layout : layouts()) {
    SCOPED_TRACE(layout.name);
    const __s32 id = btf__find_by_name_kind(types_.get(), layout.name.c_str(), BTF_KIND_STRUCT);
    ASSERT_GT(id, 0);
    const btf_type* structure = type(static_cast<__u32>(id));
    EXPECT_EQ(structure->size, layout.size);
    ASSERT_EQ(btf_vlen(structure), layout.fields.size()) << "a member is missing in this test";
    const btf_member* member = btf_members(structure);
    for (std::size_t i = 0; i < layout.fields.size(); ++i) {
      const Field& field = layout.fields[i];
      EXPECT_EQ(name(member[i].name_off), field.name);
      EXPECT_EQ(btf_member_bit_offset(structure, static_cast<__u32>(i)), field.offset * 8) << field.name;
      EXPECT_EQ(btf__resolve_size(types_.get(), member[i].type), static_cast<__s64>(field.size)) << field.name;
    }
  }
}

/// No byte that a program does not write: it would carry kernel memory out.
TEST_F(EventLayout, NoPadding) {
  for (const Layout& layout : layouts()) {
    SCOPED_TRACE(layout.name);
    std::size_t end = 0;
    for (const Field& field : layout.fields) {
      EXPECT_EQ(field.offset, end) << field.name;
      end = field.offset + field.size;
    }
    EXPECT_EQ(end, layout.size);
  }
}

/// A struct of the contract that nobody checks would drift unseen.
TEST_F(EventLayout, EveryStructIsChecked) {
  std::map<std::string, bool> checked;
  for (const Layout& layout : layouts()) checked[layout.name] = true;
  for (__u32 id = 1; id < btf__type_cnt(types_.get()); ++id) {
    if (!btf_is_struct(type(id))) continue;
    const std::string found = name(type(id)->name_off);
    if (found.starts_with("iris_")) {
      EXPECT_TRUE(checked[found]) << found;
    }
  }
}

}  // namespace
