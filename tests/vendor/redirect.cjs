// SPDX-License-Identifier: Apache-2.0
// Lets a vendor's client, unchanged, find an emulator: connections to one host and port go
// to 127.0.0.1 instead. All above the socket stays: the host's name in TLS, in headers, in
// tokens. Any other connection is refused, since a test has nothing to seek elsewhere.
'use strict';
const tls = require('node:tls');

exports.redirectTls = function redirectTls(host, port, toPort) {
  const connect = tls.connect;
  tls.connect = function redirected(options, ...rest) {
    if (options.host !== host || Number(options.port) !== port) {
      throw new Error(`a connection to ${options.host}:${options.port}, which is not the emulator`);
    }
    return connect.call(tls, { ...options, host: '127.0.0.1', port: toPort, servername: options.servername || host }, ...rest);
  };
};
