// Reductions inside of elementwise kernels: which ones join, what is written, and that results are those of eager
// calls.
#include <random>
#include <set>

#include "exec/plan.h"
#include "graph/passes/passes.h"
#include "graphs.h"
#include "runtime/threads.h"

using graphs::graph_of;
using pydl::Dims;
using pydl::DType;
using pydl::Tensor;
using pydl::graph::Graph;
using pydl::graph::Node;

namespace {

using Function = std::vector<Tensor> (*)(const std::vector<Tensor>&);

Graph fused(const Function& function, const std::vector<Tensor>& arguments) {
  Graph graph = graph_of(function, arguments);
  pydl::graph::fuse_elementwise(graph);
  pydl::graph::fuse_reductions(graph);
  pydl::graph::verify(graph, "fuse_reductions");
  return graph;
}

/// The nodes that are no views, by name.
std::multiset<std::string> names(const Graph& graph) {
  std::multiset<std::string> result;
  for (const Node& node : graph.nodes) {
    if (!graph.is_view(node)) result.insert(node_name(node));
  }
  return result;
}

using Names = std::multiset<std::string>;

std::vector<Tensor> run(Graph graph, const std::vector<Tensor>& arguments) {
  std::vector<Tensor> outputs(graph.outputs.size());
  pydl::exec::Plan plan(std::move(graph), {}, {}, {});
  plan.run(arguments, outputs);
  return outputs;
}

Tensor random_tensor(std::mt19937& engine, const Dims& shape, DType dtype) {
  std::vector<double> values(static_cast<size_t>(pydl::element_count(shape)));
  for (double& value : values) value = static_cast<double>(engine() % 4001) / 1000.0 - 2.0;
  return pydl::astype(Tensor::from_values<double>(values, shape), dtype);
}

pydl::Axes over(std::initializer_list<int64_t> axes) { return std::vector<int64_t>(axes); }

void check_equals_eager(const Function& function, const std::vector<Tensor>& arguments, double tolerance) {
  const std::vector<Tensor> expected = function(arguments);
  const std::vector<Tensor> actual = run(fused(function, arguments), arguments);
  CHECK_EQUAL(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    CHECK_EQUAL(static_cast<int>(actual[i].dtype()), static_cast<int>(expected[i].dtype()));
    CHECK_TENSORS_CLOSE(actual[i], expected[i], tolerance);
  }
}

// Sums of thousands of terms that cancel, met in another order.
constexpr double in_another_order = 3e-12;

// Every reduction of a matrix, of a result that is read by nothing else and of one that is given back.
std::vector<Tensor> all_of_a_matrix(const std::vector<Tensor>& in) {
  const Tensor product = in[0] * in[1];
  const Tensor hidden = product - in[1];
  return {product, pydl::sum(hidden), pydl::mean(product), pydl::max(hidden), pydl::min(product)};
}

std::vector<Tensor> rows_of_a_matrix(const std::vector<Tensor>& in) {
  const Tensor product = in[0] * in[1];
  return {pydl::sum(product, over({0})), pydl::mean(product, over({0}), true), pydl::max(product, over({0})),
          pydl::min(product - 1.0, over({0}))};
}

std::vector<Tensor> columns_of_a_matrix(const std::vector<Tensor>& in) {
  const Tensor product = in[0] * in[1];
  return {pydl::sum(product, over({1})), pydl::mean(product, over({1}), true), pydl::max(product, over({1})),
          pydl::sum(product), product};
}

// Below and above what one tile, and one block, hold.
const std::vector<Dims>& matrices() {
  static const std::vector<Dims> list = {{2, 2},     {3, 5},     {7, 1},    {1, 9},    {33, 10},   {5, 127},
                                         {40, 128},  {1000, 10}, {130, 96}, {9, 1024}, {70, 1025}, {3, 5000},
                                         {300, 512}, {9000, 3},  {64, 784}, {2, 40000}};
  return list;
}

}  // namespace

