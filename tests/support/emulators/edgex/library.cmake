# SPDX-License-Identifier: Apache-2.0
# To include() where tests/support as a whole is not built.
include_guard(GLOBAL)
include(${CMAKE_CURRENT_LIST_DIR}/../http/library.cmake)
set(here ${CMAKE_SOURCE_DIR}/tests/support/emulators/edgex)
iris_library(iris_edgex_emulator ${here}/emulator.cpp ${here}/many_devices.cpp ${here}/service.cpp)
target_link_libraries(iris_edgex_emulator PUBLIC iris_emulator_http nlohmann_json::nlohmann_json PRIVATE fmt::fmt)
