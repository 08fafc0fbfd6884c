// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "cli/options.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "flow/records.h"

/// Text and JSON behind one interface, flow::RecordSink.
namespace iris::cli {

std::unique_ptr<flow::RecordSink> make_json_printer(Output& output);

struct TextStyle {
  Terminal terminal;
  bool wide = false;
  std::size_t top = 0;        // rows of a table of flows; 0: all
  bool flow_windows = false;  // say of each window how many flows it had, even if none
};

std::unique_ptr<flow::RecordSink> make_text_printer(Output& output, TextStyle style);

/// What a run has delivered, for the closing line.
struct Totals {
  std::uint64_t records = 0;  // without ledgers
  std::uint64_t windows = 0;
  flow::Ledger ledger;        // summed over the windows
};

/// "1,234 records in 12 windows; complete".
std::string summary(const Totals& totals);

/// Passes on what is selected and matches, and keeps the totals. Ledgers
/// always pass: what was lost concerns everyone.
class SelectingSink : public flow::RecordSink {
 public:
  SelectingSink(flow::RecordSink& next, const Selection& selection, const flow::Filter& filter)
      : next_(next), selection_(selection), filter_(filter) {}

  void write(const flow::Record& record) override;
  void flush() override { next_.flush(); }
  const Totals& totals() const { return totals_; }

 private:
  flow::RecordSink& next_;
  const Selection& selection_;
  const flow::Filter& filter_;
  Totals totals_;
};

}  // namespace iris::cli
