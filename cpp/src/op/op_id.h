// OpId: the number of each op, under which kernels are registered and calls are cached.
#pragma once

#include <cstdint>

#include "op/declared_ops.h"
#include "op/elementwise_table.h"

namespace pydl::op {

/// Elementwise ops are listed in their table; the others are found in the files of their families
/// (cmake/OpLists.cmake).
enum class OpId : uint16_t {
#define PYDL_ID(kind, name, ...) name,
  PYDL_ELEMENTWISE_TABLE(PYDL_ID)
#undef PYDL_ID
#define PYDL_ID(name) name,
      PYDL_DECLARED_OPS(PYDL_ID)
#undef PYDL_ID
          count
};

/// The name that users see.
const char* op_name(OpId op);

}  // namespace pydl::op
