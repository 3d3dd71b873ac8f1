// Keys of indexing, composed of slices, takes and the ops of indexing.cpp.
#include <algorithm>
#include <array>
#include <functional>

#include "autograd/node.h"
#include "core/named.h"
#include "core/tensor_impl.h"
#include "op/apply.h"
#include "op/attrs/indexing.h"
#include "op/true_bytes.h"
#include "pydl/autograd.h"
#include "pydl/indexing.h"
#include "pydl/ops.h"
#include "pydl/program.h"

namespace pydl {

using op::OpId;

namespace {

constexpr const char* reading_advice = "use where(mask, x, other), or reduce where(mask, x, 0)";
constexpr const char* assigning_advice = "assign values that are broadcast, or use where(mask, ...)";
constexpr const char* selecting_advice = "use where(mask, x, other)";

bool is_mask(const Tensor& tensor) { return tensor.dtype() == DType::boolean; }

void require_mask(const Tensor& mask) {
  if (!is_mask(mask)) throw TypeError(concat_text("expected a mask of dtype bool, got ", mask.dtype()));
}

// The number of true elements of a row-major mask.
op::Attrs count_true(const Tensor& mask, const char* advice) {
  if (is_tracing()) {
    throw TraceError(concat_text("the number of elements that a mask of shape ", mask.shape(),
                                 " selects depends on its values, but a compiled function has fixed shapes; ", advice));
  }
  const int64_t count = op::count_true(static_cast<const uint8_t*>(mask.raw_data()), mask.size());
  return op::to_attrs(op::NonzeroAttrs{count});
}

// Where a mask is true: (axes, count).
Tensor positions_in(const Tensor& given, const char* advice) {
  const Tensor mask = contiguous(given);
  return op::apply(OpId::nonzero_positions, count_true(mask, advice), {mask});
}

std::vector<Tensor> rows_of(const Tensor& matrix) {
  const int64_t columns = matrix.size(1);
  std::vector<Tensor> rows;
  for (int64_t i = 0; i < matrix.size(0); ++i) {
    rows.push_back(reshape(slice(matrix, {i, 0}, {1, columns}, {1, 1}), {columns}));
  }
  return rows;
}

Tensor nonzero_mask(const Tensor& x) {
  if (x.rank() == 0) throw ValueError("expected a tensor of at least one axis, got a single number");
  return is_mask(x) ? x : not_equal(x, 0);
}

struct Range {
  int64_t start;
  int64_t size;
};

// The elements of an axis of this size that a slice selects.
Range range_of(const Slice& slice, int64_t size) {
  if (slice.step == 0) throw ValueError("the step of a slice must not be zero");
  const bool forward = slice.step > 0;
  const int64_t first = forward ? 0 : size - 1;
  const int64_t beyond = forward ? size : -1;
  const auto position = [&](int64_t given) {
    return std::clamp(given < 0 ? given + size : given, std::min(first, beyond), std::max(first, beyond));
  };
  const int64_t start = slice.start ? position(*slice.start) : first;
  const int64_t stop = slice.stop ? position(*slice.stop) : beyond;
  const int64_t distance = forward ? stop - start : start - stop;
  if (distance <= 0) return {0, 0};
  // Negated as an unsigned number, because the smallest integer has no negative.
  const uint64_t step = forward ? static_cast<uint64_t>(slice.step) : 0 - static_cast<uint64_t>(slice.step);
  return {start, static_cast<int64_t>((static_cast<uint64_t>(distance) - 1) / step) + 1};
}

// The number of axes of x that an entry consumes.
int axes_of(const IndexEntry& entry) {
  if (std::holds_alternative<NewAxis>(entry) || std::holds_alternative<Ellipsis>(entry)) return 0;
  const auto* tensor = std::get_if<Tensor>(&entry);
  return tensor != nullptr && is_mask(*tensor) ? tensor->rank() : 1;
}

// In eager mode, a single integer in a tensor selects a view, like a number.
bool is_number(const Tensor& tensor) { return tensor.rank() == 0 && is_integer(tensor.dtype()) && !is_tracing(); }

// A key applied to a tensor: a slice of the same rank, index tensors of some of its axes, and the other axes of the
// result.
class Selection {
 public:
  Selection(const Tensor& x, std::span<const IndexEntry> key);

