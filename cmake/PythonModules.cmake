# The extension modules: pydl._core (pybind11) and one module per Cython file below pydl/, installed into the package.

if(NOT pybind11_DIR)
  execute_process(
    COMMAND ${Python_EXECUTABLE} -m pybind11 --cmakedir
    OUTPUT_VARIABLE pybind11_DIR OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
find_package(pybind11 CONFIG REQUIRED)

# pydl_finish_module(target folder): where the module goes, below the package's parent folder.
function(pydl_finish_module target folder)
  set_target_properties(${target} PROPERTIES BUILD_RPATH_USE_ORIGIN ON
    BUILD_RPATH "${PYDL_ORIGIN};${PYDL_ORIGIN}/lib" INSTALL_RPATH "${PYDL_ORIGIN};${PYDL_ORIGIN}/lib")
  # Symbols of a release build are of no use to anybody and take half of the space.
  target_link_options(${target} PRIVATE $<$<CONFIG:Release>:-s>)
  pydl_limit_exports(${target} python_module)
  if(PYDL_WHEEL)
    install(TARGETS ${target} LIBRARY DESTINATION ${folder} COMPONENT python)
  endif()
  if(PYDL_DEV_INPLACE)
    add_custom_command(TARGET ${target} POST_BUILD
      COMMAND ${CMAKE_COMMAND} -E copy_if_different $<TARGET_FILE:${target}> ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/)
  endif()
endfunction()

file(GLOB binding_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/pyext/*.cpp)
if(binding_sources)
  pybind11_add_module(_core MODULE NO_EXTRAS ${binding_sources})
  pydl_set_flags(_core)
  # Bindings are glue: -O1 saves a quarter of their compile time, and costs two percent of the smallest eager call.
  target_compile_options(_core PRIVATE $<$<CONFIG:Release>:-O1>)
  target_include_directories(_core PRIVATE ${source_folder} ${generated_folder})
  if(PYDL_BUILD_SHARED)
    # Programs that are linked with the library, and modules of other projects, share tensors with Python.
    target_link_libraries(_core PRIVATE pydl)
  else()
    target_link_libraries(_core PRIVATE pydl_static)
  endif()
  # pyext/interpreter_exit.cpp says why. Its function has the form that Linux has on all processors but 32-bit ARM.
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^arm")
    target_compile_definitions(_core PRIVATE PYDL_WRAPS_PERSONALITY=1)
    target_link_options(_core PRIVATE LINKER:--wrap=__gxx_personality_v0)
  endif()
  # Whatever a file binds, the part of pybind11 that each of them compiles takes several seconds. So there are few groups,
  # of about a gigabyte of memory each.
  set(binding_folder ${CMAKE_CURRENT_SOURCE_DIR}/pyext)
  pydl_unity_group(_core functions ${binding_folder}
    aliases autograd creation distributions elementwise linalg products random reductions special views)
  pydl_unity_group(_core tensors ${binding_folder}
    array_api conversions dlpack dtype in_place_methods indexing manipulation numpy_functions order rearranging scatter
    scatter_methods statistics tensor_members tensor_object)
  pydl_unity_group(_core layers ${binding_folder}
    attention conv_and_pool distances info lbfgs losses module nn norm optim optimizer_state patches printing resampling tensor_methods vmap)
  pydl_unity_group(_core calls ${binding_folder}
    argument_tree attribute_values benchmarks call_messages checked_function compile declared_ops errors guard
    interpreter_exit interpreter_lock io recurrent saved_program scopes watch)
  pydl_precompile_headers(_core <pybind11/pybind11.h> <pybind11/stl.h> ${binding_folder}/casters.h)
  pydl_finish_module(_core pydl)
endif()

# pydl_add_cython_module(stem options...): a Cython file becomes C++ in the build folder, under the same relative path, and
# a module from it.
function(pydl_add_cython_module stem)
  get_filename_component(folder ${stem} DIRECTORY)
  get_filename_component(module ${stem} NAME)
  string(REPLACE "/" "." qualified_name ${stem})
  string(REPLACE "/" "_" target cython_${stem})
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${stem}.cpp)
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${folder})
  cmake_parse_arguments(PARSE_ARGV 1 cython "" "SOURCE" "OPTIONS")
  add_custom_command(
    OUTPUT ${generated}
    COMMAND ${Python_EXECUTABLE} -m cython -3 --cplus --module-name ${qualified_name} ${cython_OPTIONS} ${cython_SOURCE}
    DEPENDS ${cython_SOURCE}
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
    COMMENT "Cython: ${stem}"
    VERBATIM)
  Python_add_library(${target} MODULE WITH_SOABI ${generated})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${module} LIBRARY_OUTPUT_DIRECTORY ${folder})
  if(PYDL_X86_64)
    target_compile_options(${target} PRIVATE -march=x86-64-v2)
  endif()
  pydl_finish_module(${target} ${folder})
endfunction()

# What Cython's modules share, memoryviews above all, is a module of its own: compiled once, it takes half of the time.
set(shared_utilities ${CMAKE_CURRENT_BINARY_DIR}/pydl/_cython.cpp)
pydl_add_cython_module(pydl/_cython OPTIONS --generate-shared=${shared_utilities})
# It only hands memory over, once per call.
target_compile_options(cython_pydl__cython PRIVATE $<$<CONFIG:Release>:-O1>)
file(GLOB_RECURSE cython_sources RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS
  ${CMAKE_CURRENT_SOURCE_DIR}/pydl/*.pyx)
foreach(source ${cython_sources})
  string(REGEX REPLACE "\\.pyx$" "" stem ${source})
  pydl_add_cython_module(${stem} SOURCE ${source}
    OPTIONS --shared pydl._cython -o ${CMAKE_CURRENT_BINARY_DIR}/${stem}.cpp)
endforeach()

# In the source folder, libraries lie where the wheel has them.
if(PYDL_DEV_INPLACE AND PYDL_BUILD_SHARED)
  add_custom_command(TARGET pydl POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_SOURCE_DIR}/pydl/lib
    COMMAND ${CMAKE_COMMAND} -E copy_if_different $<TARGET_FILE:pydl>
      ${CMAKE_CURRENT_SOURCE_DIR}/pydl/lib/$<TARGET_SONAME_FILE_NAME:pydl>)
endif()
if(PYDL_DEV_INPLACE AND onednn_copy)
  add_custom_command(TARGET pydl_onednn_copy POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E copy_if_different ${onednn_copy} ${CMAKE_CURRENT_SOURCE_DIR}/pydl/)
endif()
