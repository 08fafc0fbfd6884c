// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "cli/printers.h"
#include "sample_records.h"

namespace iris::cli {
namespace {

using namespace iris::wire::samples;
using ::testing::HasSubstr;
using ::testing::Not;

std::string text_of(const std::vector<flow::Record>& records, TextStyle style = {}) {
  setenv("TZ", "UTC0", 1);
  std::string text;
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  Output piped(ends[1]);
  {
    auto printer = make_text_printer(piped, style);
    for (const auto& record : records) printer->write(record);
    printer->flush();
  }
  close(ends[1]);
  char block[4096];
  for (ssize_t got = 0; (got = read(ends[0], block, sizeof block)) > 0;) text.append(block, static_cast<std::size_t>(got));
  close(ends[0]);
  return text;
}

flow::FlowRecord plain_flow() {
  flow::FlowRecord flow = full_flow();
  flow.peer_owner = nullptr;
  flow.peer_device.clear();
  flow.peer_address = ip("198.51.100.20");
  flow.failed = {3, 1, 0, 0, 0, 0};
  flow.originator_bytes = 1229;
  flow.responder_bytes = 5 << 20;
  flow.rtt_us->mean_us = 1200;
  flow.folded = false;
  return flow;
}

TEST(TextPrinter, FlowsAreATableWithItsLedger) {
  flow::FlowRecord larger = full_flow();
  larger.role = flow::Role::responder;
  larger.owner = host_owner();
  larger.peer_names.clear();
  larger.peer_owner = nullptr;
  larger.peer_device = "observed/2001:db8::5:1";  // no name: its address says the same
  larger.originator_bytes = 10 << 20;
  larger.responder_bytes = 0;
  larger.rtt_us.reset();
  larger.failed = {};
  flow::Ledger ledger = full_ledger();
  ledger.window_end_wall_ns = kTime + 10'000'000'000;
  EXPECT_EQ(text_of({plain_flow(), larger, ledger}),
            "OWNER      PEER                 ADDRESS        PROTO  OPENED  ACTIVE     SENT  RECEIVED     RTT  RETR  FAILED\n"
            "host    ←  [2001:db8::5:1]:502                 tcp         1       4        -  10.0 MiB       -    15\n"
            "modbus  →  meter.example:502    198.51.100.20  tcp         1       4  1.2 KiB   5.0 MiB  1.2 ms    15  3 refused, 1 timed out\n"
            "03:04:05 to 03:04:15: 2 flows; 6 lost: decode 1, ring_full 5; 4 folded into coarser flows\n"
            "\n");
}

TEST(TextPrinter, ADeviceGoesBeforeTheNameThatWasAskedFor) {
  flow::FlowRecord flow = plain_flow();
  flow.peer_device = "gateway-7/modbus/PowerMeter-01";
  EXPECT_THAT(text_of({flow, full_ledger()}), ::testing::HasSubstr("PowerMeter-01:502  198.51.100.20"));
}

TEST(TextPrinter, FlowsFitANarrowTerminalButKeepTheirAddresses) {
  flow::FlowRecord flow = full_flow();
  flow.peer_owner = nullptr;
  flow.peer_device.clear();
  flow.peer_names.clear();
  flow.peer_address = ip("2001:db8:1111:2222:3333:4444:5555:6666");
  flow.failed = {};
  TextStyle style;
  style.terminal.width = 100;
  const std::string text = text_of({flow}, style);
  EXPECT_THAT(text, HasSubstr("[2001:db8:1111:2222:3333:4444:5555:6666]:502"));
  EXPECT_THAT(text, Not(HasSubstr("RETR"))) << "left out first";
  EXPECT_THAT(text, HasSubstr("SENT"));
}

TEST(TextPrinter, TheSmallestFlowsAreCountedNotHidden) {
  TextStyle style;
  style.top = 1;
  flow::FlowRecord small = plain_flow();
  small.originator_bytes = 1024;
  small.responder_bytes = 0;
  EXPECT_THAT(text_of({small, plain_flow(), small}, style), HasSubstr("… 2 more flows, 2.0 KiB together (--top 0 shows all)\n"));
}

TEST(TextPrinter, AnEmptyWindowSaysSo) {
  TextStyle style;
  style.flow_windows = true;
  flow::Ledger ledger;
  ledger.window_start_wall_ns = kTime;
  ledger.window_end_wall_ns = kTime + 10'000'000'000;
  EXPECT_EQ(text_of({ledger}, style), "03:04:05 to 03:04:15: 0 flows; complete\n\n");
}

TEST(TextPrinter, WideShowsHowSureTheOwnerIs) {
  TextStyle style;
  style.wide = true;
  const std::string text = text_of({full_flow()}, style);
  for (const char* part : {"LOCAL", "203.0.113.5", "site", "exact", "folded, older", "modbusd,sh"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(TextPrinter, EventsAreLines) {
  flow::SocketEvent listen = event_of(flow::SocketEventType::listen);
  listen.peer_address = {};
  listen.peer_port = 0;
  listen.local_address = ip("::");
  listen.local_port = 502;
  flow::SocketEvent close = full_close();
  close.responder_bytes = 2048;
  flow::SocketEvent failed = event_of(flow::SocketEventType::failed);
  failed.role = flow::Role::originator;
  failed.reason = flow::FailureReason::timed_out;
  failed.peer_names.clear();
  EXPECT_EQ(text_of({failed, close, listen, full_exec(), full_dns(), full_container()}),
            "TIME          OWNER         EVENT        PROTO  PROCESS           LOCAL                     PEER                   ADDRESS          DETAILS\n"
            "03:04:05.006  modbus        failed       tcp    modbusd[1234]     203.0.113.5:40000      →  198.51.100.20:502                       timed out\n"
            "03:04:05.006  modbus        close        tcp    modbusd[1234]     203.0.113.5:40000      ←  meter.example:502      198.51.100.20    reset, sent 2.0 KiB, received 0 B, in 77 µs\n"
            "03:04:05.006  modbus        listen       tcp    modbusd[1234]                            ←  at [::]:502\n"
            "03:04:05.006  modbus        exec                sh[99]                                   /bin/busybox\n"
            "03:04:05.006  modbus        dns                 -                                        meter.example: no such name, 198.51.100.20, 2001:db8::20\n"
            "03:04:05.006  modbus        container           -                                        updated, image registry.example/modbus:1.0, main process 55, 203.0.113.9, 2001:db8::9\n");
}

TEST(TextPrinter, EventsKeepTheAddressOnEightyColumns) {
  TextStyle style;
  style.terminal.width = 80;
  EXPECT_EQ(text_of({event_of(flow::SocketEventType::connect)}, style),
            "TIME          OWNER     EVENT           PEER            ADDRESS          DETAILS\n"
            "03:04:05.006  modbus    connect      ←  meter.exa…:502  198.51.100.20\n");
}

TEST(TextPrinter, ExitsSayWhoKilledWhom) {
  flow::ExitRecord clean;
  clean.wall_ns = kTime;
  clean.owner = module_owner();
  clean.pid = 7;
  clean.process = "sh";
  clean.started_wall_ns = kTime - 182'000'000'000;
  flow::ExitRecord crash = full_exit();
  crash.oom_killed = false;
  crash.killed_by.reset();
  crash.started_wall_ns = kTime - 1'500'000;
  flow::ExitRecord killed = full_exit();
  killed.started_wall_ns = crash.started_wall_ns;
  killed.exit_class = flow::ExitClass::killed;
  killed.signal = 9;
  killed.core_dumped = killed.oom_killed = false;
  killed.stack.reset();
  EXPECT_EQ(text_of({clean, killed, crash}),
            "TIME      OWNER           PROCESS              PID  CLASS         RAN  HOW\n"
            "03:04:05  modbus          sh                     7  clean   3 min 2 s  exit code 0\n"
            "03:04:05  modbus          modbusd             1234  killed     1.5 ms  SIGKILL by sh (pid 77, host), main process\n"
            "03:04:05  modbus          modbusd             1234  crash      1.5 ms  SIGSEGV, core dumped, main process\n"
            "      #0  read_holding  /app/modbusd+0x1234  (build id abcdef0123)\n"
            "      #1  0x7f\n");
}

TEST(TextPrinter, EventsStaySilentOnALedgerWithoutLoss) {
  flow::Ledger ledger;
  ledger.produced = ledger.delivered = 5;
  EXPECT_EQ(text_of({ledger}), "");
  ledger.dropped = {{"ring_full", 3}};
  EXPECT_EQ(text_of({ledger}), "-- 3 lost: ring_full 3\n");
}

TEST(TextPrinter, NamesCannotDriveTheTerminal) {
  flow::ExitRecord exit = full_exit();
  exit.process = "\x1b]0;owned\x07";
  exit.stack->front().symbol = "\x1b[2J";
  EXPECT_THAT(text_of({exit}), Not(HasSubstr("\x1b")));
}

TEST(TextPrinter, HeadersComeAgainOnATerminalOnly) {
  std::vector<flow::Record> records(50, event_of(flow::SocketEventType::connect));
  const auto headers = [](const std::string& text) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find("DETAILS", at)) != std::string::npos; ++at) ++count;
    return count;
  };
  EXPECT_EQ(headers(text_of(records)), 1U);
  TextStyle style;
  style.terminal.is_terminal = true;
  style.terminal.height = 24;
  EXPECT_EQ(headers(text_of(records, style)), 3U);
}

}  // namespace
}  // namespace iris::cli
