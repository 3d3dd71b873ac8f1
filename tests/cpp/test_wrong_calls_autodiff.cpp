// Wrong calls of hooks, of functions with derivatives of their own, and of the search for anomalies.
#include "wrong_calls.h"

using namespace pydl;
using namespace wrong_calls;

TEST(hooks) {
  Tensor x = ones({2});
  const auto keep = [](const Tensor&) { return Tensor{}; };
  const auto ignore = [](const Tensor&) {};
  REFUSED(register_hook(none, keep));
  REFUSED(register_hook(x, keep));
  REFUSED(register_post_accumulate_grad_hook(none, ignore));
  REFUSED(retain_grad(none));
  REFUSED(retain_grad(x));
  REFUSED(retains_grad(none));
  REFUSED(hook_changes(none));
  REFUSED(recorded_op(none));
  x.set_requires_grad(true);
  REFUSED(register_hook(x, nullptr));
  REFUSED(register_post_accumulate_grad_hook(x, nullptr));
  REFUSED(register_post_accumulate_grad_hook(x * x, ignore));
  HookHandle{}.remove();
  register_hook(x, [](const Tensor&) { return ones({3}); });
  CHECK_THROWS(ValueError, "register_hook: expected the hook to return a gradient of shape (2,)", backward({sum(x)}));
}

TEST(functions) {
  Tensor x = ones({2});
  x.set_requires_grad(true);
  const Tensor given[] = {x};
  const auto derivative = [](std::span<const Tensor> gradients, std::span<const Tensor>) {
    return Tensors(gradients.begin(), gradients.end());
  };
  REFUSED(record_function(given, given, FunctionOptions{.name = "f", .saved = {1}}, derivative));
  REFUSED(record_function(given, given, FunctionOptions{}, nullptr));
  REFUSED(SavedTensor(none));
}

TEST(anomalies) {
  const Tensor zero = zeros({1});
  {
    const AnomalyScope scope(true);
    CHECK_THROWS(Error, "log: computed an infinity at 1 of 1 places", log(zero));
    CHECK_THROWS(Error, "divide: computed NaN", zero / zero);
    const AnomalyScope numbers(true, false);
    HARMLESS(log(zero));
    CHECK(!detects_infinities());
  }
  CHECK(!detects_anomaly());
  set_detect_anomaly(true);
  set_anomaly_locator([](bool) { return std::string("here.cpp:1"); });
  CHECK_THROWS(Error, "log: computed an infinity at 1 of 1 places, first at (0,), from finite numbers, in here.cpp:1",
               log(zero));
  set_anomaly_locator(nullptr);
  set_detect_anomaly(false);
}
