// SPDX-License-Identifier: Apache-2.0
// What a real rsyslogd makes of our messages. It runs privately, with ports, folder and
// configuration of the test's own.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <thread>

#include "notify/cef.h"
#include "notify/cef_reader.h"
#include "notify/receivers.h"
#include "notify/sample_alerts.h"
#include "notify/syslog_sink.h"

namespace iris::notify {
namespace {

using Json = nlohmann::json;
using test_support::notice_of;
using Transport = SyslogTarget::Transport;

constexpr const char* kProgram = "/usr/sbin/rsyslogd";  // Debian: rsyslog, rsyslog-openssl

class Rsyslog {
 public:
  Rsyslog() {
    const auto issued = authority_.issue("rsyslog", "IP:127.0.0.1");
    folder_.write("cert.pem", issued.certificate);
    folder_.write("key.pem", issued.key);
    ca_file_ = folder_.write("ca.pem", authority_.certificate());
    // It tells no port of UDP: take one that was free just now.
    udp_port_ = test_support::port_of(test_support::bound_socket(SOCK_DGRAM).get());
    const std::string pipe = folder_.path() / "out";
    if (::mkfifo(pipe.c_str(), 0600) != 0) throw std::runtime_error("no pipe");
    out_.reset(::open(pipe.c_str(), O_RDWR | O_CLOEXEC));  // so that neither end waits for the other
    start(folder_.write("rsyslog.conf", configuration()));
    // It logs its own start once the configuration is active.
    const auto first = next();
    if (first.at("app") != "rsyslogd") throw std::runtime_error("rsyslogd complains: " + first.dump());
  }
  ~Rsyslog() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  Rsyslog(const Rsyslog&) = delete;

  const std::string& ca_file() const { return ca_file_; }
  SyslogTarget target(Transport transport) const {
    const auto port = transport == Transport::udp ? udp_port_ : port_in(transport == Transport::tls ? "tls.port" : "tcp.port");
    return {transport, "127.0.0.1", port};
  }
  /// The next message, as it was parsed.
  Json next() {
    std::size_t end = 0;
    while ((end = text_.find('\n')) == std::string::npos) {
      pollfd items[] = {{out_.get(), POLLIN, 0}, {process_.get(), POLLIN, 0}};
      ::poll(items, 2, -1);
      if (items[0].revents == 0) throw std::runtime_error("rsyslogd has ended");
      std::array<char, 4096> buffer;
      const auto got = ::read(out_.get(), buffer.data(), buffer.size());
      if (got <= 0) throw std::runtime_error("the pipe of rsyslogd ended");
      text_.append(buffer.data(), static_cast<std::size_t>(got));
    }
    const auto line = text_.substr(0, end);
    text_.erase(0, end + 1);
    return Json::parse(line);
  }

 private:
  std::string configuration() const {
    const std::string folder = folder_.path();
    std::string text = "global(workDirectory=\"" + folder + "\" maxMessageSize=\"16k\" net.enableDNS=\"off\" processInternalMessages=\"on\"\n" +
                       " defaultNetstreamDriverCAFile=\"" + folder + "/ca.pem\"\n" +
                       " defaultNetstreamDriverCertFile=\"" + folder + "/cert.pem\"\n" +
                       " defaultNetstreamDriverKeyFile=\"" + folder + "/key.pem\")\n" +
                       "module(load=\"imudp\")\nmodule(load=\"imtcp\")\n"
                       "template(name=\"parsed\" type=\"list\" option.jsonf=\"on\") {\n";
    const std::pair<const char*, const char*> fields[] = {
        {"priority", "pri"}, {"version", "protocol-version"}, {"host", "hostname"}, {"app", "app-name"}, {"process", "procid"},
        {"id", "msgid"}, {"data", "structured-data"}, {"text", "msg"}, {"tag", "syslogtag"}, {"input", "inputname"}};
    for (const auto& [name, property] : fields) {
      text += std::string(" property(outname=\"") + name + "\" name=\"" + property + "\" format=\"jsonf\")\n";
    }
    text += " property(outname=\"time\" name=\"timereported\" dateFormat=\"rfc3339\" format=\"jsonf\")\n}\n";
    text += "ruleset(name=\"out\") { action(type=\"ompipe\" pipe=\"" + folder + "/out\" template=\"parsed\") }\n";
    text += "input(type=\"imudp\" address=\"127.0.0.1\" port=\"" + std::to_string(udp_port_) + "\" ruleset=\"out\" name=\"udp\")\n";
    for (const std::string name : {"tcp", "tls"}) {
      text += "input(type=\"imtcp\" address=\"127.0.0.1\" port=\"0\" ruleset=\"out\" name=\"" + name +
              "\" listenPortFileName=\"" + folder + "/" + name + ".port\"";
      if (name == "tls") text += " streamDriver.name=\"ossl\" streamDriver.mode=\"1\" streamDriver.authMode=\"anon\"";
      text += ")\n";
    }
    return text + "call out\n";
  }
  void start(const std::string& file) {
    // It ends with us, also when the test is killed.
    std::string arguments[] = {"setpriv", "--pdeathsig", "TERM", kProgram, "-n", "-iNONE", "-f", file};
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    char* environment[] = {nullptr};
    if (::access(kProgram, X_OK) != 0 ||
        ::posix_spawn(&pid_, "/usr/bin/setpriv", nullptr, nullptr, argv.data(), environment) != 0) {
      throw std::runtime_error("rsyslogd does not run: packaging/install-dependencies --tests installs it");
    }
    process_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  }
  std::uint16_t port_in(const char* name) const {
    return static_cast<std::uint16_t>(std::stoi(collector::content_of(folder_.path() / name)));
  }