TEST(reductions_equal_eager_ones) {
  std::mt19937 engine(1);
  for (const DType dtype : {DType::float64, DType::float32}) {
    const double tolerance = dtype == DType::float64 ? in_another_order : 1e-4;
    for (const Dims& shape : matrices()) {
      const std::vector<Tensor> arguments = {random_tensor(engine, shape, dtype), random_tensor(engine, shape, dtype)};
      for (const Function function : {all_of_a_matrix, rows_of_a_matrix, columns_of_a_matrix}) {
        check_equals_eager(function, arguments, tolerance);
      }
    }
  }
}

TEST(reductions_of_broadcast_operands) {
  // Repeated rows and columns, single numbers, short and long ones, in every place.
  std::mt19937 engine(2);
  const Function functions[] = {all_of_a_matrix, rows_of_a_matrix, columns_of_a_matrix};
  for (const Dims& shape : matrices()) {
    for (const Dims& other : {Dims{shape[1]}, Dims{shape[0], 1}, Dims{}, Dims{1, 1}}) {
      const Tensor x = random_tensor(engine, shape, DType::float64);
      const Tensor y = random_tensor(engine, other, DType::float64);
      for (const Function function : functions) check_equals_eager(function, {x, y}, in_another_order);
    }
  }
}

TEST(reductions_over_several_axes) {
  std::mt19937 engine(3);
  for (const Dims& shape : {Dims{2, 3, 4}, Dims{5, 1, 7}, Dims{4, 130, 140}, Dims{40, 3, 2, 5}, Dims{3, 4, 1, 300}}) {
    const std::vector<Tensor> arguments = {random_tensor(engine, shape, DType::float64),
                                           random_tensor(engine, {shape[shape.rank() - 1]}, DType::float64)};
    check_equals_eager(
        [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
          const Tensor x = pydl::square(in[0]) + in[1];
          return {pydl::sum(x, over({0})),     pydl::sum(x, over({0, 1})), pydl::sum(x, over({1, 2})),
                  pydl::mean(x, over({0, 2})), pydl::sum(x, over({1})),    pydl::max(x, over({0, 1}), true)};
        },
        arguments, 1e-13);
  }
}

TEST(reductions_of_integers_and_conversions) {
  std::mt19937 engine(4);
  for (const DType dtype : {DType::int32, DType::int64}) {
    for (const Dims& shape : {Dims{3, 5}, Dims{200, 300}, Dims{2, 3000}}) {
      check_equals_eager(
          [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
            const Tensor x = in[0] * in[0] - in[0];
            const Tensor below = pydl::less(in[0], x);
            return {pydl::sum(x),
                    pydl::sum(x, over({0})),
                    pydl::max(x, over({0})),
                    pydl::min(x, over({1})),
                    pydl::sum(below),
                    pydl::sum(below, over({1})),
                    pydl::mean(pydl::astype(x, DType::float64))};
          },
          {random_tensor(engine, shape, dtype)}, 1e-13);
    }
  }
}

TEST(reductions_of_strided_operands) {
  // Transposed, reversed and sliced operands; the results are row-major.
  std::mt19937 engine(5);
  for (const Dims& shape : {Dims{4, 6}, Dims{150, 130}, Dims{300, 200}}) {
    const Dims turned = {shape[1], shape[0]};
    check_equals_eager(
        [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
          const Tensor x = in[0] * pydl::matrix_transpose(in[1]) + pydl::flip(in[0]);
          return {pydl::sum(x), pydl::sum(x, over({0})), pydl::sum(x, over({1}))};
        },
        {random_tensor(engine, shape, DType::float64), random_tensor(engine, turned, DType::float64)}, 1e-13);
  }
}

TEST(extrema_of_numbers_that_are_none) {
  const double nan = std::nan("");
  const double infinite = std::numeric_limits<double>::infinity();
  check_equals_eager(
      [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
        const Tensor x = pydl::negative(in[0]);
        return {pydl::max(x, over({0})), pydl::min(x, over({1})), pydl::max(x), pydl::sum(x, over({1}))};
      },
      {support::doubles({1, nan, -infinite, 2, infinite, 3, -1, -2, -3}, {3, 3})}, 0);
}

