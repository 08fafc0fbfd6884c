// SPDX-License-Identifier: Apache-2.0
// @azure/event-hubs against iris-event-hub-emulator: it connects, lists, reads and names errors
// as it does with the real service. And @azure/core-amqp vouches for the signatures that the
// product's unit tests expect.
'use strict';
const assert = require('node:assert');
const net = require('node:net');
const readline = require('node:readline');
const { test, after } = require('node:test');
const { EventHubConsumerClient, earliestEventPosition, latestEventPosition } = require('@azure/event-hubs');
const { createSasTokenProvider } = require('@azure/core-amqp');

const emulator = JSON.parse(process.env.IRIS_EMULATOR);
const K1 = 'aXJpcy10ZXN0LWtleS0wMTIzNDU2Nzg5YWJjZGVmMDE=';
const K2 = 'YW5vdGhlci9tYWRlK3VwPWtleX5mb3JfdGVzdHMhISE=';

// Commands to the emulator, one JSON line each, answered in order.
const control = net.connect(emulator.socket);
const answers = readline.createInterface({ input: control })[Symbol.asyncIterator]();
async function command(object) {
  control.write(`${JSON.stringify(object)}\n`);
  const answer = JSON.parse((await answers.next()).value);
  assert.ok(!answer.error, answer.error);
  return answer;
}
after(() => control.destroy());

const retryOptions = { maxRetries: 0, retryDelayInMs: 10, timeoutInMs: 10000 };
function connectionString({ tls = true, policy = 'listen', key = K1 } = {}) {
  return `Endpoint=sb://localhost:${tls ? emulator.port : emulator.plain_port}/;SharedAccessKeyName=${policy};` +
    `SharedAccessKey=${key};EntityPath=${emulator.hub}${tls ? '' : ';UseDevelopmentEmulator=true'}`;
}
function client(options = {}, group = '$Default') {
  return new EventHubConsumerClient(group, connectionString(options), { retryOptions });
}

/// Subscribes and gives the first `count` events of each partition in `from` (partition > position).
async function read(consumer, from, count, options = {}) {
  const read = Object.fromEntries(Object.keys(from).map((id) => [id, []]));
  const subscriptions = [];
  try {
    await new Promise((resolve, reject) => {
      for (const [partition, startPosition] of Object.entries(from)) {
        subscriptions.push(consumer.subscribe(partition, {
          processEvents: async (events, context) => {
            read[context.partitionId].push(...events);
            if (Object.values(read).every((events) => events.length >= count)) resolve();
          },
          processError: async (error) => reject(error),
        }, { startPosition, maxWaitTimeInSeconds: 1, ...options }));
      }
    });
  } finally {
    await Promise.all(subscriptions.map((subscription) => subscription.close()));
  }
  return read;
}
const numbers = (events) => events.map((event) => event.sequenceNumber);

const start = Date.now();
let sequences;
test('events go in', async () => {
  sequences = {};
  for (const partition of ['0', '1', '2']) {
    sequences[partition] = [];
    for (let i = 0; i < 5; ++i) {
      sequences[partition].push((await command({ partition, body: { records: [{ i, partition }] }, partition_key: 'k' })).sequence);
    }
  }
  assert.deepStrictEqual(sequences['1'], [0, 1, 2, 3, 4]);
});

for (const tls of [true, false]) {
  const how = tls ? 'TLS' : 'plain, as a development emulator';
  test(`properties (${how})`, async () => {
    const consumer = client({ tls });
    assert.deepStrictEqual(await consumer.getPartitionIds(), ['0', '1', '2']);
    const hub = await consumer.getEventHubProperties();
    assert.strictEqual(hub.name, emulator.hub);
    assert.ok(hub.createdOn instanceof Date && hub.createdOn <= new Date());
    const partition = await consumer.getPartitionProperties('1');
    assert.strictEqual(partition.beginningSequenceNumber, 0);
    assert.strictEqual(partition.lastEnqueuedSequenceNumber, 4);
    assert.match(String(partition.lastEnqueuedOffset), /^\d+$/);
    assert.ok(partition.lastEnqueuedOnUtc.getTime() >= start - 1000);
    await consumer.close();
  });

  test(`several partitions from the earliest (${how})`, async () => {
    const consumer = client({ tls });
    const all = await read(consumer, { 0: earliestEventPosition, 1: earliestEventPosition, 2: earliestEventPosition }, 5);
    for (const [partition, events] of Object.entries(all)) {
      assert.deepStrictEqual(numbers(events), [0, 1, 2, 3, 4]);
      assert.deepStrictEqual(events[3].body, { records: [{ i: 3, partition }] });
      assert.ok(events[3].enqueuedTimeUtc instanceof Date);
      assert.strictEqual(events[3].partitionKey, 'k');
      assert.strictEqual(typeof events[3].offset === 'string' || typeof events[3].offset === 'number', true);
    }
    await consumer.close();
  });
}

