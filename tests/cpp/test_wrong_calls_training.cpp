// Wrong calls of differentiation, optimisers and batches.
#include "wrong_calls.h"

using namespace pydl;
using namespace wrong_calls;

TEST(differentiation) {
  const Tensor no_tensors[] = {none};
  Tensor x = ones({2});
  x.set_requires_grad(true);
  REFUSED(backward({none}));
  REFUSED(backward({sum(x)}, {none, none}));
  REFUSED(backward({x * x}, {none}));
  REFUSED(grad({none}, {x}));
  REFUSED(grad({sum(x)}, {none}));
  REFUSED(record_function(no_tensors, {}, [](std::span<const Tensor>) { return Tensors{}; }));
  REFUSED(record_function({}, no_tensors, [](std::span<const Tensor>) { return Tensors{}; }));
  const Tensor given[] = {x};
  REFUSED(record_function(given, given, nullptr));
  const Tensors few = record_function(given, given, [](std::span<const Tensor>) { return Tensors{}; });
  REFUSED(backward({sum(few[0])}));
  const Tensors undefined = record_function(given, given, [](std::span<const Tensor>) { return Tensors{none}; });
  HARMLESS(backward({sum(undefined[0])}));
  REFUSED(leaves_of(no_tensors));
  REFUSED(is_differentiable(none));
  REFUSED(AutocastScope(DType::int64));
  CHECK_THROWS(Error, "autocast: ", set_autocast_dtype(DType::int64));
  HARMLESS(product_dtype(DType::boolean));
  CHECK_THROWS(TypeError, "unknown dtype 'nothing'", dtype_from_name("nothing"));
  REFUSED(set_num_threads(0));
}

