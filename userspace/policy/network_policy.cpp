// SPDX-License-Identifier: Apache-2.0
// networking.k8s.io/v1 NetworkPolicy, in the subset of YAML that is JSON with indentation: every
// foreign text stands in double quotes.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "policy/formats.h"
#include "policy/text.h"

namespace iris::policy {
namespace {

using Whom = Grant::Whom;

/// plain() has no quotes, no backslashes and no control characters left.
std::string quoted(std::string_view text) { return '"' + plain(text) + '"'; }

std::string protocol_text(std::uint8_t protocol) { return protocol == 6 ? "TCP" : protocol == 17 ? "UDP" : "SCTP"; }

const std::string* label_of(const Place& place, const char* key) {
  const auto found = place.labels.find(key);
  return found != place.labels.end() && !found->second.empty() ? &found->second : nullptr;
}

class Writer {
 public:
  Writer(const Policy& policy, const Grants& grants) : policy_(policy), grants_(grants) {}

  std::string write(std::vector<std::string>& notes) {
    const auto [key, value] = selector(notes);
    std::string space;
    for (const auto& place : policy_.places)
      if (const auto* found = label_of(place, "io.kubernetes.pod.namespace"); found != nullptr && space.empty()) space = *found;
    if (std::any_of(policy_.places.begin(), policy_.places.end(), [](const Place& p) { return p.host_network; }))
      notes.emplace_back("pods with hostNetwork are not filtered by a NetworkPolicy");
    notes.emplace_back("traffic with the pod's own node is always allowed; it needs a network plugin that enforces policies");
    for (const auto& note : notes) out_ += "# note: " + line_of(note) + "\n";
    out_ += "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n";
    line(1, "name: " + quoted("iris-" + slug(policy_.name, 48)));
    if (!space.empty()) line(1, "namespace: " + quoted(slug(space, 63)));
    write_annotations();
    out_ += "spec:\n";
    line(1, "podSelector:");
    line(2, "matchLabels:");
    line(3, quoted(key) + ": " + quoted(value));
    line(1, "policyTypes: [\"Ingress\", \"Egress\"]");
    write_rules("ingress", "from", flow::Role::responder);
    write_rules("egress", "to", flow::Role::originator);
    return std::move(out_);
  }

 private:
  void line(std::size_t depth, std::string_view text) {
    out_.append(depth * 2, ' ');
    out_ += text;
    out_ += '\n';
  }
  static std::string line_of(std::string_view text) {
    std::string clean(text);
    std::replace_if(clean.begin(), clean.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return clean;
  }

  std::pair<std::string, std::string> selector(std::vector<std::string>& notes) const {
    for (const char* key : {"app.kubernetes.io/name", "app"})
      for (const auto& place : policy_.places)
        if (const auto* value = label_of(place, key)) return {key, label_value(*value)};
    // IoT Edge on Kubernetes marks its pods so.
    for (const auto& place : policy_.places)
      if (!place.module_id.empty()) {
        notes.emplace_back("chosen by IoT Edge's label of modules, which was not seen on it: compare with the pods");
        return {"net.azure-devices.edge.module", label_value(place.module_id)};
      }
    notes.emplace_back("chosen by the label app, which was not seen on it: compare with the pods");
    return {"app", label_value(policy_.name)};
  }

  void write_annotations() {
    line(1, "annotations:");
    line(2, quoted("iris-profile") + ": " + quoted(policy_.key));
    std::string names;
    for (const auto& rule : policy_.rules) {
      for (const auto& name : rule.names) {
        constexpr std::size_t kLongest = 4096;
        if (names.size() + name.size() > kLongest) break;
        names += fmt::format("{}{} {}", names.empty() ? "" : ", ", name, service_text(rule.protocol, rule.port));
      }
    }
    // plain() cuts at its own length, and host_name() left nothing here that needs it.
    if (!names.empty()) line(2, quoted("iris-dns-names") + ": \"" + names + '"');
  }

  void write_rules(const char* member, const char* peers, flow::Role role) {
    const bool any = std::any_of(grants_.grants.begin(), grants_.grants.end(), [&](const Grant& g) { return g.role == role; });
    if (!any) return line(1, fmt::format("{}: []", member));
    line(1, fmt::format("{}:", member));
    for (const auto& grant : grants_.grants) {
      if (grant.role != role) continue;
      line(2, "# " + line_of(fmt::format("{} ({})", plain(grant.label), profile::to_string(grant.kind))));
      line(2, fmt::format("- {}:", peers));
      write_peers(grant);
      line(3, "ports:");
      std::string port = fmt::format("- {{\"protocol\": \"{}\", \"port\": {}", protocol_text(grant.protocol), grant.first_port);
      if (grant.last_port != grant.first_port) port += fmt::format(", \"endPort\": {}", grant.last_port);
      line(3, port + "}");
    }
  }

  void write_peers(const Grant& grant) {
    switch (grant.whom) {
      case Whom::cluster_dns:
        return line(3, "- {\"namespaceSelector\": {\"matchLabels\": {\"kubernetes.io/metadata.name\": \"kube-system\"}}}");
      case Whom::pods: {
        std::string peer = fmt::format("- {{\"podSelector\": {{\"matchLabels\": {{\"app\": {}}}}}", quoted(grant.names.front()));
        if (!grant.pod_namespace.empty())
          peer += fmt::format(", \"namespaceSelector\": {{\"matchLabels\": {{\"kubernetes.io/metadata.name\": {}}}}}",
                              quoted(grant.pod_namespace));
        return line(3, peer + "}");
      }
      default:
        for (const auto& network : grant.networks)
          line(3, fmt::format("- {{\"ipBlock\": {{\"cidr\": {}}}}}", quoted(network.to_cidr())));
    }
  }

  const Policy& policy_;
  const Grants& grants_;
  std::string out_;
};

}  // namespace

base::Result<Document> write_network_policy(const Policy& policy) {
  if (policy.device) return base::fail("a device is no pod: a NetworkPolicy cannot be made for it", base::Error::Kind::usage);
  for (const auto& place : policy.places)
    if (place.kind != flow::OwnerKind::container)
      return base::fail("a service or host is no pod: a NetworkPolicy cannot be made for it", base::Error::Kind::usage);
  auto grants = grants_of(policy, Format::network_policy);
  Document document;
  document.notes = grants.notes;
  document.text = Writer(policy, grants).write(document.notes);
  return document;
}

}  // namespace iris::policy
