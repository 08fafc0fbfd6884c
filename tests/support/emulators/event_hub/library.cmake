# SPDX-License-Identifier: Apache-2.0
# Azure Event Hubs, as its readers see it. With Proton's C library: its SASL can be replaced
# by one that offers what the service offers.
# To include() where tests/support as a whole is not built.
include_guard(GLOBAL)
find_package(OpenSSL REQUIRED GLOBAL)
set(here ${CMAKE_SOURCE_DIR}/tests/support/emulators/event_hub)
iris_library(iris_event_hub_emulator ${here}/connection.cpp ${here}/emulator.cpp ${here}/loop.cpp ${here}/sas.cpp
  ${here}/sasl.cpp ${here}/store.cpp ${here}/wire.cpp)
target_include_directories(iris_event_hub_emulator PUBLIC ${CMAKE_SOURCE_DIR}/tests/support)
target_link_libraries(iris_event_hub_emulator PUBLIC iris_proton OpenSSL::Crypto Threads::Threads)
