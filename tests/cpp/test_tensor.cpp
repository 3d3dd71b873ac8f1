// Tensors: memory, views, dtypes, text, and the errors of wrong use.
#include <cmath>
#include <cstdint>
#include <limits>

#include "pydl/ops.h"
#include "pydl/tensor.h"
#include "support.h"

using pydl::Dims;
using pydl::DType;
using pydl::Tensor;

TEST(dims) {
  Dims dims = {2, 3};
  dims.push_back(4);
  dims.insert(0, 5);
  dims.erase(1);
  CHECK_EQUAL(dims, (Dims{5, 3, 4}));
  CHECK_EQUAL(pydl::concat_text(Dims{}, Dims{1}, Dims{1, 2}), "()(1,)(1, 2)");
  CHECK_EQUAL(pydl::element_count({}), 1);
  CHECK_EQUAL(pydl::element_count({3, 0}), 0);
  CHECK_EQUAL(pydl::contiguous_strides({2, 3, 4}), (Dims{12, 4, 1}));
  CHECK(pydl::is_contiguous({2, 1, 4}, {4, 99, 1}));
  CHECK(!pydl::is_contiguous({2, 4}, {1, 2}));
  CHECK_EQUAL(pydl::broadcast_shapes("add", {3, 1}, {2, 1, 4}), (Dims{2, 3, 4}));
  CHECK_THROWS(pydl::ValueError, "add", pydl::broadcast_shapes("add", {3}, {4}));
  CHECK_EQUAL(pydl::normalize_axis("sum", -1, 3), 2);
  CHECK_THROWS(pydl::IndexError, "sum", pydl::normalize_axis("sum", 3, 3));
  const int64_t axes[] = {-1, 0};
  CHECK_EQUAL(pydl::normalize_axes("sum", axes, 3), (Dims{0, 2}));
  const int64_t twice[] = {-1, 2};
  CHECK_THROWS(pydl::ValueError, "sum", pydl::normalize_axes("sum", twice, 3));
  CHECK_THROWS(pydl::ValueError, "8", Dims::filled(8, 1).push_back(1));
}

TEST(promotion_is_symmetric_and_follows_the_array_api) {
  for (int i = 0; i < pydl::dtype_count; ++i) {
    for (int j = 0; j < pydl::dtype_count; ++j) {
      const auto a = static_cast<DType>(i);
      const auto b = static_cast<DType>(j);
      CHECK_EQUAL(pydl::promote(a, b), pydl::promote(b, a));
      if (i == j) CHECK_EQUAL(pydl::promote(a, b), a);
    }
  }
  CHECK_EQUAL(pydl::promote(DType::uint8, DType::int8), DType::int16);
  CHECK_EQUAL(pydl::promote(DType::int32, DType::int64), DType::int64);
  CHECK_EQUAL(pydl::promote(DType::float32, DType::float64), DType::float64);
  CHECK_EQUAL(pydl::promote(DType::float16, DType::bfloat16), DType::float32);
  CHECK_EQUAL(pydl::promote(DType::boolean, DType::int8), DType::int8);
  CHECK_EQUAL(pydl::promote(DType::int64, DType::float32), DType::float32);
}

TEST(half_precision_is_exact_over_all_bit_patterns) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto pattern = static_cast<uint16_t>(bits);
    const float half = pydl::Float16{pattern}.to_float();
    const float brain = pydl::BFloat16{pattern}.to_float();
    CHECK(std::isnan(half) || pydl::Float16::from_float(half).bits == pattern);
    CHECK(std::isnan(brain) || pydl::BFloat16::from_float(brain).bits == pattern);
  }
  CHECK_EQUAL(pydl::Float16::from_float(65520.0F).bits, 0x7c00);
  CHECK_EQUAL(pydl::Float16::from_float(65519.0F).bits, 0x7bff);
  CHECK_EQUAL(pydl::Float16::from_float(1.0F + 0x1p-11F).bits, 0x3c00);  // halfway: to even
  CHECK_EQUAL(pydl::Float16::from_float(0x1p-25F).bits, 0);
  CHECK_EQUAL(pydl::BFloat16::from_float(1.0F + 0x1p-8F).bits, 0x3f80);
  CHECK(std::isnan(pydl::Float16::from_float(NAN).to_float()));
}

