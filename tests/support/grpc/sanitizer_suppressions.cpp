// SPDX-License-Identifier: Apache-2.0
// libgrpc is not instrumented: the thread sanitizer does not see how it hands a call
// from one thread to another, and takes gRPC's templates, which are compiled into
// ours, for races; its threads may outlive main(). What is still watched is what no
// gRPC frame is part of: the committer, the uplink's own thread, the tests.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race:grpc::\nrace:grpc_core::\nthread:grpc_core::Thread\n"; }

// Behind its last user gRPC shuts down on a thread of its own, which the end of the
// process may overtake: what it still holds then is no leak of ours.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libgrpc.so\n"; }
