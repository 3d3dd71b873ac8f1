// Tensors as text, formatted as NumPy and PyTorch do.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "core/tensor_impl.h"
#include "pydl/tensor.h"

namespace pydl {

namespace {

constexpr int64_t summary_threshold = 1000;  // larger tensors are abbreviated
constexpr int64_t edge_items = 3;
constexpr int digits = 4;

// The format of the numbers of one tensor, chosen so that they line up.
class NumberFormat {
 public:
  NumberFormat(DType dtype, const std::vector<Scalar>& values) : dtype_(dtype) {
    if (is_floating(dtype)) choose_style(values);
    for (const Scalar& value : values) width_ = std::max(width_, write(value).size());
  }

  std::string padded(const Scalar& value) const {
    std::string text = write(value);
    return std::string(width_ - std::min(width_, text.size()), ' ') + text;
  }

 private:
  enum class Style { whole, fixed, scientific };

  void choose_style(const std::vector<Scalar>& values) {
    double largest = 0;
    double smallest = INFINITY;
    bool whole = true;
    for (const Scalar& number : values) {
      const double value = number.to_double();
      if (!std::isfinite(value)) continue;
      whole = whole && value == std::nearbyint(value);
      if (value == 0) continue;
      largest = std::max(largest, std::abs(value));
      smallest = std::min(smallest, std::abs(value));
    }
    const bool wide = largest > 1e8 || (largest > 0 && (smallest < 1e-4 || largest / smallest > 1e5));
    style_ = whole && largest <= 1e8 ? Style::whole : wide ? Style::scientific : Style::fixed;
  }

  std::string write(const Scalar& number) const {
    if (dtype_ == DType::boolean) return number.to_int64() != 0 ? "True" : "False";
    if (!is_floating(dtype_)) return std::to_string(number.to_int64());
    const double value = number.to_double();
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
    char text[48];
    if (style_ == Style::whole) {
      std::snprintf(text, sizeof text, "%.0f.", value);
    } else if (style_ == Style::fixed) {
      std::snprintf(text, sizeof text, "%.*f", digits, value);
    } else {
      std::snprintf(text, sizeof text, "%.*e", digits, value);
    }
    return text;
  }

  DType dtype_;
  Style style_ = Style::fixed;
  size_t width_ = 0;
};

Scalar element_at(const Tensor& tensor, int64_t offset) {
  return visit_dtype(tensor.dtype(), [&](auto zero) -> Scalar {
    using Stored = decltype(zero);
    const Stored value = static_cast<const Stored*>(tensor.raw_data())[offset];
    if constexpr (requires { value.to_float(); }) {
      return static_cast<double>(value.to_float());
    } else if constexpr (std::is_floating_point_v<Stored>) {
      return static_cast<double>(value);
    } else {
      return static_cast<int64_t>(value);
    }
  });
}

class Printer {
 public:
  explicit Printer(const Tensor& tensor) : tensor_(tensor), abbreviated_(tensor.size() > summary_threshold) {}

  std::string text(int indent) {
    std::vector<Scalar> shown;
    visit(0, 0, [&](int64_t offset) { shown.push_back(element_at(tensor_, offset)); });
    const NumberFormat format(tensor_.dtype(), shown);
    return block(0, 0, indent, format);
  }

 private:
  bool skips(int axis) const { return abbreviated_ && tensor_.shape()[axis] > 2 * edge_items; }

  template <class Function>
  void visit(int axis, int64_t offset, const Function& function) const {
    if (axis == tensor_.rank()) return function(offset);
    const int64_t size = tensor_.shape()[axis];
    for (int64_t i = 0; i < size; ++i) {
      if (skips(axis) && i == edge_items) i = size - edge_items;
      visit(axis + 1, offset + i * tensor_.strides()[axis], function);
    }
  }

  std::string block(int axis, int64_t offset, int indent, const NumberFormat& format) const {
    if (axis == tensor_.rank()) return format.padded(element_at(tensor_, offset));
    const bool innermost = axis + 1 == tensor_.rank();
    const auto lines = static_cast<size_t>(tensor_.rank() - axis - 1);
    const std::string separator =
        innermost ? ", " : "," + std::string(lines, '\n') + std::string(static_cast<size_t>(indent + axis + 1), ' ');
    const int64_t size = tensor_.shape()[axis];
    std::string text = "[";
    for (int64_t i = 0; i < size; ++i) {
      if (i > 0) text += separator;
      if (skips(axis) && i == edge_items) {
        text += "..." + separator;
        i = size - edge_items;
      }
      text += block(axis + 1, offset + i * tensor_.strides()[axis], indent, format);
    }
    return text + "]";
  }

  const Tensor& tensor_;
  bool abbreviated_;
};

}  // namespace

std::string to_string(const Tensor& tensor) {
  if (!tensor.defined()) return "tensor(undefined)";
  const std::string prefix = "tensor(";
  if (tensor.impl()->is_traced()) {
    return concat_text(prefix, "traced, shape=", tensor.shape(), ", dtype=", tensor.dtype(), ")");
  }
  // A tensor without elements shows only its shape, whose other axes may be huge.
  const bool needs_shape = tensor.size() == 0 && tensor.rank() > 1;
  std::string text = needs_shape ? concat_text(prefix, "[], shape=", tensor.shape())
                                 : prefix + Printer(tensor).text(static_cast<int>(prefix.size()));
  text += concat_text(", dtype=", tensor.dtype());
  if (tensor.requires_grad()) text += ", requires_grad=True";
  return text + ")";
}

}  // namespace pydl