TEST(memory_is_aligned_and_reused) {
  const auto address = [](const Tensor& tensor) { return reinterpret_cast<uintptr_t>(tensor.raw_data()); };
  for (const int64_t size : {0, 1, 7, 1000, 100000, 5000000}) CHECK_EQUAL(address(Tensor::empty({size})) % 64, 0U);
  for (const int64_t size : {100, 3000000}) {
    const int64_t live = pydl::memory_stats().live_bytes;
    {
      const Tensor first = Tensor::empty({size});
    }
    const int64_t requests = pydl::memory_stats().system_requests;
    for (int i = 0; i < 100; ++i) CHECK(Tensor::empty({size}).defined());
    CHECK_EQUAL(pydl::memory_stats().system_requests, requests);
    CHECK_EQUAL(pydl::memory_stats().live_bytes, live);
  }
  pydl::reset_peak_memory();
  const int64_t before = pydl::memory_stats().peak_bytes;
  {
    const Tensor large = Tensor::empty({1 << 20});
  }
  CHECK(pydl::memory_stats().peak_bytes >= before + (4 << 20));
  pydl::empty_cache();
  CHECK_EQUAL(pydl::memory_stats().cached_bytes, 0);
}

TEST(tensors_too_large_are_refused) {
  CHECK_THROWS(pydl::MemoryError, "", Tensor::empty({int64_t{1} << 40, int64_t{1} << 40}));
  CHECK_THROWS(pydl::MemoryError, "", Tensor::empty({int64_t{1} << 50}));
  CHECK_THROWS(pydl::ValueError, "negative", Tensor::empty({-1}));
}

TEST(views_share_memory_and_version) {
  const Tensor x = pydl::arange(0, 12, 1, DType::int32);
  const Tensor matrix = pydl::reshape(x, {3, 4});
  const Tensor column = pydl::slice(matrix, {0, 1}, {3, 1}, {1, 1});
  CHECK(column.raw_data() == x.data<int32_t>() + 1);
  CHECK_EQUAL(column.strides(), (Dims{4, 1}));
  const uint32_t version = x.version();
  pydl::assign(column, pydl::zeros({3, 1}));
  CHECK(x.version() > version);
  CHECK_EQUAL(x.data<int32_t>()[9], 0);
  CHECK_EQUAL(x.data<int32_t>()[8], 8);
  const Tensor backwards = pydl::flip(x);
  CHECK_EQUAL(backwards.strides(), Dims{-1});
  CHECK_TENSORS_CLOSE(pydl::flip(pydl::copy(backwards)), x, 0);
  CHECK_EQUAL(pydl::expand(x, {5, 12}).strides(), (Dims{0, 1}));
  CHECK(pydl::matrix_transpose(matrix).raw_data() == x.raw_data());
  CHECK(!pydl::matrix_transpose(matrix).is_contiguous());
  CHECK(pydl::contiguous(matrix).impl() == matrix.impl());
}

TEST(foreign_memory_is_released_once_and_can_be_read_only) {
  float values[] = {1, 2, 3};
  int released = 0;
  {
    const Tensor tensor = Tensor::from_memory(values, {3}, {1}, DType::float32, [&] { ++released; }, false);
    const Tensor view = pydl::slice(tensor, {1}, {2}, {1});
    CHECK_EQUAL(view.data<float>()[0], 2.0F);
    CHECK_THROWS(pydl::ValueError, "read-only", pydl::assign(tensor, pydl::zeros({3})));
  }
  CHECK_EQUAL(released, 1);
}

TEST(scalars_and_items) {
  CHECK_CLOSE(Tensor::scalar(2.5, DType::bfloat16).item(), 2.5, 0);
  CHECK_EQUAL(Tensor::scalar(INT64_MAX, DType::int64).item_int(), INT64_MAX);
  CHECK_THROWS(pydl::ValueError, "one element", pydl::ones({2}).item());
  CHECK_THROWS(pydl::TypeError, "float32, not float64", pydl::ones({2}).data<double>());
  CHECK_EQUAL((pydl::ones({2}, DType::int8) + 1).dtype(), DType::int8);
  CHECK_EQUAL((pydl::ones({2}, DType::int8) + 1.5).dtype(), DType::float32);
  CHECK_EQUAL((pydl::ones({2}, DType::float16) * 2.0).dtype(), DType::float16);
  const Tensor undefined;
  CHECK_THROWS(pydl::ValueError, "undefined", undefined.shape());
  CHECK_THROWS(pydl::ValueError, "undefined", pydl::add(undefined, pydl::ones({1})));
}

