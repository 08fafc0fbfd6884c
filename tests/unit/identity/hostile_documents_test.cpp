// SPDX-License-Identifier: Apache-2.0
// What must hold for every reader, whatever it is given.
#include <gmock/gmock.h>

#include "all_readers.h"
#include "documents.h"
#include "identity/clean.h"
#include "identity/reading.h"
#include "identity/text.h"

namespace iris::identity {
namespace {

const std::string* const kDocuments[] = {&documents::kGatewayTwin,    &documents::kLeafTwin,     &documents::kLoraTwin,       &documents::kModbusTwin, &documents::kModbusAncestor,
                                         &documents::kEdgeAgentTwin,  &documents::kEdgeHubTwin,  &documents::kPublishedNodes, &documents::kBacnetTwin, &documents::kEdgexV3,
                                         &documents::kEdgexV1,        &documents::kRejectedEvent};

std::string bounds_broken_by(const all_readers::Output& output) {
  if (output.evidence.size() > kMaxEvidence) return "too much evidence";
  for (const Evidence& one : output.evidence) {
    if (one.tags.size() > kMaxTagsBytes || one.configuration.size() > kMaxConfigurationBytes) return "an object too long";
    if (one.hardware_ids.size() > kMaxHardwareIds || one.addresses.size() > kMaxEvidenceAddresses) return "too many ids or addresses";
    if (one.name.empty()) return "no name";
    for (const auto* text : {&one.tags, &one.configuration}) {
      if (!text->empty() && !Json::accept(*text)) return "no JSON: " + *text;
    }
  }
  for (const std::string& text : all_readers::texts_of(output)) {
    if (text.size() > kMaxConfigurationBytes) return "a text too long";
    if (bounded(text, kMaxConfigurationBytes) != text) return "a text with control characters or no UTF-8: " + text;
  }
  return "";
}

void expect_bounds(const std::string& text) {
  for (const auto& reader : all_readers::kReaders) EXPECT_EQ(bounds_broken_by(reader.read(text)), "") << reader.name << ": " << text.substr(0, 300);
}

TEST(HostileDocuments, NoDocumentsOrOfAnotherKind) {
  for (const std::string* document : kDocuments) expect_bounds(*document);
  for (const char* text : {"", " ", "null", "7", "\"x\"", "[]", "{}", "[[]]", "[{}]", "\xff", "{\"properties\":{}}", "{\"properties\":null}"}) expect_bounds(text);
}

/// Each value of each document in turn becomes one of other types; `turn` spreads these over the places.
void replace_each(Json& root, Json& at, const std::vector<Json>& others, std::size_t& turn) {
  for (auto& value : at) {
    const Json kept = value;
    ++turn;
    for (std::size_t i = turn % 3; i < others.size(); i += 3) {
      value = others[i];
      expect_bounds(root.dump());
    }
    value = kept;
    if (value.is_structured()) replace_each(root, value, others, turn);
  }
}

TEST(HostileDocuments, WrongTypesEverywhere) {
  for (const std::string* document : kDocuments) {
    Json root = *parse_json(*document, {.comments = true});
    std::size_t turn = 0;
    replace_each(root, root, {nullptr, 7, -1.5, true, "\x01\x7f text", "", Json::array({1, "x", nullptr}), Json::object({{"a", Json::array()}})}, turn);
  }
}

TEST(HostileDocuments, CutAndSpoiledAnywhere) {
  for (const std::string* document : kDocuments) {
    for (std::size_t at = 0; at < document->size(); at += 17) {
      expect_bounds(document->substr(0, at));
      std::string spoiled = *document;
      spoiled[at] = '\xff';
      expect_bounds(spoiled);
    }
  }
}

TEST(HostileDocuments, HugeAndDeep) {
  expect_bounds(std::string(1 << 20, '['));
  std::string deep;
  for (int i = 0; i < 50'000; ++i) deep += "{\"a\":";
  expect_bounds(deep);
  expect_bounds("{\"properties\":{\"desired\":{\"SlaveConfigs\":" + deep + "1" + std::string(50'000, '}') + "}}}");
  expect_bounds("[" + std::string(5 << 20, ',') + "]");
  std::string nulls = "[0";
  for (int i = 0; i < 150'000; ++i) nulls += ",0";
  expect_bounds(nulls + "]");
  const std::string long_text(600'000, 'x');
  expect_bounds(R"({"deviceId":"gw1","moduleId":"m","tags":{"t":")" + long_text + R"("},"properties":{"desired":{")" + long_text + R"(":{"ip":"192.0.2.1","x":")" + long_text + "\"}}}}");
}

TEST(HostileDocuments, ManySmallOnes) {
  std::string twins = "[";
  for (int i = 0; i < 20'000; ++i) twins += R"({"deviceId":"d)" + std::to_string(i) + R"(","deviceScope":"ms-azure-iot-edge://gw1-638000000000000000"},)";
  twins.back() = ']';
  const Reading reading = read_device_twins(twins, {"gw1", ""});
  EXPECT_EQ(reading.evidence.size(), kMaxEvidence);
  EXPECT_EQ(reading.faults.size(), 1U);
  std::string slaves = R"({"SlaveConfigs":{"a":0)";
  for (int i = 0; i < 20'000; ++i) slaves += ",\"s" + std::to_string(i) + "\":{}";
  expect_bounds(slaves + "}}");
  EXPECT_LE(read_modbus_module(slaves + "}}", {"gw1", "m"}).faults.size(), kMaxFaults);
}

}  // namespace
}  // namespace iris::identity
