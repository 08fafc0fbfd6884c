// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace iris::detect {

/// Every number that decides. One set for all workloads: they say what no IoT
/// workload does in health, not what one device does. `score` sums what speaks
/// against a contact, see contact.cpp.
struct Thresholds {
  // Scores
  double medium_score = 3.0;
  double high_score = 5.0;

  // Scans: different peers on one port, different ports of one peer, mostly in vain
  std::uint32_t horizontal_site_minute = 10;
  std::uint32_t horizontal_external_minute = 20;
  std::uint32_t horizontal_hour = 30;
  std::uint32_t horizontal_new_site_hour = 20;  // new site peers on one port, answered or not
  std::uint32_t vertical_minute = 12;
  std::uint32_t vertical_hour = 30;
  double scan_unanswered_share = 0.6;
  std::uint64_t half_open_packets = 300;     // TCP without payload, a window
  std::uint32_t strangers_hour = 20;         // in the Internet, without a name, on odd ports, half in vain
  std::uint32_t internet_sources_hour = 20;  // strangers that probe a workload open to the Internet
  std::uint32_t internet_ports_hour = 10;    // and ports that they try

  // Floods
  double flood_packets_s = 1000;  // one way, to one peer, nearly nothing back
  double flood_answer_share = 0.05;
  double flood_attempts_s = 50;          // connections to one peer, mostly in vain
  double flood_victim_packets_s = 5000;  // towards one workload from strangers
  double flood_victim_attempts_s = 200;
  double service_flood_factor = 10;  // against the busiest window the service ever had
  double service_flood_packets_s = 100;
  double attempts_factor = 20;  // against the 99th percentile
  double attempts_floor_s = 20;

  // A new peer
  std::uint32_t failures_burst = 10;  // in vain, never an answer
  std::uint64_t failures_burst_s = 3600;
  std::uint32_t failures_few = 3;
  std::uint32_t failures_persistent = 30;
  double payload_bytes = 50'000;  // fetched from a stranger
  double payload_ratio = 10;      // in over out
  std::uint32_t beacon_beats = 8;
  double beacon_variation = 0.35;
  double beacon_shortest_s = 15;
  double beacon_bytes = 20'000;           // a beat
  std::uint32_t brute_force_minute = 12;  // connections to a login port

  std::uint32_t failed_names_hour = 30;  // different domains that do not exist

  // Volume
  double exfiltration_bytes = 5e6;        // an hour, to a stranger
  double exfiltration_ratio = 3;          // out over in
  double known_volume_bytes = 20e6;       // an hour, to a known service ..
  double known_volume_factor = 10;        // .. and against its busiest hour
  std::uint32_t known_volume_hours = 24;  // hours of use that must be known
  double balance_bytes = 2e6;             // an hour
  double balance_shift = 1.0;             // of 2: from receiving to sending

  // Availability
  std::uint32_t lost_peer_visits = 20;   // a peer that answered in so many windows
  std::uint32_t lost_peer_failures = 5;  // fails so often in a row
  std::uint64_t lost_peer_s = 300;       // for so long
  std::uint32_t restarts = 4;            // ends of a main process that were not planned
  std::uint64_t restarts_s = 600;
  std::uint64_t silence_s = 900;  // a gateway without a window
  // A peer that was always there: never away for three times its mean pause
  std::uint32_t steady_windows = 120;  // with an answer, ..
  std::uint64_t steady_s = 3600;       // .. over so long
  double steady_pause = 3;
  std::uint64_t steady_silence_s = 300;  // is silent after this, and ..
  double steady_silence_pauses = 5;      // .. so many of its pauses
  // A peer whose pace never changes: asked the same as ever, it answers less
  std::uint32_t pace_windows = 240;
  double pace_spread = 0.04;            // of the mean at most, to call it steady
  double pace_deviations = 5;           // so many mean deviations, ..
  double pace_drop = 0.10;              // .. and this share, below the mean
  double pace_same_question = 0.04;     // bytes a packet of who asks differ by less
  std::uint32_t pace_slow_windows = 3;  // in a row
  std::uint32_t pace_new_windows = 60;  // then it is the new pace

  // The diagnostics
  std::uint32_t unauthorized_burst = 5;
  std::uint64_t unauthorized_burst_s = 600;

  // Alerts
  std::uint64_t merge_s = 3600;        // one alert for device and class
  std::uint64_t merge_quiet_s = 1800;  // after so long a quiet it is a new one
  std::uint32_t evidence = 8;
  std::uint32_t affected = 16;

  // Memory: the longest unseen makes room
  std::uint32_t entities = 20'000;
  std::uint32_t suspects = 64;  // of an entity
  std::uint32_t rhythms = 16;   // of an entity
};

}  // namespace iris::detect
