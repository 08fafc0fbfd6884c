// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace iris::test_support {

/// The test program's own getaddrinfo(): "hang.test" is looked up until let_names_go(), ".invalid"
/// does not exist, and no name leaves the host.
void await_hanging_lookup();
void let_names_go();

}  // namespace iris::test_support
