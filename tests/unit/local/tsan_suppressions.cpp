// SPDX-License-Identifier: Apache-2.0
// gRPC's library is not instrumented: what its headers put into our binary is
// ordered by locks that the thread sanitizer cannot see. Our own code stays judged
// where no callback of gRPC's calls it. Its threads may outlive main().
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:grpc::internal::CallOpSet\nrace:grpc::internal::Callback\nthread:grpc_core::Thread\n";
}
