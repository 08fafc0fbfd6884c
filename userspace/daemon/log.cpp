// SPDX-License-Identifier: Apache-2.0
#include "daemon/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/systemd_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "wire/json_writer.h"

namespace iris::daemon {
namespace {

/// The message as a JSON string: %v alone would let a quote end it.
class JsonText : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& into) override {
    std::string text;
    wire::append_json_string(text, std::string_view(message.payload.data(), message.payload.size()));
    into.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonText>(); }
};

std::unique_ptr<spdlog::formatter> json_formatter() {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<JsonText>('*').set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l","message":%*})");
  return formatter;
}

std::shared_ptr<spdlog::logger> make_logger(const std::string& program, const std::string& format) {
  if (format == "journal" || (format == "auto" && stderr_is_journal())) {
    return std::make_shared<spdlog::logger>(program, std::make_shared<spdlog::sinks::systemd_sink_mt>(program));
  }
  auto logger = std::make_shared<spdlog::logger>(program, std::make_shared<spdlog::sinks::stderr_sink_mt>());
  if (format == "json") {
    logger->set_formatter(json_formatter());
  } else {
    logger->set_pattern("%n: %l: %v");
  }
  return logger;
}

}  // namespace

bool stderr_is_journal() {
  const char* named = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (named == nullptr || fstat(STDERR_FILENO, &status) != 0) return false;
  return named == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

void set_up_log(const std::string& program, const std::string& level, const std::string& format) {
  auto logger = make_logger(program, format);
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
  set_log_level(level);
}

void set_log_level(const std::string& level) { spdlog::set_level(spdlog::level::from_str(level)); }

}  // namespace iris::daemon
