# SPDX-License-Identifier: Apache-2.0
# The .deb: cpack reads what the install() rules of all folders lay down.
install(FILES packaging/systemd/irisd.service packaging/systemd/iris-collector.service DESTINATION /lib/systemd/system)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME iris)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The Iris authors <iris@example.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "which container of an IoT gateway talks to what")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL iris symbolize)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_STRIP_FILES ON)

set(CPACK_DEBIAN_IRIS_PACKAGE_NAME iris)
set(CPACK_COMPONENT_IRIS_DESCRIPTION "irisd attributes every socket and every process exit of a gateway to its container
and ships flow summaries; iris-trace shows them; iris-collector keeps them.")
set(CPACK_DEBIAN_IRIS_PACKAGE_DEPENDS "init-system-helpers, passwd")
set(CPACK_DEBIAN_IRIS_PACKAGE_RECOMMENDS iris-symbolize)
set(CPACK_DEBIAN_IRIS_PACKAGE_CONTROL_EXTRA
  ${CMAKE_SOURCE_DIR}/packaging/deb/postinst ${CMAKE_SOURCE_DIR}/packaging/deb/prerm
  ${CMAKE_SOURCE_DIR}/packaging/deb/postrm ${CMAKE_SOURCE_DIR}/packaging/deb/conffiles)

# BCC's library brings LLVM, some 150 MB: for who wants names in crash stacks.
set(CPACK_DEBIAN_SYMBOLIZE_PACKAGE_NAME iris-symbolize)
set(CPACK_COMPONENT_SYMBOLIZE_DESCRIPTION "Names the functions in the crash stacks that iris takes.")
include(CPack)
