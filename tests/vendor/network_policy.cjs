// SPDX-License-Identifier: Apache-2.0
// The NetworkPolicies of PROGRAM against the schema of Kubernetes: read by a YAML library, checked by models that were
// generated from Kubernetes' OpenAPI description; names and labels by the rules that its API server adds.
'use strict';
const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const yaml = require('yaml');
const { NetworkPolicy } = require('kubernetes-models/networking.k8s.io/v1/NetworkPolicy');

const kLabel = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;
const kName = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

function members(object, allowed, where) {
  for (const key of Object.keys(object)) assert(allowed.includes(key), `${where}: ${key}`);
}

function checkSelector(selector, where) {
  members(selector, ['matchLabels'], where);
  for (const [key, value] of Object.entries(selector.matchLabels)) {
    assert.match(key.split('/').pop(), kLabel, where);
    assert.match(value, kLabel, where);
  }
}

function checkRules(rules, peers, where) {
  for (const rule of rules) {
    members(rule, [peers, 'ports'], where);
    // An empty list of peers or ports would allow all of them.
    assert(rule[peers].length > 0 && rule.ports.length > 0, where);
    for (const peer of rule[peers]) {
      members(peer, ['ipBlock', 'podSelector', 'namespaceSelector'], where);
      if (peer.podSelector) checkSelector(peer.podSelector, where);
      if (peer.namespaceSelector) checkSelector(peer.namespaceSelector, where);
      if (peer.ipBlock) assert.match(peer.ipBlock.cidr, /^[0-9a-f.:]+\/\d+$/, where);
    }
    for (const port of rule.ports) {
      members(port, ['protocol', 'port', 'endPort'], where);
      assert(['TCP', 'UDP', 'SCTP'].includes(port.protocol), where);
      assert(port.port >= 1 && port.port <= 65535 && (port.endPort ?? 65535) >= port.port, where);
    }
  }
}

function check(document, where) {
  new NetworkPolicy(document).validate();
  members(document, ['apiVersion', 'kind', 'metadata', 'spec'], where);
  members(document.metadata, ['name', 'namespace', 'annotations'], where);
  assert.match(document.metadata.name, kName, where);
  if (document.metadata.namespace !== undefined) assert.match(document.metadata.namespace, kName, where);
  for (const [key, value] of Object.entries(document.metadata.annotations)) {
    assert.match(key, kLabel, where);
    assert.strictEqual(typeof value, 'string', where);
  }
  members(document.spec, ['podSelector', 'policyTypes', 'ingress', 'egress'], where);
  assert.deepStrictEqual(document.spec.policyTypes, ['Ingress', 'Egress'], where);
  checkSelector(document.spec.podSelector, where);
  checkRules(document.spec.ingress, 'from', where);
  checkRules(document.spec.egress, 'to', where);
}

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'iris-policies-'));
try {
  execFileSync(process.argv[2], [directory]);
  const files = fs.readdirSync(directory).filter((name) => name.endsWith('.yaml'));
  assert(files.length >= 10, 'only a few policies');
  for (const name of files) {
    const parsed = yaml.parseAllDocuments(fs.readFileSync(path.join(directory, name), 'utf8'), { strict: true });
    assert.strictEqual(parsed.length, 1, name);
    assert.deepStrictEqual([...parsed[0].errors, ...parsed[0].warnings], [], name);
    check(parsed[0].toJS(), name);
  }
  // What is broken is refused.
  const usual = yaml.parse(fs.readFileSync(path.join(directory, 'usual.yaml'), 'utf8'));
  const broken = (change) => {
    const copy = structuredClone(usual);
    change(copy);
    assert.throws(() => new NetworkPolicy(copy).validate());
  };
  broken((policy) => { policy.kind = 'Policy'; });
  broken((policy) => { policy.spec.policyTypes = 'Ingress'; });
  broken((policy) => { delete policy.spec.egress[0].to[0].ipBlock.cidr; });
  broken((policy) => { policy.spec.egress[0].ports[0].endPort = 'all'; });
  console.log(`${files.length} policies fit`);
} finally {
  fs.rmSync(directory, { recursive: true, force: true });
}
