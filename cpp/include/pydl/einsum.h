// Sums of products, written with one letter per axis.
//
//   Tensor product = einsum("ij,jk->ik", {a, b});
//   Tensor traces = einsum("...ii", {x});
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>

#include "pydl/export.h"
#include "pydl/tensor.h"

namespace pydl {

/// The sum over all letters that are not in the output of the products of the operands' elements, as in NumPy. Each
/// operand has a group of letters, one per axis, and the groups are separated by commas. A letter that an operand has
/// twice stands for its diagonal. `...` stands for the axes without a letter, which are broadcast. Without `->`, the
/// output has the axes of the ellipsis, followed by the letters that occur once, in alphabetical order.
///
/// Operands are combined in pairs, in the order that takes the fewest multiplications (for more than eight of them,
/// in an order that is found step by step), and each pair is a matrix product. Differentiable.
PYDL_API Tensor einsum(std::string_view subscripts, std::span<const Tensor> operands);
inline Tensor einsum(std::string_view subscripts, std::initializer_list<Tensor> operands) {
  return einsum(subscripts, std::span(operands.begin(), operands.size()));
}

}  // namespace pydl
