# SPDX-License-Identifier: Apache-2.0
# To include() where tests/support as a whole is not built.
include_guard(GLOBAL)
include(${CMAKE_CURRENT_LIST_DIR}/../http/library.cmake)
set(here ${CMAKE_SOURCE_DIR}/tests/support/emulators/iot_hub)
iris_library(iris_iot_hub_emulator ${here}/answers.cpp ${here}/big_hub.cpp ${here}/continuation.cpp ${here}/documents.cpp
  ${here}/emulator.cpp ${here}/query_match.cpp ${here}/query_parser.cpp ${here}/query_tokens.cpp
  ${here}/resources.cpp ${here}/sas.cpp ${here}/service.cpp ${here}/throttle.cpp)
target_link_libraries(iris_iot_hub_emulator PUBLIC iris_emulator_http nlohmann_json::nlohmann_json
  PRIVATE fmt::fmt OpenSSL::Crypto)