TEST(only_floating_leaves_take_gradients) {
  CHECK_THROWS(pydl::TypeError, "int64", pydl::zeros({1}, DType::int64).set_requires_grad(true));
  const Tensor x = pydl::zeros({1}).set_requires_grad(true);
  Tensor y = x * 2.0;
  CHECK(x.is_leaf() && !y.is_leaf() && y.requires_grad() && !y.detach().requires_grad());
  CHECK_THROWS(pydl::ValueError, "leaf", y.set_requires_grad(false));
  CHECK_THROWS(pydl::ValueError, "expected shape (1,)", pydl::Tensor(x).set_grad(pydl::zeros({2})));
}

TEST(text) {
  CHECK_EQUAL(pydl::to_string(support::doubles({1, 2.5}, {2})), "tensor([1.0000, 2.5000], dtype=float64)");
  CHECK_EQUAL(pydl::to_string(pydl::eye(2, 2, 0, DType::boolean)),
              "tensor([[ True, False],\n        [False,  True]], dtype=bool)");
  CHECK_EQUAL(pydl::to_string(pydl::zeros({0, 3})), "tensor([], shape=(0, 3), dtype=float32)");
  CHECK_EQUAL(pydl::to_string(Tensor::scalar(3, DType::int64)), "tensor(3, dtype=int64)");
  CHECK(pydl::to_string(pydl::zeros({2000})).find("...") != std::string::npos);
}

TEST(live_tensors_are_counted) {
  const int64_t before = pydl::live_tensor_count();
  {
    const Tensor x = pydl::ones({2});
    const Tensor same = x;
    CHECK_EQUAL(pydl::live_tensor_count(), before + 1);
  }
  CHECK_EQUAL(pydl::live_tensor_count(), before);
}

TEST(numbers_that_a_dtype_does_not_hold) {
  CHECK_THROWS(pydl::OverflowError, "300 does not fit into uint8, which holds 0 to 255",
               Tensor::scalar(300, DType::uint8));
  CHECK_THROWS(pydl::OverflowError, "-1", Tensor::scalar(-1, DType::uint8));
  CHECK_THROWS(pydl::OverflowError, "int64", Tensor::scalar(0x1p63, DType::int64));
  CHECK_THROWS(pydl::ValueError, "NaN", Tensor::scalar(std::nan(""), DType::int32));
  CHECK_EQUAL(Tensor::scalar(-0x1p63, DType::int64).item_int(), std::numeric_limits<int64_t>::min());
  CHECK_EQUAL(Tensor::scalar(255.9, DType::uint8).item_int(), int64_t{255});
  const pydl::Scalar large = pydl::Scalar::large_integer(0x1p70);
  CHECK_THROWS(pydl::OverflowError, "int64", Tensor::scalar(large, DType::int64));
  CHECK_EQUAL(Tensor::scalar(large, DType::float32).item(), 0x1p70);
  CHECK_THROWS(pydl::OverflowError, "floating-point",
               Tensor::scalar(pydl::Scalar::large_integer(INFINITY), DType::float64));
}

TEST(comparisons_with_numbers_are_exact) {
  const Tensor x = Tensor::full({2}, 255, DType::uint8);
  const auto holds = [](const Tensor& answers) { return pydl::all(answers).item_int() == 1; };
  CHECK(holds(pydl::less(x, 256)));
  CHECK(holds(pydl::greater(x, -1)));
  CHECK(holds(pydl::not_equal(x, 511)));
  CHECK(holds(pydl::less(x, 255.5)));
  CHECK(!holds(pydl::less_equal(x, 254.9)));
  CHECK(holds(pydl::less_equal(x, pydl::Scalar::large_integer(0x1p64))));
  CHECK(!holds(pydl::greater_equal(x, std::nan(""))));
}
