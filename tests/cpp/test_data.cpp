// Batches of tensors.
#include "pydl/data.h"

#include <algorithm>
#include <numeric>

#include "pydl/ops.h"
#include "support.h"

using namespace pydl;

namespace {

Tensor numbers(int64_t count) { return arange(int64_t{0}, count, int64_t{1}, DType::int64); }

std::vector<std::vector<double>> pass(const data::Batches& batches) {
  std::vector<std::vector<double>> result;
  for (const data::Batch& batch : batches) {
    CHECK_EQUAL(batch.number, static_cast<int64_t>(result.size()));
    result.push_back(support::values(batch[0]));
  }
  CHECK_EQUAL(static_cast<int64_t>(result.size()), batches.count());
  return result;
}

std::vector<double> joined(const std::vector<std::vector<double>>& parts) {
  std::vector<double> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace

TEST(batches_in_order_are_views) {
  const Tensor x = normal({7, 2, 3});
  const data::Batches batches({x, numbers(7)}, {.size = 3});
  CHECK_EQUAL(batches.count(), 3);
  CHECK_EQUAL(batches.sample_count(), 7);
  int64_t start = 0;
  for (const data::Batch& batch : batches) {
    CHECK_EQUAL(batch.size(), std::min<int64_t>(3, 7 - start));
    CHECK(batch[0].is_contiguous());
    CHECK(batch[0].data<float>() == x.data<float>() + start * 6);
    CHECK_EQUAL(batch[1].data<int64_t>()[0], start);
    start += batch.size();
  }
  CHECK_EQUAL(start, 7);
}

TEST(a_smaller_last_batch_may_be_left_out) {
  const data::Batches batches({numbers(7)}, {.size = 3, .drop_last = true});
  CHECK_EQUAL(batches.sample_count(), 6);
  CHECK_EQUAL(pass(batches).size(), size_t{2});
  CHECK(pass(data::Batches({numbers(2)}, {.size = 3, .drop_last = true})).empty());
}

TEST(sizes_of_none_and_one) {
  CHECK(pass(data::Batches({numbers(0)})).empty());
  CHECK(pass(data::Batches({numbers(0)}, {.shuffle = true})).empty());
  CHECK_EQUAL(pass(data::Batches({numbers(1)})).size(), size_t{1});
  CHECK_EQUAL(pass(data::Batches({numbers(3)}, {.size = 1})).size(), size_t{3});
  CHECK_EQUAL((*data::Batches({zeros({2, 0})}).begin())[0].shape(), Dims({2, 0}));
}

TEST(passes_have_orders_of_their_own) {
  Generator generator(4);
  const Tensor labels = numbers(50);
  const Tensor x = astype(labels, DType::bfloat16) * 2.0;
  const data::Batches batches({labels, x}, {.size = 8, .shuffle = true, .generator = &generator});
  const std::vector<double> first = joined(pass(batches));
  const std::vector<double> second = joined(pass(batches));
  CHECK(first != second);
  std::vector<double> sorted = first;
  std::sort(sorted.begin(), sorted.end());
  CHECK(sorted == support::values(labels));

  Generator again(4);
  CHECK(first == support::values(permutation(50, again)));
  CHECK(second == support::values(permutation(50, again)));
  for (const data::Batch& batch : batches) CHECK_TENSORS_CLOSE(astype(batch[0], DType::float32) * 2.0, batch[1], 0);
}

TEST(batches_refuse_what_they_cannot_take) {
  CHECK_THROWS(ValueError, "expected a size of at least 1, got 0", data::Batches({numbers(3)}, {.size = 0}));
  CHECK_THROWS(ValueError, "expected tensors, got none", data::Batches({}));
  CHECK_THROWS(ValueError, "got shapes (3,) and (4,)", data::Batches({numbers(3), numbers(4)}));
  CHECK_THROWS(ValueError, "expected tensors with first axes of the same length", data::Batches({zeros({})}));
}

TEST(batches_leave_nothing_behind) {
  const int64_t before = live_tensor_count();
  {
    const data::Batches batches({numbers(9), normal({9, 2})}, {.size = 4, .shuffle = true});
    int64_t count = 0;
    for (const data::Batch& batch : batches) count += batch.size();
    CHECK_EQUAL(count, 9);
  }
  CHECK_EQUAL(live_tensor_count(), before);
}
