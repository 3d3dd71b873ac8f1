// Random programs on tensors: the same calls whether they are traced or run at once.
#pragma once

#include <algorithm>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "pydl/ops.h"
#include "pydl/random.h"
#include "support.h"

namespace random_program {

using pydl::Dims;
using pydl::DType;
using pydl::Tensor;

/// A program that follows from its seed: the same calls each time it is played, because it looks at shapes only.
class RandomProgram {
 public:
  explicit RandomProgram(uint32_t seed) : engine_(seed) {}

  std::vector<Tensor> play(const std::vector<Tensor>& arguments, const std::vector<Tensor>& states,
                           pydl::Generator& generator) {
    generator_ = &generator;
    for (const Tensor& tensor : arguments) add(tensor, Kind::argument);
    for (const Tensor& tensor : states) add(tensor, Kind::state);
    const int64_t length = integer(4, 40);
    for (int64_t i = 0; i < length; ++i) step();
    return outputs();
  }

 private:
  enum class Kind { argument, state, result };
  struct Entry {
    Tensor tensor;
    Kind kind;
    size_t root;  // entries of one root may share memory
  };

  int64_t integer(int64_t low, int64_t high) {  // both included; the same with every standard library
    return low + static_cast<int64_t>(engine_() % static_cast<uint32_t>(high - low + 1));
  }
  bool chance(int64_t percent) { return integer(1, 100) <= percent; }

  void add(const Tensor& tensor, Kind kind, std::optional<size_t> root = {}) {
    if (tensor.size() > 8000) return;  // too large to go on with
    pool_.push_back({tensor, kind, root.value_or(pool_.size())});
  }
  void add(const Tensor& result) { add(result, Kind::result); }

  const Entry& any() { return pool_[static_cast<size_t>(integer(0, static_cast<int64_t>(pool_.size()) - 1))]; }

  // Later ones more often, so that chains come about; of a floating dtype.
  Tensor operand() {
    for (int attempt = 0;; ++attempt) {
      const auto size = static_cast<int64_t>(pool_.size());
      const int64_t first = chance(60) ? std::max<int64_t>(0, size - 4) : 0;
      const Tensor& tensor = pool_[static_cast<size_t>(integer(first, size - 1))].tensor;
      if (pydl::is_floating(tensor.dtype())) return tensor;
      if (attempt > 20) return pydl::astype(tensor, DType::float64);
    }
  }

  Tensor partner(const Tensor& of) {
    for (int attempt = 0; attempt < 10; ++attempt) {
      const Tensor candidate = operand();
      if (fits(candidate.shape(), of.shape())) return candidate;
    }
    return chance(50) ? of : Tensor::scalar(0.25 * static_cast<double>(integer(-8, 8)), of.dtype());
  }

  static bool fits(const Dims& a, const Dims& b) {
    for (int i = 1; i <= std::min(a.rank(), b.rank()); ++i) {
      const int64_t m = a[a.rank() - i];
      const int64_t n = b[b.rank() - i];
      if (m != n && m != 1 && n != 1) return false;
    }
    return true;
  }

  void step() {
    switch (integer(0, 15)) {
      case 0:
      case 1:
      case 2: return add(unary(operand()));
      case 3:
      case 4:
      case 5: return binary();
      case 6:
      case 7: return view();
      case 8: return add(reduction(chance(50) ? unary(operand()) : operand()));
      case 9: return product();
      case 10: return overwrite();
      case 11: return add(identity(operand()));
      case 12: return structure();
      case 13: return related();
      case 14: return simplified();
      default: return conversion();
    }
  }

  // Bounded, so that nothing overflows however long the program is.
  Tensor unary(const Tensor& x) {
    switch (integer(0, 9)) {
      case 0: return pydl::tanh(x);
      case 1: return pydl::sin(x);
      case 2: return pydl::abs(x);
      case 3: return pydl::negative(x);
      case 4: return pydl::sigmoid(x);
      case 5: return pydl::relu(x);
      case 6: return pydl::cos(pydl::square(x));
      case 7: return pydl::exp(pydl::negative(pydl::abs(x)));
      case 8: return pydl::clip(x, Tensor::scalar(-1.5, x.dtype()), Tensor::scalar(0.5, x.dtype()));
      default: return pydl::gelu(x) * 0.5;
    }
  }

  void binary() {
    const Tensor a = operand();
    const Tensor b = partner(a);
    switch (integer(0, 6)) {
      case 0: return add(a + b);
      case 1: return add(a - b);
      case 2: return add(pydl::tanh(a) * b);
      case 3: return add(pydl::maximum(a, b));
      case 4: return add(a / (pydl::abs(b) + 1.0));
      case 5: return add(pydl::where(pydl::less(a, b), a, b * 0.5));
      default: return add(pydl::logical_or(pydl::less(a, b), pydl::greater(a, Tensor::scalar(1.0, a.dtype()))));
    }
  }

