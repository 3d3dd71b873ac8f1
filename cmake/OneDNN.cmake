# Finds oneDNN: the one that CMake finds on this machine where it is new enough, else the one in the PyPI packages
# onednn-devel-cpu-gomp and onednn-cpu-gomp of the Python that builds. Defines the target DNNL::dnnl; a shared library is
# copied, stripped, to the path in `onednn_copy`, to be installed beside what was built.

set(minimum_version 3.2)
find_package(dnnl ${minimum_version} CONFIG QUIET)
if(NOT dnnl_FOUND)
  if(NOT Python_EXECUTABLE)
    find_package(Python 3.10 QUIET COMPONENTS Interpreter)
  endif()
  if(Python_EXECUTABLE)
    execute_process(
      COMMAND ${Python_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/locate_onednn.py
      OUTPUT_VARIABLE config_folder OUTPUT_STRIP_TRAILING_WHITESPACE)
  endif()
  if(config_folder)
    find_package(dnnl ${minimum_version} CONFIG QUIET PATHS ${config_folder} NO_DEFAULT_PATH)
  endif()
endif()
if(NOT dnnl_FOUND)
  message(FATAL_ERROR
    "oneDNN ${minimum_version} or newer was not found. Install it with `pip install onednn-devel-cpu-gomp onednn-cpu-gomp`, "
    "point dnnl_DIR to the folder of its dnnl-config.cmake, or build without it: -DPYDL_ONEDNN=OFF")
endif()
message(STATUS "oneDNN ${dnnl_VERSION}: ${dnnl_DIR}")

get_target_property(onednn_type DNNL::dnnl TYPE)
if(onednn_type STREQUAL "SHARED_LIBRARY")
  set(onednn_copy ${CMAKE_CURRENT_BINARY_DIR}/onednn/$<TARGET_SONAME_FILE_NAME:DNNL::dnnl>)
  add_custom_command(
    OUTPUT onednn.stamp
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/onednn
    COMMAND ${CMAKE_STRIP} --strip-unneeded -o ${onednn_copy} $<TARGET_FILE:DNNL::dnnl>
    COMMAND ${CMAKE_COMMAND} -E touch onednn.stamp
    COMMENT "oneDNN: copying the library"
    VERBATIM)
  add_custom_target(pydl_onednn_copy ALL DEPENDS onednn.stamp)
endif()
