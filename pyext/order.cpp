// Order, search and sets (pydl/order.h), as functions and methods.
#include "pydl/order.h"

#include "bindings.h"
#include "casters.h"
#include "core/named.h"
#include "pydl/indexing.h"

namespace pydl::python {

namespace {

using Pair = std::pair<Tensor, Tensor>;

Pair pair_of(const ValuesAndIndices& found) { return {found.values, found.indices}; }

// `sort` or `argsort`, as a function and a method. The order is always stable: `stable=False` only permits another one.
template <class Function>
void define_sort(py::module_& module, const py::object& type, const char* name, const Function& function,
                 const char* doc) {
  const auto run = [function](const Tensor& x, int64_t axis, bool descending, bool) {
    return compute(x.size(), [&] { return function(x, axis, descending); });
  };
  module.def(name, run, py::arg("x"), py::arg("axis") = -1, py::arg("descending") = false, py::kw_only(),
             py::arg("stable") = true, doc);
  const std::string method_doc = concat_text("See `pydl.", name, "`. The tensor itself does not change.");
  method(type, name, run, py::arg("axis") = -1, py::arg("descending") = false, py::kw_only(), py::arg("stable") = true,
         method_doc.c_str());
}

void define_sorting(py::module_& module, const py::object& type) {
  define_sort(module, type, "sort", sort,
              "The elements along an axis in ascending or descending order; `argsort` says where they were.\n\n"
              "Equal elements keep their order, whatever `stable` says, and NaN is the largest number.\n\n"
              "Examples\n--------\n>>> import pydl\n"
              ">>> pydl.sort(pydl.tensor([3, 1, 2]))\ntensor([1, 2, 3], dtype=int64)\n");
  define_sort(module, type, "argsort", argsort,
              "The positions along an axis of the elements in ascending or descending order.\n\n"
              "Equal elements keep their order, whatever `stable` says, and NaN is the largest number.\n\n"
              "Examples\n--------\n>>> import pydl\n"
              ">>> pydl.argsort(pydl.tensor([3, 1, 2]), descending=True)\ntensor([0, 2, 1], dtype=int64)\n");
  method(
      type, "topk",
      [](const Tensor& x, int64_t k, int64_t axis, bool largest) {
        return pair_of(compute(x.size(), [&] { return topk(x, k, axis, largest); }));
      },
      py::arg("k"), py::arg("axis") = -1, py::arg("largest") = true, "See `pydl.topk`.");
}

// A sequence of keys, or a tensor whose first axis has them.
std::vector<Tensor> keys_of(const py::object& keys) try {
  std::vector<Tensor> tensors;
  if (is_tensor(keys.ptr())) {
    const Tensor& all = unwrap(keys.ptr());
    const int64_t count = all.rank() == 0 ? 0 : all.size(0);
    for (int64_t i = 0; i < count; ++i) tensors.push_back(index(all, {i}));
    return tensors;
  }
  if (!py::isinstance<py::sequence>(keys)) throw TypeError("lexsort: expected a sequence of tensors");
  for (const py::handle key : keys) tensors.push_back(to_tensor(key));
  return tensors;
} catch (const Error&) {
  core::rethrow_as("lexsort");
}

void define_order_statistics(py::module_& module, const py::object& type) {
  const auto kth = [](const Tensor& x, int64_t k, int64_t axis, bool keepdims) {
    return pair_of(compute(x.size(), [&] { return kthvalue(x, k, axis, keepdims); }));
  };
  module.def("kthvalue", kth, py::arg("x"), py::arg("k"), py::arg("axis") = -1, py::arg("keepdims") = false,
             "The k-th smallest element along an axis, and where it is.\n\n"
             "Parameters\n----------\nx : Tensor\nk : int\n    From 1 to the number of elements of the axis.\n"
             "axis : int\nkeepdims : bool\n    Whether the axis is kept with size 1.\n\nReturns\n-------\n"
             "tuple of Tensor\n    Values, and int64 indices.\n\nExamples\n--------\n>>> import pydl\n"
             ">>> value, index = pydl.kthvalue(pydl.tensor([5, 1, 3]), 2)\n>>> value.item(), index.item()\n(3, 2)\n");
  method(type, "kthvalue", kth, py::arg("k"), py::arg("axis") = -1, py::arg("keepdims") = false,
         "See `pydl.kthvalue`.");
  const auto most_frequent = [](const Tensor& x, int64_t axis, bool keepdims) {
    return pair_of(compute(x.size(), [&] { return mode(x, axis, keepdims); }));
  };
  module.def("mode", most_frequent, py::arg("x"), py::arg("axis") = -1, py::arg("keepdims") = false,
             "The most frequent element along an axis, the smallest one if there are several, and where the last of it "
             "is.\n\nExamples\n--------\n>>> import pydl\n"
             ">>> value, index = pydl.mode(pydl.tensor([3, 1, 3, 1, 2]))\n>>> value.item(), index.item()\n(1, 3)\n");
  method(type, "mode", most_frequent, py::arg("axis") = -1, py::arg("keepdims") = false, "See `pydl.mode`.");
  module.def(
      "lexsort",
      [](const py::object& keys, int64_t axis) {
        const std::vector<Tensor> tensors = keys_of(keys);
        const int64_t work = tensors.empty() ? 0 : tensors[0].size();
        return compute(work, [&] { return lexsort(tensors, axis); });
      },
      py::arg("keys"), py::arg("axis") = -1,
      "The order by several keys along an axis, as in NumPy: the last key matters most.\n\n"
      "Parameters\n----------\nkeys : sequence of Tensor\n    All of one shape; a tensor is a sequence along its first "
      "axis.\naxis : int\n\nReturns\n-------\n"
      "Tensor\n    int64 indices.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.lexsort([pydl.tensor([2, 1, 0]), pydl.tensor([0, 0, 1])])\ntensor([1, 0, 2], dtype=int64)\n");
}

// 'left', 'right', or nothing.
bool is_right(const std::string& side) {
  if (side == "right") return true;
  if (side == "left") return false;
  throw ValueError(concat_text("searchsorted: expected side 'left' or 'right', got '", side, "'"));
}

Tensor search(const Tensor& x, const py::object& values, const std::string& side,
              const std::optional<Tensor>& sorter) try {
  const Tensor wanted = to_tensor_beside(values, x);
  const bool right = is_right(side);
  return compute(wanted.size() * 8, [&] { return searchsorted(x, wanted, right, sorter.value_or(Tensor{})); });
} catch (const Error&) {
  core::rethrow_as("searchsorted");
}

void define_search(py::module_& module, const py::object& type) {
  module.def("searchsorted", search, py::arg("x"), py::arg("values"), py::arg("side") = "left",
             py::arg("sorter") = py::none(),
             "Where values belong among sorted elements.\n\n"
             "Parameters\n----------\nx : Tensor, (N,) or (..., N)\n    Ascending along the last axis, as `sort` "
             "returns them.\nvalues : Tensor of any shape, or (..., M)\n    If x has several axes, all but the last "
             "must agree.\nside : {'left', 'right'}\n    Before or after the elements that are equal to a value.\n"
             "sorter : Tensor, of the shape of x, optional\n    The order of an x that is not sorted, as `argsort` "
             "returns it.\n\nReturns\n-------\nTensor\n    int64, of the shape of the values.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> x = pydl.tensor([1, 3, 5])\n"
             ">>> pydl.searchsorted(x, pydl.tensor([3, 6]))\ntensor([1, 3], dtype=int64)\n");
  method(type, "searchsorted", search, py::arg("values"), py::arg("side") = "left", py::arg("sorter") = py::none(),
         "See `pydl.searchsorted`.");
  module.def(
      "bucketize",
      [](const Tensor& x, const Tensor& boundaries, bool right) {
        return compute(x.size() * 8, [&] { return bucketize(x, boundaries, right); });
      },
      py::arg("x"), py::arg("boundaries"), py::arg("right") = false,
      "The number of the interval that contains each element, as in PyTorch.\n\n"
      "Parameters\n----------\nx : Tensor\nboundaries : Tensor, (N,)\n    Ascending.\nright : bool\n"
      "    Whether a boundary belongs to the interval above it, not to the one below it.\n\nReturns\n-------\nTensor\n"
      "    int64 from 0 to N, of the shape of x.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.bucketize(pydl.tensor([0.5, 1.0, 2.5]), pydl.tensor([1.0, 2.0]))\ntensor([0, 0, 2], dtype=int64)\n");
  module.def(
      "digitize",
      [](const Tensor& x, const Tensor& bins, bool right) {
        return compute(x.size() * 8, [&] { return digitize(x, bins, right); });
      },
      py::arg("x"), py::arg("bins"), py::arg("right") = false,
      "The number of the bin that contains each element, as in NumPy: `right` means that a bin contains its right\n"
      "edge, which is the opposite of `bucketize`. The bins are ascending.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.digitize(pydl.tensor([0.5, 1.0, 2.5]), pydl.tensor([1.0, 2.0]))\ntensor([0, 1, 2], dtype=int64)\n");
  module.def(
      "isin",
      [](const Tensor& x, const Tensor& values, bool invert) {
        return compute(x.size() * 8, [&] { return isin(x, values, invert); });
      },
      py::arg("x"), py::arg("values"), py::kw_only(), py::arg("invert") = false,
      "Whether each element is among some values, or with `invert` is not. NaN equals nothing.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.isin(pydl.tensor([1, 2, 3]), pydl.tensor([3, 1, 7]))\n"
      "tensor([ True, False,  True], dtype=bool)\n");
}

// The values, and the indices and counts that the caller requested.
py::object unique_of(const Tensor& x, bool return_index, bool return_inverse, bool return_counts,
                     std::optional<int64_t> axis, bool equal_nan) {
  if (!return_index && !return_inverse && !return_counts && !axis) {
    return py::cast(compute(x.size(), [&] { return unique_elements(x, equal_nan); }));
  }
  const Unique found = compute(x.size(), [&] { return unique(x, axis, equal_nan); });
  py::list results;
  results.append(found.values);
  if (return_index) results.append(found.indices);
  if (return_inverse) results.append(found.inverse);
  if (return_counts) results.append(found.counts);
  return results.size() == 1 ? py::object(results[0]) : py::object(py::tuple(results));
}

void define_unique(py::module_& module, const py::object& type) {
  module.def("unique", unique_of, py::arg("x"), py::kw_only(), py::arg("return_index") = false,
             py::arg("return_inverse") = false, py::arg("return_counts") = false, py::arg("axis") = py::none(),
             py::arg("equal_nan") = true,
             "The different elements in ascending order, as in NumPy.\n\n"
             "Parameters\n----------\nx : Tensor\nreturn_index : bool\n    Whether to return where each value is "
             "first.\nreturn_inverse : bool\n    Whether to return the position of the value of each element.\n"
             "return_counts : bool\n    Whether to return how often each value occurs.\naxis : int, optional\n"
             "    Instead of elements, slices along this axis are compared.\nequal_nan : bool\n    Whether all NaN "
             "count as one value.\n\nReturns\n-------\nTensor or tuple of Tensor\n    The values, and what was asked "
             "for (int64). The size depends on values, so that a compiled\n    function cannot call it.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> x = pydl.tensor([3, 1, 3])\n>>> pydl.unique(x)\n"
             "tensor([1, 3], dtype=int64)\n>>> values, counts = pydl.unique(x, return_counts=True)\n"
             ">>> counts.tolist()\n[1, 2]\n");
  method(type, "unique", unique_of, py::kw_only(), py::arg("return_index") = false, py::arg("return_inverse") = false,
         py::arg("return_counts") = false, py::arg("axis") = py::none(), py::arg("equal_nan") = true,
         "See `pydl.unique`.");
  module.def(
      "unique_values", [](const Tensor& x) { return compute(x.size(), [&] { return unique_values(x); }); },
      py::arg("x"),
      "The different elements in ascending order; each NaN is one of its own, as the array API demands.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.unique_values(pydl.tensor([3, 1, 3]))\n"
      "tensor([1, 3], dtype=int64)\n");
  module.def(
      "unique_counts",
      [](const Tensor& x) {
        const UniqueCounts found = compute(x.size(), [&] { return unique_counts(x); });
        return Pair(found.values, found.counts);
      },
      py::arg("x"),
      "The different elements as `unique_values` returns them, and how often each occurs.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> values, counts = pydl.unique_counts(pydl.tensor([3, 1, 3]))\n"
      ">>> values.tolist(), counts.tolist()\n([1, 3], [1, 2])\n");
  module.def(
      "unique_inverse",
      [](const Tensor& x) {
        const UniqueInverse found = compute(x.size(), [&] { return unique_inverse(x); });
        return Pair(found.values, found.inverse);
      },
      py::arg("x"),
      "The different elements as `unique_values` returns them, and the position of the value of each element.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> values, inverse = pydl.unique_inverse(pydl.tensor([3, 1, 3]))\n"
      ">>> values.tolist(), inverse.tolist()\n([1, 3], [1, 0, 1])\n");
  module.def(
      "unique_all",
      [](const Tensor& x) {
        const Unique found = compute(x.size(), [&] { return unique_all(x); });
        return std::tuple(found.values, found.indices, found.inverse, found.counts);
      },
      py::arg("x"),
      "The different elements as `unique_values` returns them, where each is first, the position of the value of each\n"
      "element, and how often each occurs.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> values, indices, inverse, counts = pydl.unique_all(pydl.tensor([3, 1, 3]))\n"
      ">>> indices.tolist(), inverse.tolist(), counts.tolist()\n([1, 0], [1, 0, 1], [1, 2])\n");
}

void define_set(py::module_& module, const char* name, const char* doc,
                Tensor (*function)(const Tensor&, const Tensor&)) {
  module.def(
      name,
      [function](const Tensor& a, const Tensor& b) {
        return compute(a.size() + b.size(), [&] { return function(a, b); });
      },
      py::arg("a"), py::arg("b"), doc);
}

void define_sets(py::module_& module) {
  define_set(module, "intersect1d",
             "The different elements that both tensors have, in ascending order.\n\nExamples\n--------\n"
             ">>> import pydl\n>>> pydl.intersect1d(pydl.tensor([3, 1, 2]), pydl.tensor([2, 3, 4]))\n"
             "tensor([2, 3], dtype=int64)\n",
             intersect1d);
  define_set(module, "union1d",
             "The different elements that one of two tensors has, in ascending order.\n\nExamples\n--------\n"
             ">>> import pydl\n>>> pydl.union1d(pydl.tensor([3, 1]), pydl.tensor([2, 3]))\n"
             "tensor([1, 2, 3], dtype=int64)\n",
             union1d);
  define_set(module, "setdiff1d",
             "The different elements of the first tensor that the second one does not have, in ascending order.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.setdiff1d(pydl.tensor([3, 1, 2]), pydl.tensor([2, 4]))\n"
             "tensor([1, 3], dtype=int64)\n",
             setdiff1d);
}

}  // namespace

void define_order(py::module_& module, const py::object& type) {
  define_sorting(module, type);
  define_order_statistics(module, type);
  define_search(module, type);
  define_unique(module, type);
  define_sets(module);
}

}  // namespace pydl::python