test('from an offset, a number, a time; inclusive or not', async () => {
  const consumer = client();
  const { 1: all } = await read(consumer, { 1: earliestEventPosition }, 5);
  const from = async (position) => numbers((await read(consumer, { 1: position }, 1)) ['1']);
  assert.strictEqual((await from({ offset: all[2].offset }))[0], 3);
  assert.strictEqual((await from({ offset: all[2].offset, isInclusive: true }))[0], 2);
  assert.strictEqual((await from({ sequenceNumber: 1 }))[0], 2);
  assert.strictEqual((await from({ sequenceNumber: 1, isInclusive: true }))[0], 1);
  assert.strictEqual((await from({ enqueuedOn: new Date(start - 60000) }))[0], 0);
  await consumer.close();
});

test('only what comes from now on', async () => {
  const consumer = client();
  const before = (await command({ seen: true })).attaches.length;
  const reading = read(consumer, { 0: latestEventPosition }, 1);
  while ((await command({ seen: true })).attaches.length === before) await new Promise((resolve) => setTimeout(resolve, 5));
  const { sequence } = await command({ partition: '0', body: 'new' });
  assert.deepStrictEqual(numbers((await reading)['0']), [sequence]);
  await consumer.close();
});

async function failure(consumer, options) {
  return read(consumer, { 0: earliestEventPosition }, 1, options).then(() => assert.fail('no error'), (error) => error);
}

test('wrong key, no right, no group', async () => {
  for (const [options, group] of [[{ key: K2 }], [{ policy: 'send', key: K2 }], [{ policy: 'nobody' }]]) {
    const consumer = client(options, group);
    assert.strictEqual((await failure(consumer)).code, 'UnauthorizedError');
    await consumer.close();
  }
  const consumer = client({}, 'nogroup');
  assert.strictEqual((await failure(consumer)).code, 'MessagingEntityNotFoundError');
  await consumer.close();
});

test('an owner takes the partition from a reader without', async () => {
  const [passive, owner] = [client(), client()];
  const stolen = new Promise((resolve) => {
    passive.subscribe('2', { processEvents: async () => {}, processError: async (error) => resolve(error) },
      { startPosition: latestEventPosition });
  });
  while ((await command({ seen: true })).attaches.filter((attach) => attach.selector.includes('@latest') && attach.address.endsWith('/2')).length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const subscription = owner.subscribe('2', { processEvents: async () => {}, processError: async () => {} },
    { startPosition: earliestEventPosition, ownerLevel: 3 });
  assert.strictEqual((await stolen).code, 'ReceiverDisconnectedError');
  await subscription.close();
  await Promise.all([passive.close(), owner.close()]);
});

test('faults have the names that the vendor gives them', async () => {
  for (const [condition, code] of [['com.microsoft:server-busy', 'ServerBusyError'], ['amqp:resource-limit-exceeded', 'QuotaExceededError'],
    ['com.microsoft:argument-out-of-range', 'ArgumentOutOfRangeError']]) {
    await command({ refuse: { condition, description: 'made up' }, count: 1, partition: '0' });
    const consumer = client();
    assert.strictEqual((await failure(consumer)).code, code);
    await consumer.close();
  }
});

// Resource, expiry, signature as sent: the vectors of the unit tests.
for (const [resource, signature] of [
  ['sb://iris-ns.servicebus.windows.net/insights-logs', 'X%2FKmx7y4q%2FJAQq5FCzIMUm0oLuZMomsdqjoYpwlUE0s%3D'],
  ['sb://iris-ns.servicebus.windows.net/insights-logs/ConsumerGroups/$Default/Partitions/0', '%2FVpgNclC8yLYjRwwvXGAXY1lzJTYN%2FzJZ9vC%2FzXhd0s%3D'],
]) {
  test(`the vendor signs ${resource} as our unit tests say`, async () => {
    const now = Date.now;
    Date.now = () => (1893456000 - 3600) * 1000;
    try {
      const { token } = await createSasTokenProvider({ sharedAccessKeyName: 'listen', sharedAccessKey: K1 }).getToken(resource);
      const fields = new Map(token.slice('SharedAccessSignature '.length).split('&').map((field) => field.split('=')));
      assert.strictEqual(fields.get('se'), '1893456000');
      assert.strictEqual(fields.get('sig'), signature);
      assert.strictEqual(fields.get('sr'), encodeURIComponent(resource));
    } finally {
      Date.now = now;
    }
  });
}