  void view() {
    const Entry entry = any();
    const Tensor& x = entry.tensor;
    if (chance(20)) return reshaped(entry);
    if (chance(20) && x.rank() < 4) return add(pydl::expand_dims(x, integer(0, x.rank())), entry.kind, entry.root);
    if (chance(15) && x.rank() < 4) {
      Dims shape = x.shape();
      shape.insert(0, integer(1, 3));
      return add(pydl::expand(x, shape), entry.kind, entry.root);
    }
    if (chance(40)) {
      std::vector<int64_t> axes(static_cast<size_t>(x.rank()));
      std::iota(axes.begin(), axes.end(), 0);
      for (size_t i = axes.size(); i > 1; --i) {
        std::swap(axes[i - 1], axes[static_cast<size_t>(integer(0, static_cast<int64_t>(i) - 1))]);
      }
      return add(pydl::permute_dims(x, axes), entry.kind, entry.root);
    }
    add(sliced(x), entry.kind, entry.root);
  }

  // A view or a copy, as the layout allows.
  void reshaped(const Entry& entry) {
    const Tensor& x = entry.tensor;
    if (x.rank() >= 2 && chance(50)) {
      Dims shape = x.shape();
      shape[1] *= shape[0];
      shape.erase(0);
      return add(pydl::reshape(x, shape), Kind::result, entry.root);
    }
    add(pydl::reshape(x, Dims{x.size()}), Kind::result, entry.root);
  }

  Tensor sliced(const Tensor& x) {
    Dims starts = x.shape();
    Dims sizes = x.shape();
    Dims steps = x.shape();
    for (int axis = 0; axis < x.rank(); ++axis) {
      const int64_t length = x.shape()[axis];
      steps[axis] = integer(1, 2);
      starts[axis] = length > 1 ? integer(0, 1) : 0;
      sizes[axis] = length == 0 ? 0 : (length - starts[axis] + steps[axis] - 1) / steps[axis];
      if (chance(30) && sizes[axis] > 0) {  // the same backwards
        starts[axis] += (sizes[axis] - 1) * steps[axis];
        steps[axis] = -steps[axis];
      }
    }
    return pydl::slice(x, starts, sizes, steps);
  }

  Tensor reduction(const Tensor& x) {
    pydl::Axes axes;
    if (x.rank() > 0 && chance(70)) axes = {integer(0, x.rank() - 1)};
    if (x.rank() > 2 && chance(30)) axes = chance(50) ? std::vector<int64_t>{0, 1} : std::vector<int64_t>{1, 2};
    const bool keepdims = chance(50);
    if (x.size() > 0 && chance(30)) return pydl::max(x, axes, keepdims);
    const Tensor total = x.size() > 0 && chance(40) ? pydl::mean(x, axes, keepdims) : pydl::sum(x, axes, keepdims);
    return chance(50) ? pydl::sin(total) : total * 0.1;
  }

  void product() {
    const Tensor x = operand();
    if (x.rank() == 0 || x.size() == 0) return add(unary(x));
    if (chance(40)) return add(chance(50) ? pydl::softmax(x) : pydl::log_softmax(x, 0));
    if (x.rank() < 2) return add(pydl::matmul(x, pydl::copy(x)) * 0.1);
    if (x.rank() == 2 && chance(30)) return add(pydl::tanh(pydl::linear(x, x)));
    add(pydl::tanh(pydl::matmul(x, pydl::matrix_transpose(x))));
  }

  // A part of a state or of a fresh tensor gets the elements of another one.
  void overwrite() {
    std::vector<size_t> states;
    for (size_t i = 0; i < pool_.size(); ++i) {
      if (pool_[i].kind == Kind::state && pool_[i].root == i) states.push_back(i);
    }
    const bool of_state = !states.empty() && chance(50);
    const size_t index =
        of_state ? states[static_cast<size_t>(integer(0, static_cast<int64_t>(states.size()) - 1))] : pool_.size();
    if (!of_state) add(chance(70) ? pydl::copy(operand()) : pydl::zeros({integer(1, 4), 3}, DType::float64));
    if (index >= pool_.size()) return;
    const Tensor target = pool_[index].tensor;
    const Tensor part = chance(50) ? sliced(target) : target;
    Tensor source = pydl::tanh(operand());
    if (!fits(source.shape(), part.shape()) || source.rank() > part.rank() ||
        pydl::broadcast_shapes("overwrite", source.shape(), part.shape()) != part.shape()) {
      source = pydl::cos(part);
    }
    pydl::assign(part, pydl::astype(source, part.dtype()));
  }

