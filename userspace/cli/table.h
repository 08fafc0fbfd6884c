// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/terminal.h"

namespace iris::cli {

struct Column {
  std::string title;
  bool right = false;         // aligned to the right
  std::size_t shortest = 0;   // may be cut down to this; 0: never cut
  std::size_t longest = 0;    // never wider than this when cut is allowed; 0: no limit
  unsigned drop_order = 0;    // left out when the terminal is narrow, lowest first; 0: never
  std::size_t typical = 0;    // width to start with, so that a stream of lines stays aligned
  bool hide_empty = false;    // left out while no row has anything in it
};

struct Cell {
  std::string text;
  Color color = Color::none;
  bool whole = false;     // an address: never cut, whatever its column says
  std::string tail = {};  // stays when `text` is cut, as the port behind a name
  bool runs_on = false;   // ends its line: neither cut nor counted in the width of its column
};

using Row = std::vector<Cell>;

/// Aligned columns that fit the terminal. Measure rows first (all of a table,
/// or each line of a stream before it is printed), then append.
class Table {
 public:
  Table(std::vector<Column> columns, const Terminal& terminal);

  void measure(const Row& row);
  void forget_rows();  // back to the typical widths
  void append_header(std::string& out) const;
  void append_row(std::string& out, const Row& row) const;

 private:
  void lay_out();
  std::size_t line_width() const;
  void append_cells(std::string& out, const Row& row) const;

  std::vector<Column> columns_;
  Terminal terminal_;
  std::vector<std::size_t> wanted_;  // widest content so far
  std::vector<std::size_t> whole_;   // widest content that must not be cut
  std::vector<bool> filled_;         // has had any content
  std::vector<std::size_t> widths_;  // as laid out
  std::vector<bool> shown_;
};

}  // namespace iris::cli
