# SPDX-License-Identifier: Apache-2.0
# The .deb: cpack reads what the install() rules of all folders lay down.
install(FILES packaging/systemd/irisd.service packaging/systemd/iris-collector.service DESTINATION lib/systemd/system)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME iris)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The Iris authors <iris@example.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "which container of an IoT gateway talks to what, and what of it is wrong")
set(CPACK_PACKAGE_DESCRIPTION "Attributes every socket and every process exit of a gateway to its container,
 by eBPF, and ships flow summaries to a collector. Holds irisd, iris-trace and
 iris-collector.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS init-system-helpers)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${CMAKE_SOURCE_DIR}/packaging/deb/postinst ${CMAKE_SOURCE_DIR}/packaging/deb/prerm
  ${CMAKE_SOURCE_DIR}/packaging/deb/postrm ${CMAKE_SOURCE_DIR}/packaging/deb/conffiles)
include(CPack)
