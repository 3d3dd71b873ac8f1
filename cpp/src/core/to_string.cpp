// Tensors as text, formatted as NumPy and PyTorch do.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <mutex>
#include <string>
#include <vector>

#include "core/tensor_impl.h"
#include "pydl/printing.h"

namespace pydl {

namespace {

// The format of the numbers of one tensor, chosen so that they line up.
class NumberFormat {
 public:
  NumberFormat(DType dtype, const std::vector<Scalar>& values, const PrintOptions& options)
      : dtype_(dtype), digits_(options.precision) {
    if (is_floating(dtype)) choose_style(values, options.scientific);
    for (const Scalar& value : values) width_ = std::max(width_, write(value).size());
  }

  size_t width() const { return width_; }
  std::string padded(const Scalar& value) const {
    std::string text = write(value);
    return std::string(width_ - std::min(width_, text.size()), ' ') + text;
  }

 private:
  enum class Style { whole, fixed, scientific };

  void choose_style(const std::vector<Scalar>& values, std::optional<bool> scientific) {
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
    whole = whole && (largest <= 1e8 || scientific.has_value());
    style_ = scientific.value_or(wide && !whole) ? Style::scientific : whole ? Style::whole : Style::fixed;
  }

  std::string write(const Scalar& number) const {
    if (dtype_ == DType::boolean) return number.to_int64() != 0 ? "True" : "False";
    if (!is_floating(dtype_)) return std::to_string(number.to_int64());
    const double value = number.to_double();
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
    char text[384];  // the largest double has 309 digits before the point
    if (style_ == Style::whole) {
      std::snprintf(text, sizeof text, "%.0f.", value);
    } else if (style_ == Style::fixed) {
      std::snprintf(text, sizeof text, "%.*f", digits_, value);
    } else {
      std::snprintf(text, sizeof text, "%.*e", digits_, value);
    }
    return text;
  }

  DType dtype_;
  int digits_;
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
  Printer(const Tensor& tensor, const PrintOptions& options)
      : tensor_(tensor), options_(options), abbreviated_(tensor.size() > options.threshold) {}

  std::string text(int indent) {
    std::vector<Scalar> shown;
    visit(0, 0, [&](int64_t offset) { shown.push_back(element_at(tensor_, offset)); });
    const NumberFormat format(tensor_.dtype(), shown, options_);
    return block(0, 0, indent, format);
  }

 private:
  bool skips(int axis) const { return abbreviated_ && tensor_.shape()[axis] > 2 * options_.edge_items; }

  // Calls `function(i)` for the positions along an axis that are shown, and `gap()` in place of the others.
  template <class Function, class Gap>
  void walk(int axis, const Function& function, const Gap& gap) const {
    const int64_t size = tensor_.shape()[axis];
    for (int64_t i = 0; i < size; ++i) {
      if (skips(axis) && i == options_.edge_items) {
        gap();
        i = size - options_.edge_items;
        if (i == size) return;
      }
      function(i);
    }
  }

  template <class Function>
  void visit(int axis, int64_t offset, const Function& function) const {
    if (axis == tensor_.rank()) return function(offset);
    const int64_t stride = tensor_.strides()[axis];
    walk(axis, [&](int64_t i) { visit(axis + 1, offset + i * stride, function); }, [] {});
  }

  std::string block(int axis, int64_t offset, int indent, const NumberFormat& format) const {
    if (axis == tensor_.rank()) return format.padded(element_at(tensor_, offset));
    std::vector<std::string> items;
    const int64_t stride = tensor_.strides()[axis];
    walk(
        axis, [&](int64_t i) { items.push_back(block(axis + 1, offset + i * stride, indent, format)); },
        [&] { items.emplace_back("..."); });
    return "[" + joined(items, axis, indent + axis + 1, format.width()) + "]";
  }

  // Numbers in lines of the width, other items in lines of their own.
  std::string joined(const std::vector<std::string>& items, int axis, int indent, size_t width) const {
    const bool innermost = axis + 1 == tensor_.rank();
    const std::string margin(static_cast<size_t>(indent), ' ');
    const std::string lines(static_cast<size_t>(std::max(tensor_.rank() - axis - 1, 1)), '\n');
    const int64_t room = std::max<int64_t>(options_.line_width - indent, 0);
    const auto per_line =
        innermost ? static_cast<size_t>(std::max<int64_t>(room / static_cast<int64_t>(width + 2), 1)) : size_t{1};
    std::string text;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) text += i % per_line == 0 ? "," + lines + margin : ", ";
      text += items[i];
    }
    return text;
  }

  const Tensor& tensor_;
  const PrintOptions& options_;
  bool abbreviated_;
};

struct ProcessOptions {
  std::mutex mutex;
  PrintOptions options;
};

ProcessOptions& process_options() {
  static ProcessOptions options;
  return options;
}

void check_print_options(const char* name, const PrintOptions& options) {
  constexpr int most_digits = 30;
  if (options.precision < 0 || options.precision > most_digits) {
    throw ValueError(concat_text(name, ": expected a precision from 0 to ", most_digits, ", got ", options.precision));
  }
  for (const int64_t number : {options.threshold, options.edge_items, options.line_width}) {
    if (number < 0) throw ValueError(concat_text(name, ": expected numbers >= 0, got ", number));
  }
}

}  // namespace

PrintOptions print_options() {
  ProcessOptions& process = process_options();
  const std::lock_guard lock(process.mutex);
  return process.options;
}

void set_print_options(const PrintOptions& options) {
  check_print_options("set_print_options", options);
  ProcessOptions& process = process_options();
  const std::lock_guard lock(process.mutex);
  process.options = options;
}

PrintScope::PrintScope(const PrintOptions& options) : before_(print_options()) { set_print_options(options); }
PrintScope::~PrintScope() { set_print_options(before_); }

std::string to_string(const Tensor& tensor) { return to_string(tensor, print_options()); }

std::string to_string(const Tensor& tensor, const PrintOptions& options) {
  check_print_options("to_string", options);
  if (!tensor.defined()) return "tensor(undefined)";
  const std::string prefix = "tensor(";
  if (tensor.impl()->is_traced()) {
    return concat_text(prefix, "traced, shape=", tensor.shape(), ", dtype=", tensor.dtype(), ")");
  }
  // A tensor without elements shows only its shape, whose other axes may be huge.
  const bool needs_shape = tensor.size() == 0 && tensor.rank() > 1;
  std::string text = needs_shape ? concat_text(prefix, "[], shape=", tensor.shape())
                                 : prefix + Printer(tensor, options).text(static_cast<int>(prefix.size()));
  text += concat_text(", dtype=", tensor.dtype());
  if (tensor.requires_grad()) text += ", requires_grad=True";
  return text + ")";
}

}  // namespace pydl
