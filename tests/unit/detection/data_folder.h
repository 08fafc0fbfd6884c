// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <string>

/// A small folder of data, written into a directory that is removed at the end.
namespace iris::detection::testing {

inline constexpr double kStart = 1'767'225'600;

class DataFolder {
 public:
  DataFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "iris-detection-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path = name;
    std::filesystem::create_directories(path / "flows");
    std::filesystem::create_directories(path / "names");
    write("scenarios.tsv", scenarios_);
    write("protocol.tsv", protocol_);
    write("events.tsv", events_);
  }
  ~DataFolder() { std::filesystem::remove_all(path); }
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;

  std::filesystem::path path;

  void scenario(const std::string& name, const std::string& kind, const std::string& device, const std::string& mode,
                const std::string& learn) {
    write("scenarios.tsv", scenarios_ += fmt::format("{}\t{}\t{}\n", name, kind, device));
    write("protocol.tsv", protocol_ += fmt::format("{}\t{}\t{}\n", name, mode, learn));
  }
  void event(const std::string& pattern, double start, double end, const std::string& what) {
    write("events.tsv", events_ += fmt::format("{}\t{:.3f}\t{:.3f}\t{}\t-\n", pattern, start, end, what));
  }
  void ambiguous(const std::string& line) { write("ambiguous.tsv", "scenario\tdst\tdport\tproto\n" + line + "\n"); }
  /// `lines` sorted by time, without the header.
  void flows(const std::string& name, const std::string& lines) {
    gz(path / "flows" / (name + ".tsv.gz"),
       "ts\tsrc\tsport\tdst\tdport\tproto\tduration\torig_bytes\tresp_bytes\torig_pkts\tresp_pkts\tconn_"
       "state\tservice\tlabel\tdetailed_label\tscenario\n" +
           lines);
  }
  void names(const std::string& name, const std::string& lines) {
    gz(path / "names" / (name + ".tsv.gz"), "ts\tclient\tname\tanswers\n" + lines);
  }

  static std::string line(double ts, const std::string& src, const std::string& dst, int dport,
                          const std::string& state, const std::string& label = "Benign",
                          const std::string& detail = "-", const std::string& proto = "tcp") {
    const bool vain = state == "S0";
    return fmt::format("{:.6f}\t{}\t40000\t{}\t{}\t{}\t0.5\t{}\t{}\t{}\t{}\t{}\t-\t{}\t{}\tx\n", ts, src, dst, dport,
                       proto, vain ? 0 : 400, vain ? 0 : 600, vain ? 1 : 6, vain ? 0 : 5, state, label, detail);
  }

 private:
  static void gz(const std::filesystem::path& file, const std::string& text) {
    gzFile out = gzopen(file.c_str(), "wb");
    ASSERT_EQ(gzwrite(out, text.data(), static_cast<unsigned>(text.size())), static_cast<int>(text.size()));
    gzclose(out);
  }
  void write(const std::string& name, const std::string& text) { std::ofstream(path / name) << text; }

  std::string scenarios_ = "scenario\tkind\tdevice\n";
  std::string protocol_ = "scenario\tmode\tlearn\n";
  std::string events_ = "scenario_pattern\tstart_ts\tend_ts\tevent\tdescription\n";
};

}  // namespace iris::detection::testing