TEST(threads_do_not_change_fused_sums) {
  std::mt19937 engine(6);
  const int before = pydl::runtime::thread_count();
  for (const Dims& shape : {Dims{300, 512}, Dims{70, 5000}, Dims{20000, 7}}) {
    const std::vector<Tensor> arguments = {random_tensor(engine, shape, DType::float32),
                                           random_tensor(engine, shape, DType::float32)};
    for (const Function function : {all_of_a_matrix, rows_of_a_matrix, columns_of_a_matrix}) {
      pydl::runtime::set_thread_count(1);
      const std::vector<Tensor> alone = run(fused(function, arguments), arguments);
      pydl::runtime::set_thread_count(4);
      const std::vector<Tensor> together = run(fused(function, arguments), arguments);
      for (size_t i = 0; i < alone.size(); ++i) CHECK_TENSORS_CLOSE(alone[i], together[i], 0);
    }
  }
  pydl::runtime::set_thread_count(before);
}

// --- which reductions join
// --------------------------------------------------------------------------------------------

TEST(a_mean_squared_error_is_one_kernel_without_memory) {
  const std::vector<Tensor> arguments = {pydl::ones({30, 40}), pydl::zeros({30, 40})};
  Graph graph = fused(
      [](const std::vector<Tensor>& in) -> std::vector<Tensor> { return {pydl::mean(pydl::square(in[0] - in[1]))}; },
      arguments);
  CHECK(names(graph) == Names{"subtract+square+mean"});
  CHECK_EQUAL(graph.nodes[0].outputs.size(), size_t{1});
  CHECK_EQUAL(pydl::graph::node_flops(graph, graph.nodes[0]), 3 * 1200);
  CHECK_EQUAL(pydl::graph::node_bytes(graph, graph.nodes[0]), 4 * (2 * 1200 + 1));
  CHECK(pydl::graph::to_text(graph).find("{axes=(0, 1), keepdims=false} -> float32()") != std::string::npos);
  const pydl::exec::Plan plan(graph, {}, {}, {});
  CHECK_EQUAL(plan.memory().total, 0);
  CHECK_TENSORS_CLOSE(run(graph, arguments)[0], Tensor::scalar(1, DType::float32), 0);
}

TEST(what_others_read_is_written_in_the_same_pass) {
  const Graph graph = fused(
      [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
        const Tensor gradient = in[0] * in[1];
        return {pydl::matmul(pydl::matrix_transpose(gradient), in[0]), pydl::sum(gradient, over({0}))};
      },
      {pydl::ones({30, 40}), pydl::ones({30, 40})});
  CHECK(names(graph) == Names({"multiply+sum", "matmul"}));
  CHECK_EQUAL(graph.nodes[0].outputs.size(), size_t{2});
  CHECK_EQUAL(graph.spec(graph.nodes[0].outputs[0]).shape, (Dims{30, 40}));
  CHECK_EQUAL(graph.spec(graph.nodes[0].outputs[1]).shape, Dims{40});
}

TEST(what_is_computed_from_a_sum_stays_apart) {
  const Graph graph = fused(
      [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
        const Tensor e = pydl::exp(in[0]);
        return {e / pydl::sum(e, over({1}), true)};
      },
      {pydl::ones({30, 40})});
  CHECK(names(graph) == Names({"exp+sum", "divide"}));
}

