// Hooks, gradients that results keep, and functions that save tensors.
#include "pydl/autograd.h"

#include "pydl/compile.h"
#include "pydl/ops.h"
#include "support.h"

using namespace pydl;

namespace {

Tensor leaf(std::initializer_list<float> values) {
  Tensor x =
      Tensor::from_values<float>(std::span(values.begin(), values.size()), {static_cast<int64_t>(values.size())});
  x.set_requires_grad(true);
  return x;
}

double first(const Tensor& x) { return slice(x, {0}, {1}, {1}).item(); }

}  // namespace

TEST(hooks_change_gradients_until_they_are_removed) {
  Tensor x = leaf({1, 2});
  const HookHandle handle = register_hook(x, [](const Tensor& gradient) { return gradient * 3.0; });
  CHECK(hook_changes(x) == 1);
  backward({sum(x * x) + sum(x)});
  CHECK(first(x.grad()) == 9);
  handle.remove();
  CHECK(hook_changes(x) == 2);
  x.set_grad({});
  backward({sum(x)});
  CHECK(first(x.grad()) == 1);
}

TEST(results_keep_gradients_and_have_hooks) {
  const Tensor x = leaf({1, 2});
  const Tensor y = x * 2.0;
  CHECK(recorded_op(y) == "multiply" && recorded_op(x).empty());
  register_hook(y, [](const Tensor& gradient) { return gradient * 10.0; });
  retain_grad(y);
  CHECK(retains_grad(y) && !retains_grad(x));
  backward({sum(y)});
  CHECK(first(y.grad()) == 10 && first(x.grad()) == 20);
}

TEST(hooks_of_a_leaf_that_is_gone_are_called) {
  int calls = 0;
  Tensor y;
  {
    const Tensor x = leaf({1});
    register_hook(x, [&](const Tensor&) {
      ++calls;
      return Tensor{};
    });
    y = sum(x * x);
  }
  backward({y});
  CHECK(calls == 1);
}

TEST(functions_read_their_outputs) {
  const int64_t before = live_tensor_count();
  {
    Tensor x = leaf({1});
    const Tensor inputs[] = {x};
    const Tensor outputs[] = {exp(x.detach())};
    const auto derivative = [](std::span<const Tensor> gradients, std::span<const Tensor> saved) {
      return std::vector{gradients[0] * saved[0]};
    };
    const Tensor y = record_function(inputs, outputs, {.name = "my_exp", .saved = {0}}, derivative)[0];
    CHECK(recorded_op(y) == "my_exp");
    const Tensor first_derivative = grad({sum(y)}, {x}, {}, {.create_graph = true})[0];
    const Tensor second_derivative = grad({sum(first_derivative)}, {x}, {}, {.create_graph = true})[0];
    CHECK(first(second_derivative) == first(outputs[0]));
    x.set_grad(second_derivative);  // a history that reaches the leaf again
  }
  CHECK(live_tensor_count() == before);
}

TEST(compiled_functions_are_searched_step_by_step) {
  const CompiledFunction function = compile([](std::span<const Tensor> x) { return std::vector{log(x[0])}; });
  function({zeros({1})});
  const AnomalyScope scope(true);
  CHECK_THROWS(Error, "log: computed an infinity", function({zeros({1})}));
}

TEST(saved_tensors_notice_writes) {
  Tensor x = leaf({1});
  const SavedTensor saved(x);
  CHECK(is_same(saved.unpack("f"), x));
  {
    const GradMode mode(false);
    assign(x, zeros({1}));
  }
  CHECK_THROWS(Error, "backward: f still needs a tensor of shape (1,), which has been overwritten", saved.unpack("f"));
}
