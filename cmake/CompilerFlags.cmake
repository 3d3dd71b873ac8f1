# Compiler flags shared by all targets.

string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" processor)
if(processor MATCHES "^(x86_64|amd64)$")
  set(PYDL_X86_64 ON)
else()
  set(PYDL_X86_64 OFF)
endif()

# The folder of a library, in the paths where it looks for others.
if(APPLE)
  set(PYDL_ORIGIN @loader_path)
else()
  set(PYDL_ORIGIN $ORIGIN)
endif()

# pydl_set_flags(target [instruction set]): warnings, sanitizers, and the processor to compile for. Everything but the
# kernels is compiled for the baseline, so that one binary runs on every x86-64 processor of the last fifteen years.
function(pydl_set_flags target)
  target_compile_options(${target} PRIVATE -Wall -Wextra $<$<BOOL:${PYDL_WERROR}>:-Werror>)
  if(PYDL_SANITIZE)
    string(REPLACE ";" "," sanitizers "${PYDL_SANITIZE}")
    target_compile_options(${target} PRIVATE -fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${sanitizers})
  endif()
  if(PYDL_X86_64)
    set(instruction_set x86-64-v2)
    if(ARGC GREATER 1)
      set(instruction_set ${ARGV1})
    endif()
    target_compile_options(${target} PRIVATE -march=${instruction_set})
  endif()
endfunction()

# pydl_limit_exports(target name): a shared library or module shows, of what is visible, what cmake/exports/<name>.map
# names. Other linkers than those of ELF go by visibility alone.
function(pydl_limit_exports target name)
  if(UNIX AND NOT APPLE)
    set(exports ${PROJECT_SOURCE_DIR}/cmake/exports/${name}.map)
    target_link_options(${target} PRIVATE LINKER:--version-script=${exports})
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${exports})
  endif()
endfunction()
