# pydl_core: everything in C++ but the bindings, as a static library.

set(source_folder ${CMAKE_CURRENT_SOURCE_DIR}/cpp/src)
file(GLOB_RECURSE core_sources CONFIGURE_DEPENDS ${source_folder}/*.cpp)
list(FILTER core_sources EXCLUDE REGEX "/backends/cpu/kernels/")
if(NOT PYDL_ONEDNN)
  list(FILTER core_sources EXCLUDE REGEX "/backends/onednn/")
endif()

add_library(pydl_core STATIC ${core_sources})
pydl_set_flags(pydl_core)
target_include_directories(pydl_core PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/cpp/include ${source_folder})
target_compile_definitions(pydl_core PUBLIC PYDL_WITH_ONEDNN=$<BOOL:${PYDL_ONEDNN}>)
set_source_files_properties(${source_folder}/core/version.cpp
  PROPERTIES COMPILE_DEFINITIONS PYDL_VERSION="${PROJECT_VERSION}")
# Without semantic interposition, public functions are called and inlined directly within the library.
target_compile_options(pydl_core PRIVATE $<$<CONFIG:Release>:-O2> -fno-semantic-interposition)
target_link_libraries(pydl_core PUBLIC OpenMP::OpenMP_CXX)
if(PYDL_ONEDNN)
  target_link_libraries(pydl_core PRIVATE DNNL::dnnl)
endif()

# The kernels of the `cpu` provider: one source, built once per instruction set and chosen at run time.
file(GLOB kernel_sources CONFIGURE_DEPENDS ${source_folder}/backends/cpu/kernels/*.cpp)

function(pydl_add_kernels name)
  set(target pydl_kernels_${name})
  add_library(${target} OBJECT ${kernel_sources})
  pydl_set_flags(${target} ${ARGN})
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/cpp/include ${source_folder})
  target_compile_definitions(${target} PRIVATE PYDL_ISA_NAMESPACE=${name})
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O3> -fno-math-errno -fno-trapping-math -fwrapv)
  target_link_libraries(${target} PRIVATE OpenMP::OpenMP_CXX)
  target_sources(pydl_core PRIVATE $<TARGET_OBJECTS:${target}>)
endfunction()

if(kernel_sources)
  pydl_add_kernels(baseline)
  if(PYDL_X86_64)
    pydl_add_kernels(v3 x86-64-v3)
    pydl_add_kernels(v4 x86-64-v4)
    target_compile_options(pydl_kernels_v4 PRIVATE -mprefer-vector-width=512)
    target_compile_definitions(pydl_core PRIVATE PYDL_CPU_HAS_V3_V4=1)
  endif()
endif()