  collector::TemporaryDirectory folder_;
  iris::test_support::TestAuthority authority_;
  std::string ca_file_;
  std::uint16_t udp_port_ = 0;
  base::UniqueFd out_;
  pid_t pid_ = 0;
  base::UniqueFd process_;
  std::string text_;
};

struct RsyslogTest : testing::Test {
  SyslogOptions options(Transport transport) const {
    SyslogOptions made;
    made.target = rsyslog.target(transport);
    made.product_version = "0.1.0";
    made.ca_file = transport == Transport::tls ? rsyslog.ca_file() : "";
    return made;
  }
  /// Parsed exactly: the fields of RFC 5424, and CEF to the last byte.
  void expect_exactly(const Json& message, const Notice& notice, const std::string& input, std::size_t max_bytes) {
    const auto event = to_cef(notice.json, "0.1.0", max_bytes - kMaxSyslogHeaderBytes);
    ASSERT_TRUE(event);
    EXPECT_EQ(message.at("input"), input);
    EXPECT_EQ(message.at("priority"), "131");
    EXPECT_EQ(message.at("version"), "1");
    EXPECT_EQ(message.at("time"), "2026-11-02T10:00:00.123Z");
    EXPECT_EQ(message.at("host"), event->gateway);
    EXPECT_EQ(message.at("app"), "iris");
    EXPECT_EQ(message.at("process"), "-");
    EXPECT_EQ(message.at("id"), event->alert_class);
    EXPECT_EQ(message.at("data"), "-");
    EXPECT_EQ(message.at("text"), event->line);
    EXPECT_TRUE(test_support::read_cef(message.at("text").get<std::string>()));
  }
  static std::vector<Notice> notices() {
    std::vector<Notice> made = {notice_of(1)};
    auto alert = test_support::sample_alert();
    alert.summary = "no key: act=closed | \\ \u00e4\u4e2d\U0001F600 \"quoted\" %msg% \r\nnext <13>1 line";
    made.push_back(notice_of(2, alert));
    alert.summary.assign(1000, '=');  // doubled when it is escaped
    made.push_back(notice_of(3, alert));
    return made;
  }

  Rsyslog rsyslog;
};

TEST_F(RsyslogTest, EveryTransportArrivesAsItWasMeant) {
  const std::pair<Transport, const char*> transports[] = {
      {Transport::udp, "udp"}, {Transport::tcp, "tcp"}, {Transport::tls, "tls"}};
  for (const auto& [transport, name] : transports) {
    SyslogSink sink(options(transport));
    for (const auto& notice : notices()) {
      const auto delivered = sink.deliver(notice);
      ASSERT_TRUE(delivered) << name << ": " << delivered.error().message;
      expect_exactly(rsyslog.next(), notice, name, transport == Transport::udp ? kMaxDatagramBytes : kMaxStreamMessageBytes);
    }
  }
}

TEST_F(RsyslogTest, LineFeedsAsFraming) {
  auto made = options(Transport::tcp);
  made.framing = SyslogFraming::newline;
  SyslogSink sink(made);
  for (const auto& notice : notices()) {
    ASSERT_TRUE(sink.deliver(notice));
    expect_exactly(rsyslog.next(), notice, "tcp", kMaxStreamMessageBytes);
  }
}

TEST_F(RsyslogTest, TheOldFormat) {
  for (const auto transport : {Transport::udp, Transport::tcp}) {
    auto made = options(transport);
    made.format = SyslogFormat::rfc3164;
    SyslogSink sink(made);
    ASSERT_TRUE(sink.deliver(notice_of(1)));
    const auto message = rsyslog.next();
    const auto event = to_cef(notice_of(1).json, "0.1.0", kMaxStreamMessageBytes - kMaxSyslogHeaderBytes);
    EXPECT_EQ(message.at("priority"), "131");
    EXPECT_EQ(message.at("version"), "0");
    EXPECT_EQ(message.at("host"), "gw-17.example.net");
    EXPECT_EQ(message.at("tag").get<std::string>() + message.at("text").get<std::string>(), event->line);
    EXPECT_THAT(message.at("time").get<std::string>(), testing::HasSubstr("-11-02T10:00:00"));
  }
}

}  // namespace
}  // namespace iris::notify
