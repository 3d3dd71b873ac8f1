// Several threads at once: what ThreadSanitizer looks at.
#include <atomic>
#include <deque>
#include <mutex>
#include <thread>

#include "pydl/autograd.h"
#include "pydl/nn.h"
#include "pydl/optim.h"
#include "pydl/threads.h"
#include "runtime/threads.h"
#include "support.h"

using pydl::DType;
using pydl::Tensor;

namespace {

constexpr int thread_count = 4;

template <class Function>
void run_together(const Function& function) {
  std::vector<std::thread> threads;
  for (int i = 0; i < thread_count; ++i) threads.emplace_back([&function, i] { function(i); });
  for (std::thread& thread : threads) thread.join();
}

/// A network of one hidden layer, trained for a few steps on one fixed batch; the loss at the end.
double train(uint64_t seed) {
  pydl::Generator generator(seed);
  Tensor hidden = pydl::nn::kaiming_uniform({16, 8}, 1.4, DType::float32, generator).set_requires_grad(true);
  Tensor out = pydl::nn::xavier_uniform({3, 16}, 1, DType::float32, generator).set_requires_grad(true);
  const Tensor x = pydl::normal({32, 8}, 0, 1, DType::float32, generator);
  const Tensor target = pydl::randint(0, 3, {32}, DType::int64, generator);
  const Tensor step = Tensor::scalar(0, DType::int64);
  const Tensor lr = Tensor::scalar(0.1, DType::float64);
  const std::vector<Tensor> parameters = {hidden, out};
  double last = 0;
  for (int i = 0; i < 20; ++i) {
    const Tensor loss = pydl::nn::cross_entropy(pydl::linear(pydl::relu(pydl::linear(x, hidden)), out), target);
    const std::vector<Tensor> gradients = pydl::grad({&loss, 1}, parameters);
    const pydl::GradMode without_history(false);
    pydl::optim::sgd_update(step, parameters, {}, gradients, lr, {});
    last = loss.item();
  }
  return last;
}

}  // namespace

TEST(the_number_of_threads_can_be_chosen) {
  const int before = pydl::num_threads();
  pydl::set_num_threads(3);
  CHECK_EQUAL(pydl::num_threads(), 3);
  CHECK_THROWS(pydl::ValueError, "1 to 1024", pydl::set_num_threads(0));
  pydl::set_num_threads(before);
}

TEST(threads_train_independently) {
  const double expected = train(3);
  std::array<double, thread_count> losses{};
  run_together([&](int i) { losses[static_cast<size_t>(i)] = train(3); });
  for (const double loss : losses) CHECK_CLOSE(loss, expected, 1e-6);
}

TEST(threads_share_constants_and_the_default_generator) {
  const Tensor weight = support::random_doubles({32, 32}).set_requires_grad(true);
  std::array<Tensor, thread_count> gradients;
  run_together([&](int i) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      const Tensor x = pydl::uniform({4, 32}, 0, 1, DType::float64);
      const Tensor loss = pydl::sum(pydl::dropout(pydl::linear(x, weight), 0.5));
      gradients[static_cast<size_t>(i)] = pydl::grad({&loss, 1}, {&weight, 1})[0];
    }
  });
  for (const Tensor& gradient : gradients) CHECK_EQUAL(gradient.shape(), weight.shape());
}

TEST(tensors_made_in_one_thread_are_freed_in_another) {
  const int64_t before = pydl::live_tensor_count();
  std::mutex mutex;
  std::deque<Tensor> queue;
  std::atomic<bool> done = false;
  int64_t total = 0;
  std::thread consumer([&] {
    while (true) {
      const bool last_round = done;
      std::deque<Tensor> taken;
      {
        const std::lock_guard lock(mutex);
        taken.swap(queue);
      }
      for (const Tensor& tensor : taken) total += tensor.item_int();
      if (last_round && taken.empty()) return;
    }
  });
  for (int i = 0; i < 2000; ++i) {
    const int64_t size = 1 + i % 7 * 1000;
    Tensor tensor = pydl::sum(pydl::ones({size}, DType::int64));
    const std::lock_guard lock(mutex);
    queue.push_back(std::move(tensor));
  }
  done = true;
  consumer.join();
  int64_t expected = 0;
  for (int i = 0; i < 2000; ++i) expected += 1 + i % 7 * 1000;
  CHECK_EQUAL(total, expected);
  CHECK_EQUAL(pydl::live_tensor_count(), before);
}

TEST(parallel_loops_cover_their_range_once_and_pass_exceptions_on) {
  std::vector<int> visits(10'000, 0);
  pydl::runtime::parallel_for(10'000, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) ++visits[static_cast<size_t>(i)];
  });
  CHECK(std::all_of(visits.begin(), visits.end(), [](int count) { return count == 1; }));
  pydl::runtime::parallel_for(0, 1, [&](int64_t, int64_t) { visits[0] = 2; });
  CHECK_EQUAL(visits[0], 1);
  CHECK_THROWS(pydl::IndexError, "from a thread",
               pydl::runtime::parallel_for(1000, 1, [](int64_t, int64_t) { throw pydl::IndexError("from a thread"); }));
  CHECK_THROWS(pydl::ValueError, "expected 1 to 1024 threads, got 0", pydl::runtime::set_thread_count(0));
}

TEST(kernels_called_from_several_threads_agree) {
  const Tensor x = pydl::uniform({200, 300});
  const Tensor expected = pydl::softmax(pydl::matmul(x, pydl::matrix_transpose(x)));
  std::array<Tensor, thread_count> results;
  run_together(
      [&](int i) { results[static_cast<size_t>(i)] = pydl::softmax(pydl::matmul(x, pydl::matrix_transpose(x))); });
  for (const Tensor& result : results) CHECK_TENSORS_CLOSE(result, expected, 1e-6);
}
