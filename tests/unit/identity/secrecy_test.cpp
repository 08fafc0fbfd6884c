// SPDX-License-Identifier: Apache-2.0
// No secret of a document gets into anything that a reader gives away.
#include <gmock/gmock.h>

#include "all_readers.h"
#include "documents.h"
#include "identity/json.h"

namespace iris::identity {
namespace {

const std::string* const kDocuments[] = {&documents::kGatewayTwin,   &documents::kLeafTwin,    &documents::kLoraTwin,       &documents::kModbusTwin, &documents::kModbusAncestor,
                                         &documents::kEdgeAgentTwin, &documents::kEdgeHubTwin, &documents::kPublishedNodes, &documents::kBacnetTwin, &documents::kEdgexV3,
                                         &documents::kEdgexV1,       &documents::kRejectedEvent};

void expect_no_secret(const std::string& document) {
  for (const auto& reader : all_readers::kReaders) {
    for (const std::string& text : texts_of(reader.read(document))) {
      for (const char* secret : documents::kSecrets) {
        if (text.find(secret) != std::string::npos) ADD_FAILURE() << reader.name << " gives away: " << text << "\nof: " << document.substr(0, 3000);
      }
    }
  }
}

TEST(Secrecy, OfTheExamples) {
  for (const std::string* document : kDocuments) expect_no_secret(*document);
}

TEST(Secrecy, OfTheExamplesWhenTheyAreCut) {
  for (const std::string* document : kDocuments) {
    for (std::size_t at = 0; at < document->size(); at += 29) expect_no_secret(document->substr(0, at));
  }
}

/// Secrets in the forms that people write them in.
const std::vector<Json> kForms = {
    "HostName=h.azure-devices.net;DeviceId=d;SharedAccessKey=s3cr3t",
    "Endpoint=sb://ns/;SharedAccessKeyName=n;SharedAccessKey=s3cr3t;EntityPath=e",
    "SharedAccessSignature sr=h&sig=s3cr3t&se=1",
    "aXJpcy10ZXN0LWtleS0wMTIzNDU2Nzg5YWJjZGVmMDE=",
    "http://anna:s3cr3t@192.0.2.1:80/x",
    "opc.tcp://s3cr3t@plc.site:4840",
    "http://anna:s3/cr3t-s3cr3t@192.0.2.1/",
    "-----BEGIN PRIVATE KEY-----\ns3cr3t\n-----END PRIVATE KEY-----",
    "https://store.example/c?sv=2020&sig=s3cr3t",
    "Bearer s3cr3ts3cr3t",
    "PASSWORD=s3cr3t",
    R"({"password":"s3cr3t","host":"192.0.2.1"})",
    R"({"password":"s3cr3t)",
    R"("{\"password\":\"s3cr3t\"}")",
    Json{{"password", "s3cr3t"}, {"ip", "192.0.2.1"}},
    Json{{"ip", "192.0.2.1"}, {"auth", {{"any", "s3cr3t"}}}},
    Json::array({"--password", "s3cr3t", "--host", "192.0.2.1"}),
    Json::array({"-p", "s3cr3t"}),
    Json::array({"TOKEN=s3cr3t"}),
    Json{{"name", "DB_PASSWORD"}, {"value", "s3cr3t"}},
    Json{{"AppKey", "s3cr3t"}, {"primaryKey", "s3cr3t"}, {"ip", "192.0.2.2"}},
    Json{{"SharedAccessKey=s3cr3t", 1}},
};

/// Each value of each document in turn becomes a secret.
/// turn: not each form in each place, but every form in every sixth place, which is quick and finds as much.
void replace_each(Json& root, Json& at, std::size_t& turn) {
  for (auto item = at.begin(); item != at.end(); ++item) {
    // IoT Hub allows ids like "PASSWORD=x", and an id has to stay what it is.
    if (at.is_object() && (item.key() == "deviceId" || item.key() == "moduleId")) continue;
    Json& value = *item;
    const Json kept = value;
    ++turn;
    for (std::size_t i = turn % 6; i < kForms.size(); i += 6) {
      const Json& form = kForms[i];
      value = form;
      expect_no_secret(root.dump());
      if (form.is_structured()) {
        value = form.dump();
        expect_no_secret(root.dump());
      }
    }
    value = kept;
    if (value.is_structured()) replace_each(root, value, turn);
  }
}

TEST(Secrecy, WhereverASecretIsPut) {
  for (const std::string* document : kDocuments) {
    Json root = *parse_json(*document, {.comments = true});
    std::size_t turn = 0;
    replace_each(root, root, turn);
  }
}

}  // namespace
}  // namespace iris::identity
