# What the sources declare, as lists for the preprocessor: an op, a family of ops or of kernels is declared in the file
# of its family and nowhere else.
#
#   op/declared_ops.h                   PYDL_DECLARED_OPS(ROW): `registry.declare(OpId::name, ...` in cpp/src/ops/
#                                       PYDL_OP_FAMILIES(ROW): `void define_name(Registry& registry) {` there
#   backends/<provider>/registrations.h PYDL_REGISTRATIONS(ROW): `void register_name(KernelTable& table) {` there

set(generated_folder ${CMAKE_CURRENT_BINARY_DIR}/generated)

# pydl_write_list(result header macro pattern files...): adds a macro of the names that the pattern finds in files.
function(pydl_write_list result macro pattern)
  set(rows "")
  foreach(file ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} content)
    string(REGEX MATCHALL "${pattern}" declarations "${content}")
    foreach(declaration ${declarations})
      string(REGEX MATCH "${pattern}" found "${declaration}")
      string(APPEND rows " \\\n  ROW(${CMAKE_MATCH_1})")
    endforeach()
  endforeach()
  set(${result} "${${result}}#define ${macro}(ROW)${rows}\n" PARENT_SCOPE)
endfunction()

# A file that has not changed is not compiled again.
function(pydl_write_header path text)
  file(CONFIGURE OUTPUT ${generated_folder}/${path} CONTENT "#pragma once\n\n${text}" @ONLY)
endfunction()

file(GLOB family_files CONFIGURE_DEPENDS ${source_folder}/ops/*.cpp)
set(text "")
pydl_write_list(text PYDL_DECLARED_OPS "registry\\.declare\\([ \n]*OpId::([a-z0-9_]+)," ${family_files})
pydl_write_list(text PYDL_OP_FAMILIES "\nvoid define_([a-z0-9_]+)\\(Registry& registry\\) {" ${family_files})
pydl_write_header(op/declared_ops.h "${text}")

foreach(provider ref cpu onednn)
  file(GLOB_RECURSE kernel_files CONFIGURE_DEPENDS ${source_folder}/backends/${provider}/*.cpp)
  list(FILTER kernel_files EXCLUDE REGEX "/register\\.cpp$")
  set(text "")
  pydl_write_list(text PYDL_REGISTRATIONS "\nvoid register_([a-z0-9_]+)\\((exec::)?KernelTable& table\\) {" ${kernel_files})
  pydl_write_header(backends/${provider}/registrations.h "${text}")
endforeach()
