# Fails when an object file that was compiled for a newer processor defines a symbol that the linker may choose for the
# rest of the library too: an inline function compiled for AVX-512 would then run on processors without it.
#
# cmake -DNM=nm -DOBJECTS="a.o;b.o" -P check_portable.cmake

foreach(object ${OBJECTS})
  execute_process(COMMAND ${NM} --demangle --defined-only ${object} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]* [WVu] [^\n]*" shared "${symbols}")
  foreach(symbol ${shared})
    message(SEND_ERROR "${object}: ${symbol}")
  endforeach()
endforeach()
