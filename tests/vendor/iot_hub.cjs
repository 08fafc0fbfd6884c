// SPDX-License-Identifier: Apache-2.0
// azure-iothub's Registry against iris-iot-hub-emulator: it connects, pages and names errors
// as it does with the real hub. And azure-iot-common vouches for the signatures that the
// product's unit tests expect.
'use strict';
const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { Registry } = require('azure-iothub');
const { SharedAccessSignature } = require('azure-iot-common');
const { redirectTls } = require('./redirect.cjs');

const emulator = JSON.parse(process.env.IRIS_EMULATOR);
const documents = path.join(process.env.IRIS_DIRECTORY, 'documents.json');
const keys = JSON.parse(fs.readFileSync(path.join(__dirname, 'iot_hub_keys.json')));
redirectTls(emulator.host_name, 443, emulator.port);

function registry(policy = 'service', key = keys[policy].key || keys[policy]) {
  return Registry.fromConnectionString(`HostName=${emulator.host_name};SharedAccessKeyName=${policy};SharedAccessKey=${key}`);
}

async function load(content) {
  fs.writeFileSync(documents, JSON.stringify(content));
  const answered = new Promise((resolve) => process.once('message', resolve));
  process.channel.ref();
  process.kill(Number(process.env.IRIS_EMULATOR_PID), 'SIGHUP');
  assert.deepStrictEqual(JSON.parse(await answered), { reloaded: true });
  process.channel.unref();
}

function hub(faults = []) {
  const devices = [...Array(25).keys()].map((i) => ({ deviceId: `device-${String(i).padStart(2, '0')}`, tags: { floor: i % 3 } }));
  devices.push({
    deviceId: 'gw1', connectionState: 'Connected', capabilities: { iotEdge: true }, tags: { site: 'plant-a', note: "it's \"here\"" },
    properties: { desired: { k: 1, $version: 1 }, reported: { $version: 3 } },
  });
  const modules = ['$edgeAgent', '$edgeHub', 'modbus1'].map((moduleId) => ({ deviceId: 'gw1', moduleId }));
  const configurations = [{ id: 'site-a', priority: 10, targetCondition: "tags.site='plant-a'", content: { modulesContent: {} } }];
  return { devices, modules, configurations, faults };
}

/// The error itself: azure-iothub brings classes of its own, so that only names can be compared.
async function rejection(promise, name) {
  const error = await promise.then(() => null, (thrown) => thrown);
  assert.ok(error, `no ${name}`);
  assert.strictEqual(error.name, name);
  return error;
}

async function pages(query) {
  const all = [];
  for (let rounds = 0; query.hasMoreResults; ++rounds) {
    assert.ok(rounds < 100, 'paging does not end');
    all.push((await query.nextAsTwin()).result.map((twin) => twin.deviceId));
  }
  return all;
}

test('a query comes in pages', async () => {
  await load(hub());
  const all = await pages(registry().createQuery('SELECT * FROM devices', 10));
  assert.deepStrictEqual(all.map((page) => page.length), [10, 10, 6]);
  assert.strictEqual(new Set(all.flat()).size, 26);
});

test('an exact multiple ends without an empty page', async () => {
  const all = await pages(registry().createQuery('SELECT * FROM devices WHERE capabilities.iotEdge = false', 5));
  assert.deepStrictEqual(all.map((page) => page.length), [5, 5, 5, 5, 5]);
});

test('an empty page may have a successor', async () => {
  await load(hub([{ method: 'POST', path: '/devices/query', skip: 1, empty_page: true }]));
  const all = await pages(registry().createQuery('SELECT * FROM devices', 20));
  assert.deepStrictEqual(all.map((page) => page.length), [20, 0, 6]);
});

test('a twin may change between two pages', async () => {
  await load(hub([{ path: '/devices/query', change_twin: { device: 'gw1', patch: { tags: { site: 'plant-b' } } } }]));
  const query = registry().createQuery('SELECT * FROM devices', 25);
  await query.nextAsTwin();
  const [twin] = (await query.nextAsTwin()).result;
  assert.strictEqual(twin.tags.site, 'plant-b');
});

test('conditions, qualified names and projections', async () => {
  await load(hub());
  const one = async (text) => (await registry().createQuery(text).next()).result;
  assert.strictEqual((await one("SELECT * FROM devices WHERE devices.tags.note = 'it\\'s \"here\"'"))[0].deviceId, 'gw1');
  assert.strictEqual((await one("SELECT * FROM devices.modules WHERE devices.modules.moduleId IN ['$edgeAgent', '$edgeHub']")).length, 2);
  assert.deepStrictEqual(await one("SELECT deviceId, tags.site AS site FROM devices WHERE is_defined(tags.site)"), [{ deviceId: 'gw1', site: 'plant-a' }]);
  const response = (await registry().createQuery("SELECT COUNT() AS n FROM devices").next());
  assert.deepStrictEqual(response.result, [{ n: 26 }]);
  assert.strictEqual(response.message.headers['x-ms-item-type'], 'Raw');
});

test('a query that cannot be read is an ArgumentError', async () => {
  await rejection(registry().createQuery('SELECT * FROM nowhere').next(), 'ArgumentError');
});

test('single twins', async () => {
  const device = (await registry().getTwin('gw1')).responseBody;
  assert.strictEqual(device.tags.site, 'plant-a');
  assert.strictEqual(device.properties.desired.k, 1);
  const module = (await registry().getModuleTwin('gw1', '$edgeAgent')).responseBody;
  assert.strictEqual(module.moduleId, '$edgeAgent');
});

