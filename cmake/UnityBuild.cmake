# Unity builds: related files are compiled as one. Headers are then read once for all of them, and templates compiled
# once; both take half of the time of a full build. The price: names in anonymous namespaces must differ within a group,
# and a change of one file compiles its group anew. Therefore the presets for work on the code compile each file by itself.

# pydl_unity_group(target group folder names...): files of a folder, named without their extension, as one file. What is
# in no group is compiled by itself.
function(pydl_unity_group target group folder)
  list(TRANSFORM ARGN PREPEND ${folder}/)
  list(TRANSFORM ARGN APPEND .cpp)
  get_target_property(known ${target} SOURCES)
  foreach(source ${ARGN})
    if(NOT source IN_LIST known)
      message(FATAL_ERROR "The unity group ${group} names a file that ${target} does not have: ${source}")
    endif()
  endforeach()
  set_property(SOURCE ${ARGN} PROPERTY UNITY_GROUP ${group})
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${PYDL_UNITY_BUILD} UNITY_BUILD_MODE GROUP)
endfunction()

# pydl_unity_folder(target folder names...): all files of a folder but the named ones.
function(pydl_unity_folder target folder)
  get_target_property(known ${target} SOURCES)
  set(names "")
  foreach(source ${known})
    get_filename_component(directory ${source} DIRECTORY)
    get_filename_component(name ${source} NAME_WE)
    if(directory STREQUAL folder AND NOT name IN_LIST ARGN)
      list(APPEND names ${name})
    endif()
  endforeach()
  get_filename_component(group ${folder} NAME)
  pydl_unity_group(${target} ${group} ${folder} ${names})
endfunction()

# pydl_precompile_headers(target headers...): reads headers once for all files of a target. ccache keeps nothing that was
# compiled with them.
function(pydl_precompile_headers target)
  if(NOT CMAKE_CXX_COMPILER_LAUNCHER MATCHES "ccache")
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

# pydl_reuse_headers(target owner): the precompiled headers of another target, which is compiled with the same flags.
function(pydl_reuse_headers target owner)
  if(NOT CMAKE_CXX_COMPILER_LAUNCHER MATCHES "ccache")
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()
