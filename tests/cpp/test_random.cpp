// Random numbers: known answers, independence of the number of threads, and the distributions asked for.
#include "pydl/random.h"
#include "runtime/philox.h"
#include "runtime/threads.h"
#include "support.h"

using pydl::DType;
using pydl::Generator;
using pydl::Tensor;

namespace {

double mean_of(const Tensor& x) { return pydl::mean(pydl::astype(x, DType::float64)).item(); }
double variance_of(const Tensor& x) { return pydl::var(pydl::astype(x, DType::float64)).item(); }

}  // namespace

TEST(philox_known_answers) {
  // From the test vectors of Random123 (kat_vectors), philox 4x32 with 10 rounds.
  const auto zero = pydl::runtime::philox(0, 0);
  CHECK(zero == (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
}

TEST(elements_follow_from_seed_and_position) {
  Generator generator(5);
  const Tensor uniform = pydl::uniform({10}, 0, 1, DType::float32, generator);
  for (uint64_t i = 0; i < 10; ++i) {
    const float expected = pydl::runtime::unit_float(pydl::runtime::philox(5, i / 4)[i % 4]);
    CHECK_EQUAL(uniform.data<float>()[i], expected);
  }
  Generator again(5);
  const Tensor wide = pydl::uniform({5}, 0, 1, DType::float64, again);
  for (uint64_t i = 0; i < 5; ++i) {
    const auto words = pydl::runtime::philox(5, i / 2);
    CHECK_EQUAL(wide.data<double>()[i], pydl::runtime::unit_double(words[2 * (i % 2)], words[2 * (i % 2) + 1]));
  }
}

TEST(the_number_of_threads_does_not_matter) {
  const auto draw = [] {
    Generator generator(3);
    std::vector<Tensor> drawn;
    for (const DType dtype : {DType::float32, DType::float64, DType::float16, DType::bfloat16}) {
      drawn.push_back(pydl::uniform({300'001}, -2, 3, dtype, generator));
      drawn.push_back(pydl::normal({300'001}, 1, 2, dtype, generator));
      drawn.push_back(pydl::dropout(pydl::ones({1000, 301}, dtype), 0.3, true, generator));
    }
    drawn.push_back(pydl::permutation(10'000, generator));
    drawn.push_back(pydl::randint(-5, 5, {1000}, DType::int32, generator));
    return drawn;
  };
  const int threads = pydl::runtime::thread_count();
  pydl::runtime::set_thread_count(1);
  const std::vector<Tensor> alone = draw();
  pydl::runtime::set_thread_count(3);
  const std::vector<Tensor> together = draw();
  pydl::runtime::set_thread_count(threads);
  for (size_t i = 0; i < alone.size(); ++i) CHECK_TENSORS_CLOSE(alone[i], together[i], 0);
}

TEST(moments) {
  Generator generator(1);
  for (const DType dtype : {DType::float32, DType::float64}) {
    const Tensor uniform = pydl::uniform({1'000'000}, 2, 4, dtype, generator);
    CHECK_CLOSE(mean_of(uniform), 3, 0.005);
    CHECK_CLOSE(variance_of(uniform), 4.0 / 12, 0.002);
    CHECK(pydl::min(uniform).item() >= 2 && pydl::max(uniform).item() < 4);
    const Tensor normal = pydl::normal({1'000'000}, -1, 3, dtype, generator);
    CHECK_CLOSE(mean_of(normal), -1, 0.02);
    CHECK_CLOSE(variance_of(normal), 9, 0.08);
    CHECK(pydl::all(pydl::isfinite(normal)).item_int() == 1);
    // Of a normal distribution, 68.27% lie within one standard deviation.
    CHECK_CLOSE(mean_of(pydl::less(pydl::abs(normal + 1), pydl::full({}, 3, dtype))), 0.6827, 0.003);
  }
}

TEST(low_precision_never_reaches_the_upper_bound) {
  Generator generator(1);
  for (const DType dtype : {DType::float16, DType::bfloat16, DType::float32}) {
    CHECK(pydl::max(pydl::uniform({200'000}, 0, 1, dtype, generator)).item() < 1);
  }
}

TEST(dropout_keeps_the_mean_and_repeats_from_its_state) {
  Generator generator(1);
  const Tensor x = pydl::ones({1'000'000});
  const Tensor y = pydl::dropout(x, 0.25, true, generator);
  CHECK_CLOSE(mean_of(y), 1, 0.005);
  CHECK_CLOSE(mean_of(pydl::equal(y, pydl::zeros({}))), 0.25, 0.003);
  CHECK(pydl::dropout(x, 0.25, false).impl() == x.impl());
  CHECK_CLOSE(mean_of(pydl::dropout(x, 1, true)), 0, 0);
  const Tensor leaf = pydl::ones({1000}).set_requires_grad(true);
  const Tensor dropped = pydl::dropout(leaf, 0.5);
  pydl::sum(dropped).backward();
  CHECK_TENSORS_CLOSE(leaf.grad(), dropped, 0);
}

TEST(permutations_hold_each_number_once) {
  Generator generator(1);
  for (const int64_t n : {0, 1, 2, 17, 10'000}) {
    const Tensor p = pydl::permutation(n, generator);
    std::vector<int> seen(static_cast<size_t>(n), 0);
    for (int64_t i = 0; i < n; ++i) ++seen.at(static_cast<size_t>(p.data<int64_t>()[i]));
    CHECK(std::all_of(seen.begin(), seen.end(), [](int count) { return count == 1; }));
  }
  // Each of the 6 orders of 3 numbers comes up one time in 6.
  int counts[27] = {};
  for (int i = 0; i < 6000; ++i) {
    const Tensor p = pydl::permutation(3, generator);
    ++counts[p.data<int64_t>()[0] * 9 + p.data<int64_t>()[1] * 3 + p.data<int64_t>()[2]];
  }
  for (const int order : {5, 7, 11, 15, 19, 21}) CHECK_CLOSE(counts[order], 1000, 130);
}

TEST(integers_cover_their_range) {
  const Tensor x = pydl::randint(-3, 4, {10'000});
  CHECK_EQUAL(pydl::min(x).item_int(), -3);
  CHECK_EQUAL(pydl::max(x).item_int(), 3);
  CHECK_THROWS(pydl::ValueError, "low < high", pydl::randint(2, 2, {1}));
}

TEST(state_is_saved_and_restored) {
  Generator generator(9);
  pydl::uniform({7}, 0, 1, DType::float32, generator);
  const Tensor state = generator.state();
  const Tensor first = pydl::normal({5}, 0, 1, DType::float32, generator);
  const Tensor other = pydl::normal({5}, 0, 1, DType::float32, generator);
  CHECK(pydl::all(pydl::equal(first, other)).item_int() == 0);
  generator.set_state(state);
  CHECK_TENSORS_CLOSE(pydl::normal({5}, 0, 1, DType::float32, generator), first, 0);
  CHECK_EQUAL(generator.seed(), 9U);
  CHECK_THROWS(pydl::ValueError, "int64 of shape (2,)", generator.set_state(pydl::ones({3})));
}

TEST(generators_that_nobody_seeds_differ) {
  Generator first;
  Generator second;
  CHECK(first.seed() != second.seed());
  CHECK(Generator(3).seed() == Generator(3).seed());
  first.manual_seed(9);
  CHECK_EQUAL(first.seed(), uint64_t{9});
}