  Tensor read() const;
  void write(const Tensor& values) const;

 private:
  enum class Role { kept, dropped, indexed };
  // A tensor of the key, and the first axis of x that it indexes.
  struct Indexed {
    int axis;
    Tensor tensor;
  };

  void read_entry(const IndexEntry& entry);
  void take_slice(int64_t start, int64_t size, int64_t step);
  void take_integer(int64_t index);
  void take_tensor(const Tensor& tensor);
  Tensor fitting_mask(const Tensor& mask, int axis) const;
  void add_axis(int64_t start, int64_t size, int64_t step, Role role);
  void add_result_axis(int64_t size);
  void mark_indexed();

  bool has_role(Role role) const;
  Tensor part() const;
  std::vector<Tensor> indices(const char* advice) const;
  bool is_lone_mask() const { return indexed_.size() == 1 && is_mask(indexed_[0].tensor); }
  // Whether a mask selects among the first axes, whatever other entries say of the others.
  bool is_leading_mask() const { return is_lone_mask() && indexed_[0].axis == 0; }
  bool is_static(const Tensor& values) const;
  void write_where_true(const Tensor& values) const;
  // What shares the memory of x is copied before it is overwritten.
  Tensor apart(const Tensor& tensor) const {
    return tensor.impl()->storage.get() == x_.impl()->storage.get() ? copy(tensor) : tensor;
  }
  Dims indexed_first() const;
  Dims other_sizes() const;
  Dims result_shape(const Dims& index_shape) const;
  int front() const { return scattered_ ? 0 : front_; }

