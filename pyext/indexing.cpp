// NumPy's basic indexing (integers, slices, None and Ellipsis), and indexing of the first axis by a single index
// tensor.
#include <vector>

#include "bindings.h"
#include "casters.h"
#include "pydl/autograd.h"

namespace pydl::python {

namespace {

// A key applied to a shape: the slice to take, and the shape of the result.
struct Selection {
  Dims starts, sizes, steps;
  Dims shape;
  bool whole = true;  // selects everything, in the original order
};

bool is_integer_key(py::handle key) {
  if (PyLong_CheckExact(key.ptr())) return true;
  if (PyIndex_Check(key.ptr()) == 0 || PyBool_Check(key.ptr()) || is_tensor(key.ptr())) return false;
  // NumPy arrays claim to be indices, whatever they contain.
  return !py::hasattr(key, "ndim") || key.attr("ndim").cast<int>() == 0;
}

bool is_single_integer_tensor(py::handle key) {
  return is_tensor(key.ptr()) && unwrap(key.ptr()).rank() == 0 && is_integer(unwrap(key.ptr()).dtype());
}

int64_t integer_of(py::handle key) {
  const Py_ssize_t value = PyNumber_AsSsize_t(key.ptr(), PyExc_IndexError);
  if (value == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  return value;
}

int consumed_axes(const std::vector<py::handle>& keys) {
  int count = 0;
  for (const py::handle key : keys) count += key.is_none() || key.ptr() == Py_Ellipsis ? 0 : 1;
  return count;
}

class KeyReader {
 public:
  explicit KeyReader(const Dims& shape) : shape_(shape) {}

  Selection read(const std::vector<py::handle>& keys) {
    const int named = consumed_axes(keys);
    if (named > shape_.rank()) {
      throw IndexError(concat_text("too many indices: ", named, " for a tensor of shape ", shape_));
    }
    bool saw_ellipsis = false;
    for (const py::handle key : keys) {
      if (key.ptr() == Py_Ellipsis) {
        if (saw_ellipsis) throw IndexError("an index can only have a single ellipsis ('...')");
        saw_ellipsis = true;
        for (int i = named; i < shape_.rank(); ++i) take_whole_axis();
      } else {
        read_one(key);
      }
    }
    while (axis_ < shape_.rank()) take_whole_axis();
    return selection_;
  }

 private:
  void add(int64_t start, int64_t size, int64_t step) {
    selection_.starts.push_back(start);
    selection_.sizes.push_back(size);
    selection_.steps.push_back(step);
    selection_.whole = selection_.whole && size == shape_[axis_] && (step == 1 || size == 1);
    ++axis_;
  }

  void take_whole_axis() {
    selection_.shape.push_back(shape_[axis_]);
    add(0, shape_[axis_], 1);
  }

  void read_one(py::handle key) {
    if (key.is_none()) {
      selection_.shape.push_back(1);
    } else if (PySlice_Check(key.ptr())) {
      read_slice(key);
    } else if (is_integer_key(key) || is_single_integer_tensor(key)) {
      read_integer(integer_of(key));
    } else {
      throw IndexError(
          concat_text("a tensor is indexed by integers, slices, None and ... (and by one index tensor "
                      "alone, on its first axis), not by ",
                      Py_TYPE(key.ptr())->tp_name, "; see take, gather and where"));
    }
  }

  void read_slice(py::handle key) {
    Py_ssize_t start = 0;
    Py_ssize_t stop = 0;
    Py_ssize_t step = 0;
    if (PySlice_Unpack(key.ptr(), &start, &stop, &step) < 0) throw py::error_already_set();
    const Py_ssize_t size = PySlice_AdjustIndices(shape_[axis_], &start, &stop, step);
    selection_.shape.push_back(size);
    add(size > 0 ? start : 0, size, step);
  }

  void read_integer(int64_t index) {
    const int64_t size = shape_[axis_];
    if (index < -size || index >= size) {
      throw IndexError(concat_text("index ", index, " is outside axis ", axis_, " of shape ", shape_));
    }
    add(index < 0 ? index + size : index, 1, 1);
  }

  const Dims& shape_;
  Selection selection_;
  int axis_ = 0;
};

std::vector<py::handle> keys_of(py::handle key) {
  if (!PyTuple_Check(key.ptr())) return {key};
  std::vector<py::handle> keys;
  for (const py::handle item : py::reinterpret_borrow<py::tuple>(key)) keys.push_back(item);
  return keys;
}

// The view that a basic key selects.
Tensor select(const Tensor& tensor, py::handle key) {
  const Selection selection = KeyReader(tensor.shape()).read(keys_of(key));
  const Tensor part = selection.whole ? tensor : slice(tensor, selection.starts, selection.sizes, selection.steps);
  const Tensor shown = reshape(part, selection.shape);
  // NumPy returns a view, not the array itself.
  return is_same(shown, tensor) ? slice(tensor, selection.starts, selection.sizes, selection.steps) : shown;
}

// An index consisting of many integers, on its own: a list, array or tensor.
std::optional<Tensor> index_tensor(py::handle key) {
  if (PyLong_Check(key.ptr()) || PySlice_Check(key.ptr()) || PyTuple_Check(key.ptr())) return std::nullopt;
  const bool array_like = is_tensor(key.ptr()) || PyList_Check(key.ptr()) || py::hasattr(key, "__array__");
  if (!array_like || is_single_integer_tensor(key) ||
      (is_integer_key(key) && !is_tensor(key.ptr()) && !py::hasattr(key, "shape"))) {
    return std::nullopt;
  }
  Tensor index = to_tensor(key);
  if (index.rank() == 0 && is_integer(index.dtype())) return std::nullopt;
  if (index.dtype() == DType::boolean) {
    throw IndexError(
        "indexing by a bool mask is not supported, because the shape of the result would depend on values; use "
        "where(mask, a, b), or mask the NumPy array");
  }
  if (!is_integer(index.dtype()) && index.size() > 0) {
    throw IndexError(concat_text("an index tensor must contain integers, got ", index.dtype()));
  }
  return astype(index, DType::int64);
}

// Indexing uses `take`, but its errors should refer to indexing.
Tensor rows(const Tensor& tensor, const Tensor& index) {
  try {
    return take(tensor, index, 0);
  } catch (const IndexError& error) {
    const std::string message = error.what();
    throw IndexError(message.rfind("take: ", 0) == 0 ? message.substr(6) : message);
  }
}

}  // namespace

Tensor get_item(const Tensor& tensor, py::handle key) {
  if (const auto index = index_tensor(key)) return rows(tensor, *index);
  return select(tensor, key);
}

void set_item(const Tensor& tensor, py::handle key, py::handle value) {
  if (index_tensor(key)) {
    throw IndexError("assignment through an index tensor is not supported; use where, or assign slices");
  }
  if (grad_enabled() && tensor.requires_grad()) {
    throw Error(
        "assign: a tensor that requires a gradient cannot be overwritten while operations are recorded; do it "
        "under no_grad(), or compute a new tensor");
  }
  Tensor source = is_tensor(value.ptr()) ? unwrap(value.ptr()) : to_tensor_as(value, tensor.dtype());
  Tensor view;
  {
    const GradMode mode(false);
    view = select(tensor, key);
  }
  // As in NumPy, superfluous leading axes of size 1 are dropped.
  while (source.rank() > view.rank() && source.shape()[0] == 1) source = squeeze(source, std::vector<int64_t>{0});
  compute(view.size(), [&] { assign(view, source); });
}

}  // namespace pydl::python
