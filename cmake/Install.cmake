# What is installed, by component: `cpp` (headers, shared library, CMake package), `static` and `onednn` (its shared
# library, under the name by which ours look for it). The wheel has them below the Python package; `cmake --install` puts
# them where C++ libraries go.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

if(PYDL_WHEEL)
  set(include_destination pydl/include)
  set(library_destination pydl/lib)
  set(onednn_destination pydl)
  set(notices_destination ${SKBUILD_METADATA_DIR}/licenses/onednn)
  set(library_rpath ${PYDL_ORIGIN}/..)
else()
  set(include_destination ${CMAKE_INSTALL_INCLUDEDIR})
  set(library_destination ${CMAKE_INSTALL_LIBDIR})
  set(onednn_destination ${CMAKE_INSTALL_LIBDIR})
  set(notices_destination ${CMAKE_INSTALL_DOCDIR}/onednn)
  set(library_rpath ${PYDL_ORIGIN})
endif()
set(package_destination ${library_destination}/cmake/pydl)

install(DIRECTORY ${include_folder}/pydl DESTINATION ${include_destination} COMPONENT cpp FILES_MATCHING PATTERN "*.h")

if(PYDL_BUILD_SHARED)
  if(PYDL_WHEEL)
    # Wheels have no links: each name of the library would be a copy of it.
    set(namelink NAMELINK_SKIP)
  else()
    set_target_properties(pydl PROPERTIES VERSION ${PROJECT_VERSION})
  endif()
  set_target_properties(pydl PROPERTIES INSTALL_RPATH ${library_rpath})
  install(TARGETS pydl EXPORT pydl-targets
    LIBRARY DESTINATION ${library_destination} COMPONENT cpp ${namelink}
    INCLUDES DESTINATION ${include_destination})
  install(EXPORT pydl-targets NAMESPACE pydl:: DESTINATION ${package_destination} COMPONENT cpp)
endif()
if(PYDL_BUILD_STATIC)
  install(TARGETS pydl_static EXPORT pydl-static-targets
    ARCHIVE DESTINATION ${library_destination} COMPONENT static
    INCLUDES DESTINATION ${include_destination})
  install(EXPORT pydl-static-targets NAMESPACE pydl:: DESTINATION ${package_destination} COMPONENT static)
endif()

set(onednn_library "")
if(onednn_copy)
  set(onednn_library $<TARGET_SONAME_FILE_NAME:DNNL::dnnl>)
  install(PROGRAMS ${onednn_copy} DESTINATION ${onednn_destination} COMPONENT onednn)
  # What the licences of the code in it ask to be passed on; the PyPI package has it here.
  set(onednn_notices ${dnnl_DIR}/../../../share/doc/onednn/THIRD-PARTY-PROGRAMS)
  if(EXISTS ${onednn_notices})
    install(FILES ${onednn_notices} DESTINATION ${notices_destination} COMPONENT onednn)
  endif()
endif()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/pydl-config.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/pydl-config.cmake.in INSTALL_DESTINATION ${package_destination}
  PATH_VARS onednn_destination NO_SET_AND_CHECK_MACRO)
# The name of oneDNN's library is known when the build files are written.
file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/pydl-config.cmake
  INPUT ${CMAKE_CURRENT_BINARY_DIR}/pydl-config.cmake.in)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/pydl-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/pydl-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/pydl-config-version.cmake
  DESTINATION ${package_destination} COMPONENT cpp)
