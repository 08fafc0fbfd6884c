// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

/// What iris-actor can do. Each returns its exit code, and throws
/// std::runtime_error when the system refuses.
namespace iris::actor {

/// Listens on `at` and forks `children`; the parent never accepts, each child
/// takes one connection, reads it to its end and exits.
int fork_and_accept(const std::string& at, int children);

/// Hands a TCP socket to whoever listens on the unix socket `path`
/// (SCM_RIGHTS); connected to `to` before, unless that is empty. Waits until
/// the receiver has taken it, so that a shared socket is never the last word.
int give_socket(const std::string& path, const std::string& to);

/// Takes one socket at `path`, connects it to `to` unless that is empty, sends
/// `bytes`, and closes it.
int take_socket(const std::string& path, const std::string& to, int bytes);

/// Connects to `to`, sends one byte, stays for `milliseconds`.
int connect_and_hold(const std::string& to, int milliseconds);

/// Sleeps until SIGTERM, and then ends with 0, as a well-behaved service.
int wait_for_sigterm();

/// Dies by a store to address 8, three known functions deep.
int die_by_segv();
/// Dies by abort(), as many functions deep.
int die_by_abort();
/// Touches memory until somebody puts an end to it.
int eat_memory();

}  // namespace iris::actor