  Tensor identity(const Tensor& x) {
    switch (integer(0, 4)) {
      case 0: return x * 1.0;
      case 1: return x / 1.0;
      case 2: return x - 0.0;
      case 3: return x + 0.0;
      // Not pow(x, 1), which eager mode rounds.
      default: return pydl::copy(x);
    }
  }

  // A result beside a view of itself.
  void related() {
    const Tensor x = pydl::sin(operand());
    if (x.rank() == 0) return add(x);
    const bool square = x.rank() == 2 && x.size(0) == x.size(1);
    const Tensor view = square && chance(50) ? pydl::matrix_transpose(x) : pydl::flip(x);
    add(chance(50) ? x + view : x * 0.5 - view * x);
    if (chance(30)) add(pydl::tanh(pool_.back().tensor) + view);
  }

  // A view that something changes nothing of, and a view of the result.
  void simplified() {
    const Tensor x = identity(sliced(operand()));
    add(pydl::cos(chance(50) ? pydl::reshape(x, Dims{x.size()}) : sliced(x)));
  }

  void structure() {
    const Tensor x = operand();
    if (x.rank() == 0 || x.size(0) == 0) return add(pydl::full({2, 3}, 0.5, DType::float64) * pydl::tanh(pydl::sum(x)));
    if (chance(30)) {
      const std::vector<Tensor> parts = {x, pydl::sin(x), x};
      return add(pydl::concat(parts, integer(0, x.rank() - 1)));
    }
    if (chance(30)) return add(pydl::dropout(x, 0.4, true, *generator_));
    const std::vector<int64_t> index = {0, x.size(0) - 1, 0};
    add(pydl::take(x, Tensor::from_values<int64_t>(index, {3}), 0));
  }

  void conversion() {
    const Entry& entry = any();
    const DType dtypes[] = {DType::float64, DType::float32, DType::int32, DType::float16};
    const DType dtype = dtypes[integer(0, 3)];
    add(pydl::astype(pydl::clip(pydl::astype(entry.tensor, DType::float64), Tensor::scalar(-99.0, DType::float64),
                                Tensor::scalar(99.0, DType::float64)),
                     dtype));
  }

  std::vector<Tensor> outputs() {
    std::vector<Tensor> result;
    for (const Entry& entry : pool_) {
      if (chance(15)) result.push_back(entry.tensor);
    }
    result.push_back(pool_.back().tensor);
    return result;
  }

  std::mt19937 engine_;
  std::vector<Entry> pool_;
  pydl::Generator* generator_ = nullptr;
};

inline Tensor random_tensor(std::mt19937& engine, const Dims& shape, DType dtype = DType::float64) {
  std::vector<double> values(static_cast<size_t>(pydl::element_count(shape)));
  for (double& value : values) value = static_cast<double>(engine() % 4001) / 1000.0 - 2.0;
  return pydl::astype(Tensor::from_values<double>(values, shape), dtype);
}

inline const std::vector<Dims>& shapes() {
  static const std::vector<Dims> list = {{},        {1},    {5},       {3, 4}, {4, 4}, {1, 4},   {4, 1},
                                         {2, 3, 4}, {0, 3}, {2, 1, 4}, {7, 5}, {4},    {48, 48}, {1500}};
  return list;
}

inline std::vector<Tensor> random_tensors(std::mt19937& engine, size_t count) {
  std::vector<Tensor> result;
  for (size_t i = 0; i < count; ++i) {
    const Dims& shape = shapes()[engine() % shapes().size()];
    result.push_back(random_tensor(engine, shape, engine() % 5 == 0 ? DType::float32 : DType::float64));
  }
  return result;
}

inline std::vector<Tensor> copies(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> result;
  for (const Tensor& tensor : tensors) result.push_back(pydl::copy(tensor));
  return result;
}

/// Whether two lists are the same within rounding.
inline bool same(const std::vector<Tensor>& actual, const std::vector<Tensor>& expected) {
  if (actual.size() != expected.size()) return false;
  for (size_t i = 0; i < actual.size(); ++i) {
    if (actual[i].dtype() != expected[i].dtype() || actual[i].shape() != expected[i].shape()) return false;
    const std::vector<double> a = support::values(actual[i]);
    const std::vector<double> b = support::values(expected[i]);
    for (size_t k = 0; k < a.size(); ++k) {
      const bool equal = a[k] == b[k] || (std::isnan(a[k]) && std::isnan(b[k]));
      if (!equal && !(std::abs(a[k] - b[k]) <= 1e-10 * (1 + std::abs(b[k])))) return false;
    }
  }
  return true;
}

}  // namespace random_program