TEST(reductions_of_other_shapes_stay_apart) {
  const auto names_of = [](const Function& function, const Tensor& x) { return names(fused(function, {x})); };
  const Tensor x = pydl::ones({2, 3, 4});
  // One kernel sees one matrix; axes in the middle are none.
  CHECK(names_of(
            [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
              const Tensor y = pydl::exp(in[0]);
              return {pydl::sum(y, over({0})), pydl::sum(y, over({2}))};
            },
            x) == Names({"exp+sum", "sum"}));
  CHECK(
      names_of(
          [](const std::vector<Tensor>& in) -> std::vector<Tensor> { return {pydl::sum(pydl::exp(in[0]), over({1}))}; },
          x) == Names({"exp", "sum"}));
  // Nothing meets.
  CHECK(
      names_of(
          [](const std::vector<Tensor>& in) -> std::vector<Tensor> { return {pydl::sum(pydl::exp(in[0]), over({1}))}; },
          pydl::ones({5, 1})) == Names({"exp", "sum"}));
  CHECK(names_of([](const std::vector<Tensor>& in) -> std::vector<Tensor> { return {pydl::sum(pydl::exp(in[0]))}; },
                 pydl::ones({0, 4})) == Names({"exp", "sum"}));
  // Another layout than row-major.
  CHECK(names_of(
            [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
              return {pydl::sum(pydl::exp(pydl::permute_dims(in[0], std::vector<int64_t>{2, 1, 0})))};
            },
            x) == Names({"exp", "sum"}));
  // A dtype that fused kernels do not compute in, and reductions that they do not know.
  CHECK(names_of(
            [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
              return {pydl::max(pydl::abs(in[0])), pydl::prod(pydl::sin(pydl::astype(in[0], DType::float32)))};
            },
            pydl::ones({3, 4}, DType::int8)) == Names({"abs", "max", "cast", "sin", "prod"}));
}

TEST(sums_after_a_write_are_of_what_was_written) {
  const std::vector<Tensor> arguments = {support::doubles({1, 2, 3}, {3})};
  const Graph graph = fused(
      [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
        const Tensor x = in[0] * 2.0;
        const Tensor before = pydl::sum(x);
        pydl::assign(x, pydl::zeros({3}, DType::float64) + 1.0);
        return {before, pydl::sum(x)};
      },
      arguments);
  CHECK_EQUAL(graphs::count(graph, "sum"), 2);
  const std::vector<Tensor> sums = run(graph, arguments);
  CHECK_CLOSE(sums[0].item(), 12, 0);
  CHECK_CLOSE(sums[1].item(), 3, 0);
}

TEST(views_of_what_is_reduced_keep_it) {
  const std::vector<Tensor> arguments = {support::doubles({1, 2, 3, 4}, {2, 2})};
  const std::vector<Tensor> results = run(fused(
                                              [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
                                                const Tensor x = in[0] + 1.0;
                                                return {pydl::sum(x), pydl::flip(x)};
                                              },
                                              arguments),
                                          arguments);
  CHECK_CLOSE(results[0].item(), 14, 0);
  CHECK_TENSORS_CLOSE(results[1], support::doubles({5, 4, 3, 2}, {2, 2}), 0);
}

TEST(kernels_take_as_many_reductions_as_operands) {
  const std::vector<Tensor> arguments = {pydl::full({3, 4}, 0.5, DType::float64)};
  const Function function = [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    const Tensor x = in[0] * in[0];
    std::vector<Tensor> sums;
    for (int i = 0; i < 14; ++i) sums.push_back(i % 2 == 0 ? pydl::sum(x) : pydl::sum(x, over({0})));
    return sums;
  };
  check_equals_eager(function, arguments, 0);
  for (const Node& node : fused(function, arguments).nodes) CHECK(node.outputs.size() + node.inputs.size() <= 10);
}

TEST(verification_finds_broken_reductions) {
  const auto make = [] {
    return fused(
        [](const std::vector<Tensor>& in) -> std::vector<Tensor> { return {pydl::sum(pydl::exp(in[0]), over({0}))}; },
        {pydl::ones({3, 4})});
  };
  Graph graph = make();
  graph.nodes[0].reductions[0].operand = 0;  // an input
  CHECK_THROWS(pydl::Error, "reduces operand 0", pydl::graph::verify(graph, "test"));
  graph = make();
  graph.nodes[0].shape = {4, 3};
  CHECK_THROWS(pydl::Error, "shape", pydl::graph::verify(graph, "test"));
  graph = make();
  graph.nodes[0].reductions.clear();
  CHECK_THROWS(pydl::Error, "reduces 0", pydl::graph::verify(graph, "test"));
}