TEST(updates_and_optimizers) {
  const Tensor step = zeros({}, DType::int64);
  const Tensor lr = full({}, 0.1, DType::float64);
  const Tensor x[] = {ones({2})};
  const Tensor two[] = {ones({2}), ones({2})};
  const Tensor undefined[] = {none};
  const std::span<const Tensor> empty;
  REFUSED(optim::sgd_update(none, x, {}, x, lr, {}));
  REFUSED(optim::sgd_update(step, undefined, {}, x, lr, {}));
  REFUSED(optim::sgd_update(step, x, {}, undefined, lr, {}));
  REFUSED(optim::sgd_update(step, x, {}, two, lr, {}));
  REFUSED(optim::sgd_update(step, x, {}, {}, lr, {}));
  REFUSED(optim::sgd_update(step, x, empty, x, lr, {.momentum = 0.9}));
  REFUSED(optim::sgd_update(step, x, {}, x, none, {}));
  REFUSED(optim::sgd_update_rows(none, x[0], step, lr));
  REFUSED(optim::sgd_update_rows(ones({2, 2}), none, zeros({1}, DType::int64), lr));
  REFUSED(optim::sgd_update_rows(ones({2, 2}), ones({1, 2}), none, lr));
  REFUSED(optim::sgd_update_rows(ones({2, 2}), ones({1, 2}), zeros({1}, DType::int64), none));
  REFUSED(optim::rmsprop_update(none, x, x, {}, x, lr, {}));
  REFUSED(optim::rmsprop_update(step, x, {}, {}, x, lr, {}));
  REFUSED(optim::rmsprop_update(step, x, undefined, {}, x, lr, {}));
  REFUSED(optim::adam_update(none, x, x, x, x, lr, {}));
  REFUSED(optim::adam_update(step, x, {}, x, x, lr, {}));
  REFUSED(optim::adam_update(step, x, x, undefined, x, lr, {}));
  REFUSED(optim::adam_update(step, x, x, x, x, none, {}));
  const std::vector<Tensor> one_state[] = {{ones({2})}};
  const std::vector<Tensor> undefined_state[] = {{none}};
  const auto refuse_update = [&](const auto& options) {
    REFUSED(optim::update(none, x, one_state, x, lr, options));
    REFUSED(optim::update(step, undefined, one_state, x, lr, options));
    REFUSED(optim::update(step, x, undefined_state, x, lr, options));
    REFUSED(optim::update(step, x, one_state, undefined, lr, options));
    REFUSED(optim::update(step, x, one_state, two, lr, options));
    REFUSED(optim::update(step, x, one_state, x, none, options));
  };
  refuse_update(optim::SgdOptions{.momentum = 0.9});
  refuse_update(optim::RmspropOptions{});
  refuse_update(optim::AdamOptions{});
  refuse_update(optim::AdagradOptions{});
  refuse_update(optim::AdadeltaOptions{});
  refuse_update(optim::AdamaxOptions{});
  refuse_update(optim::NadamOptions{});
  refuse_update(optim::RadamOptions{});
  refuse_update(optim::RpropOptions{});
  refuse_update(optim::LionOptions{});
  refuse_update(optim::LambOptions{});
  refuse_update(optim::MuonOptions{});

  ParamSet undefined_set;
  undefined_set.tensors.emplace_back("x", none);
  REFUSED(optim::Sgd(ParamSet{}));
  REFUSED(optim::Sgd(undefined_set));
  REFUSED(optim::Sgd(Tensors{none}));
  REFUSED(optim::Adam(undefined_set));
  REFUSED(optim::Adam(Tensors{none}));
  REFUSED(optim::RmsProp(undefined_set));
  REFUSED(optim::RmsProp(Tensors{none}));
  Tensor parameter = ones({2});
  parameter.set_requires_grad(true);
  optim::Sgd optimizer(Tensors{parameter});
  const optim::Sgd moved = std::move(optimizer);
  CHECK_EQUAL(optimizer.lr(), moved.lr());  // NOLINT(bugprone-use-after-move)
  optimizer.step();
  optimizer.zero_grad();
  REFUSED(optimizer.set_lr(-1));
  REFUSED(optimizer.load_states({}));
  REFUSED(optimizer.load_states(undefined_set));
  REFUSED(optim::clip_grad_norm(undefined, 1));
  REFUSED(optim::clip_grad_norm(x, -1));
  REFUSED(optim::clip_grad_value(undefined, 1));
  REFUSED(optim::clip_grad_value(x, -1));
  REFUSED(optimizer.set_clipping({.norm = -1}));
  REFUSED(optimizer.set_clipping({.value = -1}));
  REFUSED(optimizer.set_clipping({.norm = 1, .value = 1}));
  const std::vector<Tensor> vectors = {parameter};
  REFUSED(optim::Muon(vectors));
  REFUSED(optim::Muon(Tensors{none}));
  REFUSED(optim::Adagrad(vectors, 0.1, {.lr_decay = -1}));
  REFUSED(optim::Adadelta(vectors, 0.1, {.rho = 1}));
  REFUSED(optim::Adamax(vectors, 0.1, {.beta1 = 1}));
  REFUSED(optim::Nadam(vectors, 0.1, {.momentum_decay = -1}));
  REFUSED(optim::Radam(vectors, 0.1, {.epsilon = -1}));
  REFUSED(optim::Rprop(vectors, 0.1, {.eta_minus = 2}));
  REFUSED(optim::Rprop(vectors, 0.1, {.step_min = 2, .step_max = 1}));
  REFUSED(optim::Lion(vectors, 0.1, {.weight_decay = -1}));
  REFUSED(optim::Lamb(vectors, -0.1));
}

TEST(batches) {
  REFUSED(data::Batches({}));
  REFUSED(data::Batches({none}));
  REFUSED(data::Batches({ones({2}), none}));
  REFUSED(data::Batches({ones({2})}, {.size = 0}));
  data::Batches batches({ones({3})}, {.size = 2});
  const data::Batches moved = std::move(batches);
  CHECK_EQUAL(moved.count(), 2);
  REFUSED(batches.count());  // NOLINT(bugprone-use-after-move)
  REFUSED(batches.sample_count());
  REFUSED(batches.begin());
  data::Batches::Iterator last = moved.begin();
  for (int i = 0; i < 5; ++i) ++last;
  CHECK(last == moved.end());
  CHECK_EQUAL(data::Batch{}.size(), 0);
}
