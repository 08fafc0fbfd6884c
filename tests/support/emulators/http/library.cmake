# SPDX-License-Identifier: Apache-2.0
# To include() where tests/support as a whole is not built.
include_guard(GLOBAL)
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET GLOBAL cpp-httplib)
find_package(OpenSSL REQUIRED GLOBAL)
set(here ${CMAKE_SOURCE_DIR}/tests/support/emulators/http)
iris_library(iris_emulator_http ${here}/connection.cpp ${here}/faults.cpp ${here}/message.cpp ${here}/program.cpp ${here}/server.cpp)
target_include_directories(iris_emulator_http PUBLIC ${CMAKE_SOURCE_DIR}/tests/support)
target_link_libraries(iris_emulator_http PUBLIC iris_base nlohmann_json::nlohmann_json
  PRIVATE PkgConfig::HTTPLIB OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
