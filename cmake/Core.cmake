# Everything in C++ but the bindings: compiled once, and linked as pydl::pydl (shared), pydl::pydl_static, and pydl_core,
# the static library with the inner headers, for tests.

include(CheckCXXSourceCompiles)

set(source_folder ${PROJECT_SOURCE_DIR}/cpp/src)
set(include_folder ${PROJECT_SOURCE_DIR}/cpp/include)
include(OpLists)

# pydl_add_objects(target sources...): an object library that goes into all of these.
function(pydl_add_objects target)
  add_library(${target} OBJECT ${ARGN})
  target_include_directories(${target} PRIVATE ${include_folder} ${source_folder} ${generated_folder})
  target_link_libraries(${target} PRIVATE OpenMP::OpenMP_CXX)
  # A section per function: programs leave out what they do not call. Without semantic interposition, public functions
  # are called and inlined directly within the library.
  target_compile_options(${target} PRIVATE -ffunction-sections -fdata-sections -fno-semantic-interposition)
  set(pydl_objects ${pydl_objects} $<TARGET_OBJECTS:${target}> PARENT_SCOPE)
endfunction()

file(GLOB_RECURSE core_sources CONFIGURE_DEPENDS ${source_folder}/*.cpp)
list(FILTER core_sources EXCLUDE REGEX "/backends/cpu/([a-z]+/)?(kernels|amx)/")
list(FILTER core_sources EXCLUDE REGEX "/backends/onednn/")
macro(pydl_add_core_objects target)
  pydl_add_objects(${target} ${ARGN})
  pydl_set_flags(${target})
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O2>)
  target_compile_definitions(${target} PRIVATE PYDL_FOR_MODULE=$<BOOL:${PYDL_BUILD_PYTHON}>)
endmacro()
pydl_add_core_objects(pydl_core_objects ${core_sources})
set_source_files_properties(${source_folder}/core/version.cpp
  PROPERTIES COMPILE_DEFINITIONS PYDL_VERSION="${PROJECT_VERSION}")
# Loops over rows of matrices, over keys, over weights, and over vectors of all parameters.
file(GLOB linalg_sources CONFIGURE_DEPENDS ${source_folder}/backends/cpu/linalg/*.cpp)
set(row_sources ${source_folder}/backends/cpu/index/sort.cpp ${source_folder}/backends/cpu/index/sort_values.cpp
  ${source_folder}/backends/cpu/random/choices.cpp ${source_folder}/optim/flat_vector.cpp)
set_source_files_properties(${linalg_sources} ${row_sources}
  PROPERTIES COMPILE_OPTIONS $<$<CONFIG:Release>:-O3>)

# What depends on oneDNN is a target of its own and a line in a header, so that the other files need not be compiled
# again where a build folder turns it on or off.
if(PYDL_ONEDNN)
  file(GLOB_RECURSE onednn_sources CONFIGURE_DEPENDS ${source_folder}/backends/onednn/*.cpp)
  pydl_add_core_objects(pydl_onednn_objects ${onednn_sources})
  target_link_libraries(pydl_onednn_objects PRIVATE DNNL::dnnl)
  pydl_unity_folder(pydl_onednn_objects ${source_folder}/backends/onednn product)
  pydl_write_header(with_onednn.h "#define PYDL_WITH_ONEDNN 1\n")
else()
  pydl_write_header(with_onednn.h "#define PYDL_WITH_ONEDNN 0\n")
endif()

# The files that are left out define names that another file of their folder also has.
foreach(folder autograd compiler core exec graph graph/passes io nn op optim runtime training backends/ref)
  pydl_unity_folder(pydl_core_objects ${source_folder}/${folder})
endforeach()
pydl_unity_folder(pydl_core_objects ${source_folder}/saved saved_program)
pydl_unity_group(pydl_core_objects ops_elementwise ${source_folder}/ops
  autocast comparisons create ctc elementwise elementwise_derivatives loss matmul random registry softmax update
  view)
pydl_unity_group(pydl_core_objects ops_sums ${source_folder}/ops
  index norm recurrent recurrent_composed reduce scaled_norm segment)
pydl_unity_group(pydl_core_objects ops_statistics ${source_folder}/ops
  differences histogram order quantile search statistics unique)
pydl_unity_group(pydl_core_objects ops_shapes ${source_folder}/ops
  joining like manipulation splitting triangles window)
pydl_unity_group(pydl_core_objects ops_scatter ${source_folder}/ops
  index_key indexing masks scatter scatter_functions scatter_reduce)
pydl_unity_group(pydl_core_objects ops_linalg ${source_folder}/ops
  contraction einsum linalg linalg_derivatives linalg_functions linalg_products matrix_exp)
pydl_unity_group(pydl_core_objects ops_sequences ${source_folder}/ops bessel cumulative distributions sort special)
pydl_unity_group(pydl_core_objects ops_spatial ${source_folder}/ops conv pool resample spatial)
pydl_unity_group(pydl_core_objects cpu_tiles ${source_folder}/backends/cpu
  loop_nest tiles/elementwise tiles/elementwise_kernel tiles/fused tiles/tile_grid tiles/tile_program
  tiles/tile_reductions view/copy_plan view/create view/view)
pydl_unity_folder(pydl_core_objects ${source_folder}/backends/cpu/conv)
pydl_unity_group(pydl_core_objects cpu_index ${source_folder}/backends/cpu
  index/indexing index/masks index/scatter index/search random/choices random/variates)
pydl_unity_group(pydl_core_objects cpu_others ${source_folder}/backends/cpu
  adapter gemm/bf16x3_kernels gemm/sequence_product index/index kernel_set loss/ctc loss/softmax peak pool/resample
  random/random reduce/accumulators reduce/reduce register)
if(PYDL_UNITY_BUILD)
  # Builds of single files do without it, and so find what a file forgets to include.
  pydl_precompile_headers(pydl_core_objects
    <algorithm> <functional> <sstream> <string> <vector> ${include_folder}/pydl/ops.h ${source_folder}/exec/kernel.h)
  # Their flags are others.
  set_source_files_properties(${linalg_sources} ${row_sources}
    PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
endif()

# The kernels of the `cpu` provider: one source, built once per instruction set and chosen at run time.
file(GLOB kernel_sources CONFIGURE_DEPENDS
  ${source_folder}/backends/cpu/kernels/*.cpp ${source_folder}/backends/cpu/*/kernels/*.cpp)

macro(pydl_add_kernels name sources)
  pydl_add_objects(pydl_kernels_${name} ${sources})
  pydl_set_flags(pydl_kernels_${name} ${ARGN})
  target_compile_definitions(pydl_kernels_${name} PRIVATE PYDL_ISA_NAMESPACE=${name})
  target_compile_options(pydl_kernels_${name} PRIVATE
    $<$<CONFIG:Release>:-O3> -fno-math-errno -fno-trapping-math -fwrapv)
endmacro()

# Those whose machine code is the same alone and in this group. The larger ones are inlined otherwise beside others; those
# of random numbers turn fused multiply-adds off for what follows in their file.
macro(pydl_group_kernels name)
  pydl_unity_group(pydl_kernels_${name} kernels ${source_folder}/backends/cpu
    conv/kernels/planar_conv kernels/fill loss/kernels/softmax pool/kernels/resample reduce/kernels/reduce
    tiles/kernels/cast update/kernels/update view/kernels/view)
endmacro()

pydl_add_kernels(baseline "${kernel_sources}")
pydl_group_kernels(baseline)
if(PYDL_X86_64)
  # Under sanitizers, processors of v3 run the baseline: the source is the same, and a third copy would only take time. All
  # that v3 has of its own are the sizes of vectors and tiles, and a streaming store of 256 bits.
  if(NOT PYDL_SANITIZE)
    pydl_add_kernels(v3 "${kernel_sources}" x86-64-v3)
    pydl_group_kernels(v3)
    target_compile_definitions(pydl_core_objects PRIVATE PYDL_CPU_HAS_V3=1)
  endif()
  pydl_add_kernels(v4 "${kernel_sources}" x86-64-v4)
  pydl_group_kernels(v4)
  target_compile_options(pydl_kernels_v4 PRIVATE -mprefer-vector-width=512)
  target_compile_definitions(pydl_core_objects PRIVATE PYDL_CPU_HAS_V4=1)

  # What only processors with AMX run, where the compiler knows these instructions.
  set(amx_flags -mavx512bf16 -mamx-tile -mamx-bf16)
  string(REPLACE ";" " " CMAKE_REQUIRED_FLAGS "${amx_flags}")
  check_cxx_source_compiles(
    "#include <immintrin.h>\nint main() { _tile_zero(0); _tile_dpbf16ps(0, 1, 2); }" PYDL_COMPILER_HAS_AMX)
  unset(CMAKE_REQUIRED_FLAGS)
  if(PYDL_COMPILER_HAS_AMX)
    file(GLOB amx_sources CONFIGURE_DEPENDS ${source_folder}/backends/cpu/*/amx/*.cpp)
    pydl_add_kernels(amx "${amx_sources}" x86-64-v4)
    target_compile_options(pydl_kernels_amx PRIVATE -mprefer-vector-width=512 ${amx_flags})
    target_compile_definitions(pydl_core_objects PRIVATE PYDL_CPU_HAS_AMX=1)
  endif()
endif()

# pydl_add_library(target type [EXCLUDE_FROM_ALL]): a library of all objects, for other projects.
function(pydl_add_library target type)
  add_library(${target} ${type} ${ARGN} ${pydl_objects})
  add_library(pydl::${target} ALIAS ${target})
  pydl_set_flags(${target})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX OUTPUT_NAME pydl)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${include_folder}>)
  target_link_libraries(${target} PRIVATE OpenMP::OpenMP_CXX)
  if(PYDL_ONEDNN AND onednn_copy AND type STREQUAL "SHARED")
    # As a file: as a target, projects that use the library would have to find it.
    target_link_libraries(${target} PRIVATE $<TARGET_LINKER_FILE:DNNL::dnnl>)
  elseif(PYDL_ONEDNN)
    target_link_libraries(${target} PRIVATE DNNL::dnnl)
  endif()
endfunction()

if(PYDL_BUILD_SHARED)
  pydl_add_library(pydl SHARED)
  set_target_properties(pydl PROPERTIES SOVERSION ${PROJECT_VERSION_MAJOR} BUILD_RPATH_USE_ORIGIN ON)
  # Symbols of a release build are of no use to anybody.
  target_link_options(pydl PRIVATE $<$<CONFIG:Release>:-s>)
  pydl_limit_exports(pydl pydl)
endif()

# Tests are linked with it, even where it is not asked for.
if(PYDL_BUILD_STATIC)
  pydl_add_library(pydl_static STATIC)
else()
  pydl_add_library(pydl_static STATIC EXCLUDE_FROM_ALL)
endif()
if(APPLE)
  target_link_options(pydl_static INTERFACE LINKER:-dead_strip)
else()
  target_link_options(pydl_static INTERFACE LINKER:--gc-sections)
endif()

add_library(pydl_core INTERFACE)
target_link_libraries(pydl_core INTERFACE pydl_static)
target_include_directories(pydl_core INTERFACE ${source_folder} ${generated_folder})
