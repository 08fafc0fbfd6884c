// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <algorithm>

#include "cli/text_format.h"

namespace iris::cli {
namespace {

constexpr std::size_t kGap = 2;

/// Appends what fits; gives the columns taken.
std::size_t append_fitted(std::string& out, const Cell& cell, std::size_t width, const Terminal& terminal) {
  const std::size_t natural = display_width(cell.text) + display_width(cell.tail);
  if (cell.whole || natural <= width) {
    out += cell.text;
    out += cell.tail;
    return natural;
  }
  const std::size_t tail = display_width(cell.tail);
  const auto cut = cut_to_width(cell.text, width > tail + 1 ? width - tail - 1 : 0);
  out += cut;
  out += terminal.ellipsis();
  out += cell.tail;
  return display_width(cut) + 1 + tail;
}

}  // namespace

Table::Table(std::vector<Column> columns, const Terminal& terminal)
    : columns_(std::move(columns)), terminal_(terminal), widths_(columns_.size()), shown_(columns_.size(), true) {
  forget_rows();
}

void Table::forget_rows() {
  wanted_.clear();
  whole_.assign(columns_.size(), 0);
  filled_.assign(columns_.size(), false);
  for (const auto& column : columns_) wanted_.push_back(std::max(display_width(column.title), column.typical));
  lay_out();
}

void Table::measure(const Row& row) {
  bool changed = false;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const Cell& cell = row[i];
    if (cell.runs_on) break;
    std::size_t width = display_width(cell.text) + display_width(cell.tail);
    if (width > 0 && !filled_[i]) {
      filled_[i] = true;
      changed = true;
    }
    // The last column runs on, so that its longest is only what room is made for.
    const bool last = i + 1 == columns_.size();
    if (columns_[i].longest != 0 && (last || !cell.whole)) width = std::min(width, columns_[i].longest);
    if (cell.whole && width > whole_[i]) whole_[i] = width;
    if (width > wanted_[i]) {
      wanted_[i] = width;
      changed = true;
    }
  }
  if (changed) lay_out();
}

std::size_t Table::line_width() const {
  std::size_t total = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (shown_[i]) total += widths_[i] + kGap;
  }
  return total == 0 ? 0 : total - kGap;
}

void Table::lay_out() {
  widths_ = wanted_;
  for (std::size_t i = 0; i < columns_.size(); ++i) shown_[i] = filled_[i] || !columns_[i].hide_empty;
  if (terminal_.width == 0) return;
  while (line_width() > terminal_.width) {
    // First shorten what is longest above its shortest, then leave columns out.
    std::size_t cut = columns_.size();
    std::size_t drop = columns_.size();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (!shown_[i]) continue;
      const std::size_t shortest = std::max(columns_[i].shortest, whole_[i]);
      const bool can_cut = columns_[i].shortest != 0 && widths_[i] > shortest;
      if (can_cut && (cut == columns_.size() || widths_[i] > widths_[cut])) cut = i;
      const unsigned order = columns_[i].drop_order;
      if (order != 0 && (drop == columns_.size() || order < columns_[drop].drop_order)) drop = i;
    }
    if (cut != columns_.size()) {
      --widths_[cut];
    } else if (drop != columns_.size()) {
      shown_[drop] = false;
    } else {
      return;  // runs over the edge: better than an address that is not one
    }
  }
}

void Table::append_cells(std::string& out, const Row& row) const {
  std::size_t last = columns_.size();
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (shown_[i] && !(row[i].text.empty() && row[i].tail.empty())) last = i;
  }
  for (std::size_t i = 0; last < columns_.size() && i <= last; ++i) {
    if (!shown_[i]) continue;
    const bool runs_on = row[i].runs_on || i + 1 == columns_.size();
    const std::size_t width = runs_on ? std::string::npos : widths_[i];
    const std::size_t start = out.size();
    const std::size_t used = append_fitted(out, row[i], width, terminal_);
    const std::size_t space = !runs_on && used < width ? width - used : 0;
    if (columns_[i].right) out.insert(start, space, ' ');
    color_tail(out, columns_[i].right ? start + space : start, row[i].color, terminal_);
    if (i == last) break;
    if (!columns_[i].right) out.append(space, ' ');
    out.append(kGap, ' ');
  }
  out += '\n';
}

void Table::append_header(std::string& out) const {
  Row titles;
  for (const auto& column : columns_) titles.push_back({column.title, Color::bold});
  append_cells(out, titles);
}

void Table::append_row(std::string& out, const Row& row) const { append_cells(out, row); }

}  // namespace iris::cli
