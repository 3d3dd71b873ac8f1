// PyTorch's methods that write to indexed positions, in a new tensor or, with an underscore, in the tensor itself.
#include "bindings.h"
#include "casters.h"
#include "op/apply.h"
#include "pydl/indexing.h"
#include "pydl/scatter.h"
#include "scatter_arguments.h"

namespace pydl::python {

namespace {

// What is written: a tensor, or a number for every index.
Tensor source_for(const Tensor& x, const Tensor& index, const py::object& source) {
  const Tensor values = to_tensor_beside(source, x);
  return values.rank() == 0 && index.rank() > 0 ? expand(values, index.shape()) : values;
}

Tensor written(op::OpId id, const Tensor& x, int64_t axis, const Tensor& index, const py::object& source) {
  const Tensor values = source_for(x, index, source);
  op::Attrs attrs;
  attrs.add("axis", axis);
  return compute(x.size() + values.size(), [&] { return op::call(id, attrs, {x, index, values})[0]; });
}

Tensor reduced(const Tensor& x, int64_t axis, const Tensor& index, const Tensor& source, const std::string& reduce,
               bool include_self) {
  const ScatterReduction reduction = scatter_reduction_of(reduce);
  return compute(x.size() + source.size(),
                 [&] { return scatter_reduce(x, index, source, reduction, axis, include_self); });
}

// The key of all slices to which an index points along an axis.
std::vector<IndexEntry> key_of(const char* name, const Tensor& x, int64_t axis, const Tensor& index) {
  if (!is_integer(index.dtype()) || index.rank() > 1) {
    throw TypeError(concat_text(name, ": expected an index of integers and one axis, got ", index.dtype(), " of shape ",
                                index.shape()));
  }
  std::vector<IndexEntry> key(static_cast<size_t>(normalize_axis(name, axis, x.rank())), Slice{});
  key.emplace_back(reshape(index, {index.size()}));
  return key;
}

// Computes new elements and overwrites the old ones; returns the tensor itself.
template <class Function>
py::object overwrite(const py::object& self, const Function& function) {
  const Tensor& x = unwrap(self.ptr());
  const Tensor result = function(x);
  compute(x.size(), [&] { assign(x, result); });
  return self;
}

void define_new(const py::object& type, const char* name, op::OpId id) {
  method(
      type, name,
      [id](const Tensor& x, int64_t axis, const Tensor& index, const py::object& source) {
        return written(id, x, axis, index, source);
      },
      py::arg("axis"), py::arg("index"), py::arg("source"),
      concat_text("See `pydl.", name, "`; the axis comes first, as in PyTorch, and the source may be a number.")
          .c_str());
  const std::string in_place = std::string(name) + "_";
  method(
      type, in_place.c_str(),
      [id](const py::object& self, int64_t axis, const Tensor& index, const py::object& source) {
        return overwrite(self, [&](const Tensor& x) { return written(id, x, axis, index, source); });
      },
      py::arg("axis"), py::arg("index"), py::arg("source"),
      concat_text("Like `", name, "`, but overwrites the tensor, and returns it.").c_str());
}

void define_slices(const py::object& type) {
  method(
      type, "index_copy",
      [](const Tensor& x, int64_t axis, const Tensor& index, const Tensor& source) {
        return compute(x.size() + source.size(), [&] { return index_copy(x, index, source, axis); });
      },
      py::arg("axis"), py::arg("index"), py::arg("source"),
      "See `pydl.index_copy`; the axis comes first, as in PyTorch.");
  method(
      type, "index_fill",
      [](const Tensor& x, int64_t axis, const Tensor& index, const py::object& value) {
        const Tensor number = to_tensor_beside(value, x);
        return compute(x.size(), [&] { return index_fill(x, index, number, axis); });
      },
      py::arg("axis"), py::arg("index"), py::arg("value"),
      "See `pydl.index_fill`; the axis comes first, as in PyTorch.");
  method(
      type, "index_copy_",
      [](const py::object& self, int64_t axis, const Tensor& index, const Tensor& source) {
        const Tensor& x = unwrap(self.ptr());
        const auto key = key_of("index_copy_", x, axis, index);
        Dims expected = x.shape();
        expected[static_cast<int>(key.size()) - 1] = index.size();
        if (source.shape() != expected) {
          throw ValueError(concat_text("index_copy_: expected a source of shape ", expected, ", got ", source.shape()));
        }
        compute(source.size(), [&] { assign_index(x, key, source); });
        return self;
      },
      py::arg("axis"), py::arg("index"), py::arg("source"),
      "Overwrites the slices to which an index of one axis points; returns the tensor itself.");
  method(
      type, "index_fill_",
      [](const py::object& self, int64_t axis, const Tensor& index, const py::object& value) {
        const Tensor& x = unwrap(self.ptr());
        const auto key = key_of("index_fill_", x, axis, index);
        const Tensor number = to_tensor_beside(value, x);
        if (number.rank() > 0) throw ValueError(concat_text("index_fill_: expected a number, got ", number.shape()));
        compute(x.size(), [&] { assign_index(x, key, number); });
        return self;
      },
      py::arg("axis"), py::arg("index"), py::arg("value"),
      "Overwrites the slices to which an index of one axis points with a number; returns the tensor itself.");
}

void define_put(const py::object& type) {
  method(
      type, "put_",
      [](const py::object& self, const Tensor& index, const py::object& values, bool accumulate) {
        return overwrite(self, [&](const Tensor& x) {
          const Tensor given = to_tensor_beside(values, x);
          return compute(x.size(), [&] { return put(x, index, given, accumulate); });
        });
      },
      py::arg("index"), py::arg("values"), py::arg("accumulate") = false,
      "Overwrites the elements by those of `pydl.put`; returns the tensor itself.");
}

void define_masked(const py::object& type) {
  const auto scattered = [](const Tensor& x, const Tensor& mask, const Tensor& source) {
    return compute(x.size(), [&] { return masked_scatter(x, mask, source); });
  };
  method(type, "masked_scatter", scattered, py::arg("mask"), py::arg("source"), "See `pydl.masked_scatter`.");
  method(
      type, "masked_scatter_",
      [scattered](const py::object& self, const Tensor& mask, const Tensor& source) {
        return overwrite(self, [&](const Tensor& x) { return scattered(x, mask, source); });
      },
      py::arg("mask"), py::arg("source"), "Like `masked_scatter`, but overwrites the tensor, and returns it.");
  method(
      type, "masked_fill_",
      [](const py::object& self, const Tensor& mask, const py::object& value) {
        const Tensor& x = unwrap(self.ptr());
        if (mask.dtype() != DType::boolean) {
          throw TypeError(concat_text("masked_fill_: expected a mask of dtype bool, got ", mask.dtype()));
        }
        const Tensor number = to_tensor_beside(value, x);
        if (number.rank() > 0) throw ValueError(concat_text("masked_fill_: expected a number, got ", number.shape()));
        if (x.rank() == 0 || x.rank() != mask.rank()) {
          compute(x.size(), [&] { assign(x, masked_fill(x, mask, number)); });
        } else {
          compute(x.size(), [&] { assign_index(x, {expand(mask, x.shape())}, number); });
        }
        return self;
      },
      py::arg("mask"), py::arg("value"),
      "Overwrites the elements for which a bool mask is true with a number; returns the tensor itself. The mask is\n"
      "broadcast.");
}

}  // namespace

void define_scatter_methods(const py::object& type) {
  define_new(type, "scatter", op::OpId::scatter);
  define_new(type, "scatter_add", op::OpId::scatter_add);
  define_new(type, "index_add", op::OpId::index_add);
  method(type, "scatter_reduce", reduced, py::arg("axis"), py::arg("index"), py::arg("source"), py::arg("reduce"),
         py::arg("include_self") = true, "See `pydl.scatter_reduce`; the axis comes first, as in PyTorch.");
  method(
      type, "scatter_reduce_",
      [](const py::object& self, int64_t axis, const Tensor& index, const Tensor& source, const std::string& reduce,
         bool include_self) {
        return overwrite(self, [&](const Tensor& x) { return reduced(x, axis, index, source, reduce, include_self); });
      },
      py::arg("axis"), py::arg("index"), py::arg("source"), py::arg("reduce"), py::arg("include_self") = true,
      "Like `scatter_reduce`, but overwrites the tensor, and returns it.");
  define_slices(type);
  define_put(type);
  define_masked(type);
}

}  // namespace pydl::python
