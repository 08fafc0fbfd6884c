// SPDX-License-Identifier: Apache-2.0
#include "cli/printers.h"

#include <fmt/format.h>

#include "cli/text_format.h"
#include "wire/json_writer.h"

namespace iris::cli {
namespace {

class JsonPrinter : public flow::RecordSink {
 public:
  explicit JsonPrinter(Output& output) : output_(output) {}

  void write(const flow::Record& record) override {
    json_.append(output_.buffer(), record);
    output_.maybe_flush();
  }
  void flush() override { output_.flush(); }

 private:
  Output& output_;
  wire::JsonWriter json_;
};

}  // namespace

std::unique_ptr<flow::RecordSink> make_json_printer(Output& output) { return std::make_unique<JsonPrinter>(output); }

std::string summary(const Totals& totals) {
  return fmt::format("{} record{} in {} window{}; {}", human_count(totals.records), totals.records == 1 ? "" : "s",
                     human_count(totals.windows), totals.windows == 1 ? "" : "s", ledger_words(totals.ledger));
}

void SelectingSink::write(const flow::Record& record) {
  if (const auto* ledger = std::get_if<flow::Ledger>(&record)) {
    ++totals_.windows;
    totals_.ledger.produced += ledger->produced;
    totals_.ledger.delivered += ledger->delivered;
    totals_.ledger.folded += ledger->folded;
    for (const auto& [reason, count] : ledger->dropped) totals_.ledger.dropped[reason] += count;
    next_.write(record);
    return;
  }
  if (!selection_.has(record) || !filter_.matches(record)) return;
  ++totals_.records;
  next_.write(record);
}

}  // namespace iris::cli
