// How `to_string` writes tensors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pydl/export.h"
#include "pydl/tensor.h"

namespace pydl {

struct PrintOptions {
  int precision = 4;                    ///< digits after the point, 0 to 30
  int64_t threshold = 1000;             ///< tensors of more elements are abbreviated
  int64_t edge_items = 3;               ///< how many elements an abbreviated axis shows at each end
  int64_t line_width = 80;              ///< characters after which a row is continued on a new line
  std::optional<bool> scientific = {};  ///< whether floats have exponents; by default where they differ much
};

/// The options of this process. Throws `ValueError` for negative ones.
PYDL_API PrintOptions print_options();
PYDL_API void set_print_options(const PrintOptions& options);

/// The elements as text, written with other options than those of the process.
PYDL_API std::string to_string(const Tensor& tensor, const PrintOptions& options);

/// Sets the options of the process for a scope.
class PYDL_API PrintScope {
 public:
  explicit PrintScope(const PrintOptions& options);
  ~PrintScope();
  PrintScope(const PrintScope&) = delete;
  PrintScope& operator=(const PrintScope&) = delete;

 private:
  PrintOptions before_;
};

}  // namespace pydl
