// Creation ops, whose elements follow a rule.
#include <type_traits>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"

namespace pydl::backends::ref {

namespace {

// Calls `function` with the number that the attribute holds, as int64_t (also for bools) or double.
template <class Function>
void visit_number(const op::Attrs& attrs, std::string_view name, const Function& function) {
  for (const auto& [key, value] : attrs.entries()) {
    if (key != name) continue;
    if (const auto* number = std::get_if<double>(&value)) {
      function(*number);
    } else if (const auto* flag = std::get_if<bool>(&value)) {
      function(int64_t{*flag});
    } else {
      function(std::get<int64_t>(value));
    }
  }
}

void run_full(const RefCall& call) {
  const BufferSpec& y = call.outputs[0];
  visit_number(call.attrs, "value", [&](auto value) {
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
  visit_number(call.attrs, "start", [&](auto start) {
    visit_number(call.attrs, "step", [&](auto step) {
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
