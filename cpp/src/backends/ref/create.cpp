// Creation ops, whose elements follow a rule.
#include <type_traits>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/attrs/create.h"

namespace pydl::backends::ref {

namespace {

// Calls `function` with the number as int64_t (also for bools) or double.
template <class Function>
void visit_number(const op::Element& number, const Function& function) {
  std::visit(
      [&](auto content) {
        using T = std::conditional_t<std::is_same_v<decltype(content), double>, double, int64_t>;
        function(static_cast<T>(content));
      },
      number);
}

void run_full(const RefCall& call) {
  const BufferSpec& y = call.outputs[0];
  visit_number(op::from_attrs<op::FullAttrs>(call.attrs).value, [&](auto value) {
    visit_dtype(y.dtype, [&](auto zero) {
      for (int64_t i = 0; i < element_count(y.shape); ++i) store<decltype(zero)>(call.output_data[0], i, value);
    });
  });
}

template <class Start, class Step>
auto element(Start start, Step step, int64_t i) {
  if constexpr (std::is_integral_v<Start> && std::is_integral_v<Step>) {  // integers wrap around
    return static_cast<int64_t>(static_cast<uint64_t>(start) + static_cast<uint64_t>(i) * static_cast<uint64_t>(step));
  } else {
    return static_cast<double>(start) + static_cast<double>(i) * static_cast<double>(step);
  }
}

void run_arange(const RefCall& call) {
  const BufferSpec& y = call.outputs[0];
  const auto attrs = op::from_attrs<op::ArangeAttrs>(call.attrs);
  visit_number(attrs.start, [&](auto start) {
    visit_number(attrs.step, [&](auto step) {
      visit_dtype(y.dtype, [&](auto zero) {
        for (int64_t i = 0; i < y.shape[0]; ++i) {
          store<decltype(zero)>(call.output_data[0], i, element(start, step, i));
        }
      });
    });
  });
}

}  // namespace

void register_create(KernelTable& table) {
  table.add(OpId::full, Provider::ref, prepare<run_full>);
  table.add(OpId::arange, Provider::ref, prepare<run_arange>);
}

}  // namespace pydl::backends::ref
