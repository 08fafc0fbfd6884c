// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "cli/printers.h"
#include "cli/record_rows.h"
#include "cli/text_format.h"

namespace iris::cli {
namespace {

/// Lines of a stream between two headers, where no terminal tells its height.
constexpr std::size_t kHeaderEvery = 40;

/// One table, a line at a time, its header repeated now and then on a terminal.
class Stream {
 public:
  Stream(std::vector<Column> columns, const Terminal& terminal) : table_(std::move(columns), terminal), terminal_(terminal) {}

  void append(std::string& out, const Row& row) {
    table_.measure(row);
    const std::size_t every = terminal_.height > 4 ? terminal_.height - 2 : kHeaderEvery;
    if (lines_ == 0 || (terminal_.is_terminal && lines_ >= every)) {
      table_.append_header(out);
      lines_ = 0;
    }
    table_.append_row(out, row);
    ++lines_;
  }
  /// Something else was printed in between.
  void interrupt() { lines_ = 0; }

 private:
  Table table_;
  Terminal terminal_;
  std::size_t lines_ = 0;
};

class TextPrinter : public flow::RecordSink {
 public:
  TextPrinter(Output& output, TextStyle style)
      : output_(output), style_(style), events_(event_columns(style.wide), style.terminal),
        exits_(exit_columns(style.wide), style.terminal), flow_table_(flow_columns(style.wide), style.terminal) {}

  void write(const flow::Record& record) override {
    std::visit([this](const auto& one) { take(one); }, record);
    output_.maybe_flush();
  }

  void flush() override {
    if (!flows_.empty() || (ledger_ && style_.flow_windows)) print_flows();
    print_loss();
    ledger_.reset();
    output_.flush();
  }

 private:
  void take(const flow::FlowRecord& flow) { flows_.push_back(flow); }
  void take(const flow::Ledger& ledger) { ledger_ = ledger; }
  void take(const flow::ExitRecord& exit) {
    become(&exits_);
    exits_.append(output_.buffer(), exit_row(exit, style_.terminal));
    append_colored(output_.buffer(), stack_lines(exit), Color::dim, style_.terminal);
  }
  template <typename Event>
  void take(const Event& event) {
    become(&events_);
    events_.append(output_.buffer(), event_row(event, style_.terminal));
  }

  void become(Stream* stream) {
    if (current_ != stream && current_ != nullptr) current_->interrupt();
    if (current_ != stream && stream != nullptr) stream->interrupt();
    current_ = stream;
  }

  void print_flows() {
    become(nullptr);
    std::string& out = output_.buffer();
    std::sort(flows_.begin(), flows_.end(), [](const flow::FlowRecord& a, const flow::FlowRecord& b) {
      const auto key = [](const flow::FlowRecord& flow) { return std::pair(volume(flow), flow.opened); };
      return key(a) != key(b) ? key(a) > key(b) : owner_name(a.owner) < owner_name(b.owner);
    });
    const std::size_t shown = style_.top == 0 ? flows_.size() : std::min(style_.top, flows_.size());

    // Rows are made twice, to measure and to print: ten thousand of them kept
    // as text would cost more memory than the flows themselves.
    flow_table_.forget_rows();
    for (std::size_t i = 0; i < shown; ++i) flow_table_.measure(flow_row(flows_[i], style_.terminal, style_.wide));
    if (shown > 0) flow_table_.append_header(out);
    for (std::size_t i = 0; i < shown; ++i) {
      flow_table_.append_row(out, flow_row(flows_[i], style_.terminal, style_.wide));
      output_.maybe_flush();
    }
    print_closing(shown);
    flows_.clear();
  }

  /// "12:00:00 to 12:00:10: 37 flows; complete".
  void print_closing(std::size_t shown) {
    std::string& out = output_.buffer();
    if (shown < flows_.size()) {
      std::uint64_t bytes = 0;
      for (std::size_t i = shown; i < flows_.size(); ++i) bytes += volume(flows_[i]);
      out += fmt::format("{} {} more flows, {} together (--top 0 shows all)\n", style_.terminal.ellipsis(),
                         human_count(flows_.size() - shown), human_bytes(bytes));
    }
    if (ledger_) {
      out += fmt::format("{} to {}: {} flow{}; ", clock_time(ledger_->window_start_wall_ns, false),
                         clock_time(ledger_->window_end_wall_ns, false), human_count(flows_.size()),
                         flows_.size() == 1 ? "" : "s");
      append_colored(out, ledger_words(*ledger_), lost(*ledger_) > 0 ? Color::red : Color::green, style_.terminal);
      out += '\n';
      loss_printed_ = true;
    }
    out += '\n';
  }

  /// Events and exits print their ledger only when it has something to confess.
  void print_loss() {
    if (ledger_ && !loss_printed_ && (lost(*ledger_) > 0 || ledger_->folded > 0)) {
      append_colored(output_.buffer(), "-- " + ledger_words(*ledger_), Color::red, style_.terminal);
      output_.buffer() += '\n';
    }
    loss_printed_ = false;
  }

  Output& output_;
  TextStyle style_;
  Stream events_;
  Stream exits_;
  Stream* current_ = nullptr;
  Table flow_table_;
  std::vector<flow::FlowRecord> flows_;  // of the window in progress
  std::optional<flow::Ledger> ledger_;
  bool loss_printed_ = false;
};

}  // namespace

std::unique_ptr<flow::RecordSink> make_text_printer(Output& output, TextStyle style) {
  return std::make_unique<TextPrinter>(output, style);
}

}  // namespace iris::cli