  Tensor x_;
  Dims starts_, sizes_, steps_;
  std::array<Role, max_rank> roles_;   // of the axes of x
  Dims result_;                        // axes of the result that no tensor indexes
  std::array<bool, max_rank> is_new_;  // whether they are new axes
  bool whole_ = true;                  // selects everything, in the original order
  bool has_tensors_ = false;
  std::vector<Indexed> indexed_;
  int front_ = 0;             // axes of the result before those of the index tensors
  bool interrupted_ = false;  // whether an axis of the result came after an index
  bool scattered_ = false;    // whether an index came after that
};

Selection::Selection(const Tensor& x, std::span<const IndexEntry> key) : x_(x) {
  int named = 0;
  int ellipses = 0;
  for (const IndexEntry& entry : key) {
    named += axes_of(entry);
    ellipses += std::holds_alternative<Ellipsis>(entry) ? 1 : 0;
    const auto* tensor = std::get_if<Tensor>(&entry);
    has_tensors_ = has_tensors_ || (tensor != nullptr && !is_number(*tensor));
  }
  if (ellipses > 1) throw IndexError("an index can only have a single ellipsis ('...')");
  if (named > x.rank()) {
    throw IndexError(concat_text("too many indices: ", named, " for a tensor of shape ", x.shape()));
  }
  const auto take_others = [&](int count) {
    for (int i = 0; i < count; ++i) take_slice(0, x_.size(starts_.rank()), 1);
  };
  for (const IndexEntry& entry : key) {
    if (std::holds_alternative<Ellipsis>(entry)) {
      interrupted_ = true;
      take_others(x.rank() - named);
    } else {
      read_entry(entry);
    }
  }
  take_others(x_.rank() - starts_.rank());
}

void Selection::read_entry(const IndexEntry& entry) {
  if (std::holds_alternative<NewAxis>(entry)) {
    add_result_axis(1);
    is_new_[static_cast<size_t>(result_.rank() - 1)] = true;
  } else if (const auto* slice = std::get_if<Slice>(&entry)) {
    const Range range = range_of(*slice, x_.size(starts_.rank()));
    take_slice(range.start, range.size, slice->step);
  } else if (const auto* number = std::get_if<int64_t>(&entry)) {
    take_integer(*number);
  } else if (const auto* tensor = std::get_if<Tensor>(&entry)) {
    is_number(*tensor) ? take_integer(static_cast<int64_t>(tensor->item())) : take_tensor(*tensor);
  }
}

void Selection::take_slice(int64_t start, int64_t size, int64_t step) {
  add_result_axis(size);
  add_axis(start, size, step, Role::kept);
}

void Selection::take_integer(int64_t index) {
  const int axis = starts_.rank();
  const int64_t size = x_.size(axis);
  if (index < -size || index >= size) {
    throw IndexError(concat_text("index ", index, " is outside axis ", axis, " of shape ", x_.shape()));
  }
  if (has_tensors_) mark_indexed();
  add_axis(index < 0 ? index + size : index, 1, 1, Role::dropped);
}

void Selection::take_tensor(const Tensor& tensor) {
  const bool is_empty_list = tensor.rank() == 1 && tensor.size() == 0;  // whose dtype nobody has chosen
  if (!is_mask(tensor) && !is_integer(tensor.dtype()) && !is_empty_list) {
    throw IndexError(concat_text("an index tensor must contain integers or bool, got ", tensor.dtype()));
  }
  mark_indexed();
  const int axis = starts_.rank();
  if (is_mask(tensor) && tensor.rank() == 0) {  // selects all or nothing of a new axis
    x_ = expand_dims(x_, axis);
    add_axis(0, 1, 1, Role::indexed);
    indexed_.push_back({axis, reshape(tensor, {1})});
    return;
  }
  const int count = is_mask(tensor) ? tensor.rank() : 1;
  for (int i = 0; i < count; ++i) add_axis(0, x_.size(axis + i), 1, Role::indexed);
  indexed_.push_back({axis, is_mask(tensor) ? fitting_mask(tensor, axis) : astype(tensor, DType::int64)});
}

// A mask over the axes from `axis` on. In one that selects nothing, sizes may also be 0, as in NumPy.
Tensor Selection::fitting_mask(const Tensor& mask, int axis) const {
  Dims shape = mask.shape();
  for (int i = 0; i < mask.rank(); ++i) {
    const int64_t size = x_.size(axis + i);
    if (mask.size(i) != size && mask.size(i) != 0) {
      throw IndexError(concat_text("a mask of shape ", mask.shape(), " does not fit axes ", axis, " to ",
                                   axis + mask.rank() - 1, " of shape ", x_.shape()));
    }
    shape[i] = size;
  }
  return shape == mask.shape() ? mask : zeros(shape, DType::boolean);
}

void Selection::add_axis(int64_t start, int64_t size, int64_t step, Role role) {
  whole_ = whole_ && size == x_.size(starts_.rank()) && (step == 1 || size == 1);
  starts_.push_back(start);
  sizes_.push_back(size);
  steps_.push_back(step);
  roles_[static_cast<size_t>(starts_.rank() - 1)] = role;
}

void Selection::add_result_axis(int64_t size) {
  interrupted_ = true;
  result_.push_back(size);
  is_new_[static_cast<size_t>(result_.rank() - 1)] = false;
}

// The axes of index tensors stand where the first one is, or first in the result if other axes are between them.
void Selection::mark_indexed() {
  const bool is_first = indexed_.empty() && !has_role(Role::dropped);
  if (is_first) {
    front_ = result_.rank();
  } else if (interrupted_) {
    scattered_ = true;
  }
  interrupted_ = false;
}

// Whether one of the axes read so far has this role.
bool Selection::has_role(Role role) const {
  const auto end = roles_.begin() + starts_.rank();
  return std::find(roles_.begin(), end, role) != end;
}

Tensor Selection::part() const { return whole_ ? x_ : slice(x_, starts_, sizes_, steps_); }

// An index per indexed axis, all of one shape.
std::vector<Tensor> Selection::indices(const char* advice) const {
  std::vector<Tensor> result;
  for (const Indexed& entry : indexed_) {
    if (is_mask(entry.tensor)) {
      for (const Tensor& index : rows_of(positions_in(entry.tensor, advice))) result.push_back(index);
    } else {
      result.push_back(entry.tensor);
    }
  }
  Dims shape = result[0].shape();
  for (Tensor& index : result) {
    try {
      shape = broadcast_shapes("index", shape, index.shape());
    } catch (const ValueError&) {
      throw IndexError(concat_text("index tensors of shapes ", shape, " and ", index.shape(), " do not broadcast"));
    }
  }
  for (Tensor& index : result) index = contiguous(expand(index, shape));
  return result;
}

// The order of the axes of x that puts those with an index first.
Dims Selection::indexed_first() const {
  Dims order;
  for (const bool indexed : {true, false}) {
    for (int axis = 0; axis < x_.rank(); ++axis) {
      if ((roles_[static_cast<size_t>(axis)] == Role::indexed) == indexed) order.push_back(axis);
    }
  }
  return order;
}

// The sizes of the axes without an index, dropped ones included.
Dims Selection::other_sizes() const {
  Dims sizes;
  for (int axis = 0; axis < x_.rank(); ++axis) {
    if (roles_[static_cast<size_t>(axis)] != Role::indexed) sizes.push_back(sizes_[axis]);
  }
  return sizes;
}

Dims Selection::result_shape(const Dims& index_shape) const {
  Dims shape = result_;
  for (int i = 0; i < index_shape.rank(); ++i) shape.insert(front() + i, index_shape[i]);
  return shape;
}

// The axes of the result, those of the indices moved behind `front` others, or back to the first ones.
Tensor move_indices(const Tensor& tensor, int count, int front, bool back) {
  std::vector<int64_t> axes;
  for (int i = 0; i < tensor.rank(); ++i) axes.push_back(i);
  const auto first = axes.begin();
  if (back) {
    std::rotate(first, first + front, first + front + count);
  } else {
    std::rotate(first, first + count, first + count + front);
  }
  return permute_dims(tensor, axes);
}

Tensor Selection::read() const {
  if (indexed_.empty()) {
    const Tensor shown = reshape(part(), result_);
    // NumPy returns a view, not the array itself.
    return is_same(shown, x_) ? slice(x_, starts_, sizes_, steps_) : shown;
  }
  if (is_leading_mask()) {
    const Tensor mask = contiguous(indexed_[0].tensor);
    const op::Attrs count = count_true(mask, reading_advice);
    const Tensor chosen = op::apply(OpId::compress, count, {contiguous(part()), mask});
    return reshape(chosen, result_shape({chosen.size(0)}));
  }
  const std::vector<Tensor> found = indices(reading_advice);
  const Dims& shape = found[0].shape();
  if (found.size() == 1 && !scattered_) return reshape(take(part(), found[0], indexed_[0].axis), result_shape(shape));
  std::vector<Tensor> inputs = {permute_dims(part(), indexed_first())};
  inputs.insert(inputs.end(), found.begin(), found.end());
  const Tensor chosen = op::apply(OpId::index, {}, inputs);
  Dims other = shape;
  for (int i = 0; i < result_.rank(); ++i) other.push_back(result_[i]);
  return move_indices(reshape(chosen, other), shape.rank(), front(), false);
}

// Whether values are assigned through a mask without regard to the number of elements that it selects.
bool Selection::is_static(const Tensor& values) const {
  if (!is_lone_mask()) return false;
  if (values.size() == 1) return true;
  const bool has_new_axes = std::any_of(is_new_.begin(), is_new_.begin() + result_.rank(), std::identity());
  const bool plain = !has_role(Role::dropped) && !has_new_axes;
  return plain && values.rank() <= result_.rank() - front();
}

void Selection::write_where_true(const Tensor& values) const {
  const Tensor to = part();
  const Tensor& mask = indexed_[0].tensor;
  if (is_leading_mask() && values.size() == 1 && to.is_contiguous() && !is_tracing()) {
    op::apply_all(OpId::fill_where, {}, {to, apart(contiguous(mask)), apart(reshape(values, {}))});
    return;
  }
  Dims shape = mask.shape();
  while (indexed_[0].axis + shape.rank() < to.rank()) shape.push_back(1);
  const Tensor given = values.size() == 1 ? reshape(values, {}) : values;
  assign(to, where(reshape(mask, shape), given, to));
}

void Selection::write(const Tensor& given) const {
  Tensor values = given;
  if (indexed_.empty()) {
    const Tensor to = reshape(part(), result_);
    // As in NumPy, superfluous leading axes of size 1 are dropped.
    while (values.rank() > to.rank() && values.size(0) == 1) values = squeeze(values, std::vector<int64_t>{0});
    assign(to, values);
    return;
  }
  values = astype(values, x_.dtype());
  if (is_static(values)) return write_where_true(values);
  std::vector<Tensor> found = indices(assigning_advice);
  const Dims& index_shape = found[0].shape();
  const Dims shape = result_shape(index_shape);
  while (values.rank() > shape.rank() && values.size(0) == 1) values = squeeze(values, std::vector<int64_t>{0});
  Dims source = index_shape;
  const Dims others = other_sizes();
  for (int i = 0; i < others.rank(); ++i) source.push_back(others[i]);
  values = reshape(move_indices(expand(values, shape), index_shape.rank(), front(), true), source);
  values = contiguous(apart(values));
  for (Tensor& index : found) index = apart(index);
  std::vector<Tensor> inputs = {permute_dims(part(), indexed_first()), values};
  inputs.insert(inputs.end(), found.begin(), found.end());
  op::apply_all(OpId::index_assign, {}, inputs);
}

}  // namespace

Tensor index(const Tensor& x, std::span<const IndexEntry> key) try {
  // The most frequent key with a tensor: rows of a batch or of a table.
  const auto* rows = key.size() == 1 ? std::get_if<Tensor>(&key[0]) : nullptr;
  if (rows != nullptr && is_integer(rows->dtype()) && !is_number(*rows) && x.rank() > 0) return take(x, *rows, 0);
  return Selection(x, key).read();
} catch (const Error&) {
  core::rethrow_as("index");
}

Tensor index(const Tensor& x, std::initializer_list<IndexEntry> key) {
  return index(x, std::span(key.begin(), key.size()));
}

void assign_index(const Tensor& x, std::span<const IndexEntry> key, const Tensor& values) try {
  if (grad_enabled() && x.requires_grad()) {
    throw Error(
        "a tensor that requires a gradient cannot be overwritten while operations are recorded; do it "
        "under no_grad(), or compute a new tensor");
  }
  Selection(x, key).write(values);
} catch (const Error&) {
  core::rethrow_as("assign_index");
}

void assign_index(const Tensor& x, std::initializer_list<IndexEntry> key, const Tensor& values) {
  assign_index(x, std::span(key.begin(), key.size()), values);
}

std::vector<Tensor> nonzero(const Tensor& x) try {
  const Tensor mask = nonzero_mask(x);
  return rows_of(positions_in(mask, selecting_advice));
} catch (const Error&) {
  core::rethrow_as("nonzero");
}

Tensor argwhere(const Tensor& x) try {
  return permute_dims(positions_in(nonzero_mask(x), selecting_advice), {1, 0});
} catch (const Error&) {
  core::rethrow_as("argwhere");
}

Tensor masked_select(const Tensor& x, const Tensor& mask) try {
  require_mask(mask);
  const Dims shape = broadcast_shapes("masked_select", x.shape(), mask.shape());
  if (shape.rank() == 0) return index(reshape(x, {1}), {reshape(mask, {1})});
  return index(expand(x, shape), {expand(mask, shape)});
} catch (const Error&) {
  core::rethrow_as("masked_select");
}

Tensor masked_fill(const Tensor& x, const Tensor& mask, const Tensor& value) try {
  require_mask(mask);
  if (value.rank() > 0) throw ValueError(concat_text("expected a value of rank 0, got shape ", value.shape()));
  return where(mask, astype(value, x.dtype()), x);
} catch (const Error&) {
  core::rethrow_as("masked_fill");
}

}  // namespace pydl