test('a service policy does not open the registry, registryRead does not open twins', async () => {
  await rejection(registry('service').get('gw1'), 'UnauthorizedError');
  await rejection(registry('registryRead').getTwin('gw1'), 'UnauthorizedError');
  await rejection(registry('device').getTwin('gw1'), 'UnauthorizedError');
  const identity = (await registry('registryRead').get('gw1')).responseBody;
  assert.strictEqual(identity.deviceId, 'gw1');
  assert.ok(identity.authentication.symmetricKey.primaryKey.length > 0);
});

test('the registry: list, modules, statistics', async () => {
  const client = registry('twins+registry/x');
  assert.strictEqual((await client.list()).responseBody.length, 26);
  const modules = (await client.getModulesOnDevice('gw1')).responseBody;
  assert.deepStrictEqual(modules.map((module) => module.moduleId), ['$edgeAgent', '$edgeHub', 'modbus1']);
  assert.strictEqual(modules[2].managedBy, 'IotEdge');
  assert.deepStrictEqual((await client.getRegistryStatistics()).responseBody, { totalDeviceCount: 26, enabledDeviceCount: 26, disabledDeviceCount: 0 });
});

test('configurations', async () => {
  const client = registry('iothubowner');
  const [site] = (await client.getConfigurations()).responseBody;
  assert.strictEqual(site.id, 'site-a');
  assert.strictEqual((await client.getConfiguration('site-a')).responseBody.priority, 10);
});

test('what is missing', async () => {
  await rejection(registry().getTwin('nobody'), 'DeviceNotFoundError');
  await assert.rejects(registry().getModuleTwin('gw1', 'nothing'), { message: 'Not found' });
});

test('wrong key, unknown policy, expired token', async () => {
  await rejection(registry('service', keys.iothubowner).getTwin('gw1'), 'UnauthorizedError');
  await rejection(registry('nosuch', keys.service).getTwin('gw1'), 'UnauthorizedError');
  const token = (expiry, resource = emulator.host_name) => SharedAccessSignature.create(resource, 'service', keys.service, expiry).toString();
  const now = Math.floor(Date.now() / 1000);
  await rejection(Registry.fromSharedAccessSignature(token(now - 10)).getTwin('gw1'), 'UnauthorizedError');
  assert.strictEqual((await Registry.fromSharedAccessSignature(token(now + 60)).getTwin('gw1')).responseBody.deviceId, 'gw1');
});

test('faults have the names that the vendor gives them', async () => {
  const fault = (status, error, more = {}) => ({ method: 'GET', path: '/twins/', answer: { status, error, ...more } });
  const expected = [
    [fault(429, 'ThrottlingException', { retry_after: '2' }), 'ThrottlingError'],
    [fault(429, 'ThrottlingException'), 'ThrottlingError'],
    [fault(500, 'ServerError'), 'InternalServerError'],
    [fault(503, 'ServiceUnavailable'), 'ServiceUnavailableError'],
    [fault(503, '', { body: '<html>busy</html>' }), 'ServiceUnavailableError'],
  ];
  await load(hub(expected.map(([one]) => one)));
  for (const [one, name] of expected) {
    const error = await rejection(registry().getTwin('gw1'), name);
    assert.strictEqual(error.response.headers['retry-after'], one.answer.retry_after);
    assert.strictEqual(error.response.headers['iothub-errorcode'], one.answer.error || undefined);
  }
  assert.strictEqual((await registry().getTwin('gw1')).responseBody.deviceId, 'gw1');
});

test('a cut connection, a slow body', async () => {
  await load(hub(['before_answer', 'in_head', 'in_body'].map((cut) => ({ path: '/twins/', cut }))
    .concat({ path: '/twins/', slow: { piece_bytes: 100, pause_ms: 5 } })));
  await assert.rejects(registry().getTwin('gw1'), { code: 'ECONNRESET' });
  await assert.rejects(registry().getTwin('gw1'));
  await assert.rejects(registry().getTwin('gw1'));
  assert.strictEqual((await registry().getTwin('gw1')).responseBody.deviceId, 'gw1');
});

// sr before encoding, policy, expiry, key, signature as sent: the vectors of the unit tests.
const K1 = 'aXJpcy10ZXN0LWtleS0wMTIzNDU2Nzg5YWJjZGVmMDE=';
const K2 = 'YW5vdGhlci9tYWRlK3VwPWtleX5mb3JfdGVzdHMhISE=';
const vectors = [
  ['iris-hub.azure-devices.net', 'service', 1893456000, K1, 'HivUlwPAZGw2ns9zZPsnsnIWAH0J9ac%2Fp4CEWXfrdAs%3D'],
  ['contoso-edge.azure-devices.net', 'iothubowner', 2000000000, K2, 'yaps%2FvJfhmCMnj3PhEYZMduzm9%2FuABQC2plgnj4plFo%3D'],
  ['localhost', 'registryRead+name/x', 1700003600, K1, 'hO7yC%2FkNHRA7YzU3ZdloZrbvDtUKPiyYp2dKkmRW%2BxA%3D'],
  ['iris-hub.azure-devices.net/devices/gw 01', null, 1893456000, K1, 'DzjrsgkqnU1Iqm88dl2vGiFfHxYcUjd97PxEzktIbYg%3D'],
];
for (const [resource, policy, expiry, key, signature] of vectors) {
  test(`the vendor signs ${resource} as our unit tests say`, () => {
    const encoded = encodeURIComponent(resource);
    const token = SharedAccessSignature.create(encoded, policy && encodeURIComponent(policy), key, expiry).toString();
    const fields = new Map(token.slice('SharedAccessSignature '.length).split('&').map((field) => field.split('=')));
    assert.strictEqual(fields.get('sig'), signature);
    assert.strictEqual(fields.get('sr'), encoded);
    assert.strictEqual(fields.get('se'), String(expiry));
  });
}
