# Finds oneDNN: the one that CMake finds on this machine where it is new enough, else the one in the PyPI packages
# onednn-devel-cpu-gomp and onednn-cpu-gomp of the Python that builds. Defines the target DNNL::dnnl.

set(minimum_version 3.2)
find_package(dnnl ${minimum_version} CONFIG QUIET)
if(NOT dnnl_FOUND AND Python_EXECUTABLE)
  execute_process(
    COMMAND ${Python_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/locate_onednn.py
    OUTPUT_VARIABLE config_folder OUTPUT_STRIP_TRAILING_WHITESPACE)
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
