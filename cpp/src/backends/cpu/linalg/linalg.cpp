// Triangular factorisations and solutions of linear equations.
#include <algorithm>
#include <string>

#include "backends/cpu/families.h"
#include "backends/cpu/linalg/batch.h"
#include "backends/cpu/linalg/triangles.h"
#include "backends/cpu/workspace.h"
#include "op/attrs/linalg.h"
#include "op/batch_position.h"
#include "pydl/error.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

constexpr const char* reason_for(OpId op) {
  switch (op) {
    case OpId::cholesky: return " is not positive definite";
    case OpId::solve_triangular: return " is singular: it has a 0 on the diagonal";
    default: return " is singular";
  }
}

// Of one matrix with that many rows, and columns of b.
double cost_of(double rows, double columns) {
  return runtime::cost::multiply_add_from_memory * rows * rows * (rows + columns);
}

template <class T>
bool has_zero_on_diagonal(const Block<T>& a) {
  for (int64_t i = 0; i < a.rows; ++i) {
    if (a(i, i) == 0) return true;
  }
  return false;
}

// Operands: a, and b if there is one. The first result has the shape of the last operand. Results are row-major.
template <class T, OpId op>
class TriangularKernel final : public Kernel {
 public:
  explicit TriangularKernel(const KernelCall& call)
      : a_(call.inputs[0], 2),
        b_(call.inputs.back(), 2),
        result_(call.outputs[0], 2),
        parts_(a_.count(), cost_of(static_cast<double>(a_.rows()), static_cast<double>(b_.columns()))) {
    if constexpr (op == OpId::solve_triangular) attrs_ = op::from_attrs<op::TriangularAttrs>(call.attrs);
    counted_ = count_products();
    Workspace workspace;
    divide(workspace);
    scratchpad_bytes = parts_.reserve(workspace.used());
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const int64_t failed = parts_.run(
        context.scratchpad, [&](int64_t number, char* memory) { return solve(number, inputs, outputs, memory); });
    if (failed < 0) return;
    throw ValueError(std::string(op::op_name(op)) + ": " + op::batch_position("the matrix", a_.shape(), failed) +
                     reason_for(op));
  }

 private:
  struct Memory {
    T* lu;
    int64_t* permutation;
    char* products;
  };

  Memory divide(Workspace& workspace) const {
    Memory memory = {};
    if constexpr (op == OpId::solve) {
      memory.lu = workspace.take<T>(a_.rows() * a_.rows());
      memory.permutation = workspace.take<int64_t>(a_.rows());
    }
    // Without memory, they would only count.
    memory.products = workspace.take<char>(static_cast<int64_t>(std::max<size_t>(counted_.bytes(), 1)));
    return memory;
  }

  // What all products of one matrix need, with the strides that they will have. No element is touched.
  Products<T> count_products() const {
    Products<T> products(parts_.threads_of_each(), nullptr);
    T nothing = 0;
    const Block<T> result = result_.at<T>(&nothing, 0);
    if constexpr (op == OpId::cholesky) {
      factorise_cholesky(result, products);
    } else if constexpr (op == OpId::lu_factor) {
      factorise_lu(result, nullptr, products);
    } else if constexpr (op == OpId::solve_triangular) {
      solve_given_triangle(a_.at<T>(&nothing, 0), result, products);
    } else {
      const Block<T> lu = {&nothing, a_.rows(), a_.rows(), a_.rows()};
      factorise_lu(lu, nullptr, products);
      solve_factorised(lu, result, products);
    }
    return products;
  }

  void solve_given_triangle(const Block<T>& a, const Block<T>& b, Products<T>& products) const {
    const bool upper = attrs_.upper != attrs_.transpose;
    solve_triangle({upper, attrs_.unit_diagonal}, attrs_.transpose ? a.transposed() : a, b, products);
  }

  static void solve_factorised(const Block<T>& lu, const Block<T>& b, Products<T>& products) {
    solve_triangle({.upper = false, .unit = true}, lu, b, products);
    solve_triangle({.upper = true, .unit = false}, lu, b, products);
  }

  bool solve(int64_t number, void* const* inputs, void* const* outputs, char* scratchpad) const {
    Workspace workspace(scratchpad);
    const Memory memory = divide(workspace);
    Products<T> products(parts_.threads_of_each(), memory.products);
    products.divide_as(counted_);
    const Block<T> a = a_.at<T>(inputs[0], number);
    const Block<T> result = result_.at<T>(outputs[0], number);
    if constexpr (op == OpId::lu_factor) {
      copy_block(result, a);
      int64_t* permutation = static_cast<int64_t*>(outputs[1]) + number * a.rows;
      static_cast<T*>(outputs[2])[number] = factorise_lu(result, permutation, products);
      return true;
    } else if constexpr (op == OpId::cholesky) {
      copy_block(result, a);
      if (!factorise_cholesky(result, products)) return false;
      for (int64_t i = 0; i < result.rows; ++i) std::fill(result.row(i) + i + 1, result.row(i) + result.columns, T{0});
      return true;
    } else if constexpr (op == OpId::solve_triangular) {
      if (!attrs_.unit_diagonal && has_zero_on_diagonal(a)) return false;
      copy_block(result, b_.at<T>(inputs[1], number));
      solve_given_triangle(a, result, products);
      return true;
    } else {
      const Block<T> b = b_.at<T>(inputs[1], number);
      const Block<T> lu = {memory.lu, a.rows, a.rows, a.rows};
      copy_block(lu, a);
      factorise_lu(lu, memory.permutation, products);
      if (has_zero_on_diagonal(lu)) return false;
      for (int64_t i = 0; i < a.rows; ++i) {
        copy_block(result.part(i, 0, 1, b.columns), b.part(memory.permutation[i], 0, 1, b.columns));
      }
      solve_factorised(lu, result, products);
      return true;
    }
  }

  MatrixBatch a_;
  MatrixBatch b_;
  MatrixBatch result_;
  BatchParts parts_;
  op::TriangularAttrs attrs_;
  Products<T> counted_{1, nullptr};
};

template <OpId op>
std::unique_ptr<Kernel> prepare_triangular(const KernelCall& call) {
  const BufferSpec& result = call.outputs[0];
  if (element_count(result.shape) == 0) return nullptr;
  for (const BufferSpec& output : call.outputs) {
    if (!is_contiguous(output.shape, output.strides)) return nullptr;
  }
  if (result.dtype == DType::float32) return std::make_unique<TriangularKernel<float, op>>(call);
  if (result.dtype == DType::float64) return std::make_unique<TriangularKernel<double, op>>(call);
  return nullptr;
}

}  // namespace

void register_linalg(KernelTable& table) {
  table.add(OpId::lu_factor, Provider::cpu, prepare_triangular<OpId::lu_factor>);
  table.add(OpId::solve, Provider::cpu, prepare_triangular<OpId::solve>);
  table.add(OpId::solve_triangular, Provider::cpu, prepare_triangular<OpId::solve_triangular>);
  table.add(OpId::cholesky, Provider::cpu, prepare_triangular<OpId::cholesky>);
}

}  // namespace pydl::cpu
