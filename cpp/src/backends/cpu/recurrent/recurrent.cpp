// Recurrent layers. The rows of a batch are independent of each other, so each thread takes some rows through all
// steps. Threads thus never wait for each other, and packed weights stay in their caches.
#include <algorithm>
#include <cstring>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "backends/cpu/kernel_set.h"
#include "backends/cpu/recurrent/sequences.h"
#include "backends/cpu/workspace.h"
#include "op/recurrent_geometry.h"
#include "pydl/error.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

using op::Cell;
using op::RecurrentGeometry;

// The number of multiplications for which waking a thread pays off.
constexpr int64_t products_per_thread = runtime::worth_a_thread(runtime::cost::multiply_add_of_a_step);
// Weights of more than this many bytes do not stay in the L2 cache from step to step. The product of x is then computed
// for several steps at once, so that its weights are read once for all of them.
constexpr int64_t resident_bytes = 1536 * 1024;
constexpr int64_t steps_at_once = 4;

template <class T>
const RecurrentKernels& kernels_of() {
  return kernels().recurrent[std::is_same_v<T, double> ? 1 : 0];
}

/// Assigns rows and steps to threads.
class Schedule {
 public:
  Schedule(const RecurrentGeometry& geometry, int64_t products_per_step)
      : steps_(geometry.steps), batch_(geometry.batch) {
    const int64_t useful = products_per_step * steps_ / products_per_thread;
    parts_ = std::clamp<int64_t>(std::min<int64_t>(runtime::thread_count(), batch_), 1, std::max<int64_t>(useful, 1));
  }

  int64_t parts() const { return parts_; }
  int64_t batch() const { return batch_; }

  /// Determines the order of the rows. With lengths, each part gets its longest rows first, and all parts get about the
  /// same amount of work.
  void arrange(const char* name, const int64_t* lengths, int64_t* order, int64_t* sorted) const {
    for (int64_t n = 0; n < batch_; ++n) order[n] = n;
    if (lengths == nullptr) return;
    for (int64_t n = 0; n < batch_; ++n) {
      sorted[n] = n;
      if (lengths[n] < 0 || lengths[n] > steps_) {
        throw IndexError(concat_text(name, ": length ", lengths[n], " of sequence ", n, " is outside 0 to ", steps_));
      }
    }
    std::sort(sorted, sorted + batch_,
              [&](int64_t a, int64_t b) { return lengths[a] != lengths[b] ? lengths[a] > lengths[b] : a < b; });
    for (int64_t i = 0, next = 0; i < batch_; ++next) {
      for (int64_t part = 0; part < parts_; ++part) {
        if (begin(part) + next < begin(part + 1)) order[begin(part) + next] = sorted[i++];
      }
    }
  }

  int64_t begin(int64_t part) const { return batch_ * part / parts_; }

  /// Calls `visit(t, count)` for the steps of a part, in ascending or descending order. The first `count` rows have not
  /// ended at step t.
  template <class Visit>
  void for_each_step(const int64_t* lengths, const int64_t* order, int64_t part, bool ascending,
                     const Visit& visit) const {
    const int64_t first = begin(part);
    const int64_t rows = begin(part + 1) - first;
    int64_t count = rows;
    for (int64_t s = 0; s < steps_; ++s) {
      const int64_t t = ascending ? s : steps_ - 1 - s;
      if (lengths != nullptr) {
        while (count > 0 && lengths[order[first + count - 1]] <= t) --count;
        while (count < rows && lengths[order[first + count]] > t) ++count;
      }
      if (count > 0) visit(t, count);
    }
  }

 private:
  int64_t steps_;
  int64_t batch_;
  int64_t parts_;
};

/// A matrix of weights packed into panels, one for each group of `vectors` vectors of its columns.
struct PackedWeights {
  int64_t vectors;
  int64_t depth;
  int64_t panels;
  int64_t lanes;
  int64_t panel_size() const { return vectors * lanes * depth; }
  int64_t size() const { return panels * panel_size(); }
  /// The first column of a panel of plain columns.
  int64_t begin(int64_t panel) const { return panel * vectors * lanes; }
};

// --- forward ---------------------------------------------------------------------------------------

template <class T>
class ForwardKernel final : public Kernel {
 public:
  explicit ForwardKernel(const KernelCall& call)
      : name_(op::op_name(call.op)),
        at_(op::recurrent_inputs(call.attrs)),
        g_(op::recurrent_geometry(call.attrs, call.inputs)),
        saves_(op::from_attrs<op::RecurrentAttrs>(call.attrs).save_gates),
        inputs_(call.inputs[0].shape[2]),
        x_step_(call.inputs[0].strides[0]),
        x_row_(call.inputs[0].strides[1]),
        fused_(g_.is_lstm() || (g_.is_gru() && g_.reset_after)),
        schedule_(g_, g_.batch * g_.gates() * g_.hidden * (g_.hidden + inputs_)) {
    const int64_t lanes = kernels_of<T>().lanes;
    const int64_t wide = panel_vectors * lanes;
    if (fused_) {
      x_weights_ = {g_.gates(), inputs_, ceil_div(g_.hidden, lanes), lanes};
      h_weights_ = {g_.gates(), g_.hidden, ceil_div(g_.hidden, lanes), lanes};
    } else {
      x_weights_ = {panel_vectors, inputs_, ceil_div(g_.gates() * g_.hidden, wide), lanes};
      h_weights_ = {panel_vectors, g_.hidden, ceil_div(first_columns(), wide), lanes};
      n_weights_ = {panel_vectors, g_.hidden, g_.is_gru() ? ceil_div(g_.hidden, wide) : 0, lanes};
    }
    const int64_t bytes = (x_weights_.size() + h_weights_.size()) * static_cast<int64_t>(sizeof(T));
    ahead_ = g_.is_lstm() && at_.lengths < 0 && bytes > resident_bytes ? std::min(steps_at_once, g_.steps) : 0;
    Workspace workspace;
    Memory(*this, workspace);
    scratchpad_bytes = workspace.used();
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    Workspace workspace(context.scratchpad);
    const Memory memory(*this, workspace);
    const Operands operands = {static_cast<const T*>(inputs[at_.x]), static_cast<const T*>(inputs[at_.h0]),
                               at_.c0 < 0 ? nullptr : static_cast<const T*>(inputs[at_.c0]),
                               at_.lengths < 0 ? nullptr : static_cast<const int64_t*>(inputs[at_.lengths]),
                               results_of(outputs)};
    schedule_.arrange(name_, operands.lengths, memory.order, memory.sorted);
    pack(inputs, memory);
    runtime::parallel_for(schedule_.parts(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) run_part(operands, memory, part);
    });
  }

 private:
  // Null where the call has no such result.
  struct Results {
    T* output;
    T* h;
    T* c;
    T* gates;
    T* cells;
  };

  struct Operands {
    const T* x;
    const T* h0;
    const T* c0;
    const int64_t* lengths;
    Results results;
  };

  Results results_of(void* const* outputs) const {
    using At = op::RecurrentResults;
    const bool saves_gates = saves_ && g_.saved_gates() > 0;
    const auto result = [&](bool given, size_t index) { return given ? static_cast<T*>(outputs[index]) : nullptr; };
    return {result(true, At::output), result(true, At::h), result(g_.is_lstm(), At::c), result(saves_gates, At::gates),
            result(saves_ && g_.is_lstm(), At::cells)};
  }

  struct Memory {
    Memory(const ForwardKernel& kernel, Workspace& workspace) {
      const int64_t batch = kernel.g_.batch;
      x_weights = workspace.take<T>(kernel.x_weights_.size());
      h_weights = workspace.take<T>(kernel.h_weights_.size());
      n_weights = workspace.take<T>(kernel.n_weights_.size());
      bias = workspace.take<T>(kernel.x_weights_.panels * panel_vectors * kernel.x_weights_.lanes);
      kept = workspace.take<T>(kernel.fused_ || kernel.saves_ ? 0 : batch * kernel.g_.saved_gates() * kernel.g_.hidden);
      order = workspace.take<int64_t>(batch);
      sorted = workspace.take<int64_t>(batch);
      rows = workspace.take<RecurrentRow>(batch);
      const int64_t rows_at_once = batch * std::max<int64_t>(kernel.ahead_, 1);
      from = workspace.take<const void*>(rows_at_once);
      to = workspace.take<void*>(rows_at_once);
      sums = workspace.take<T>(kernel.ahead_ * batch * kernel.row_of_sums());
    }
    T *x_weights, *h_weights, *n_weights, *bias, *kept, *sums;
    int64_t *order, *sorted;
    RecurrentRow* rows;
    const void** from;
    void** to;
  };

  // The number of columns of the recurrent product that is computed first, because the others need its result.
  int64_t first_columns() const { return g_.is_gru() ? 2 * g_.hidden : g_.hidden; }

  void pack(void* const* inputs, const Memory& memory) const {
    pack_matrix(x_weights_, inputs[at_.w_ih], g_.gates() * g_.hidden, memory.x_weights);
    pack_matrix(h_weights_, inputs[at_.w_hh], first_columns(), memory.h_weights);
    const T* of_n = static_cast<const T*>(inputs[at_.w_hh]) + 2 * g_.hidden * g_.hidden;
    if (n_weights_.panels > 0) pack_matrix(n_weights_, of_n, g_.hidden, memory.n_weights);
    pack_bias(at_.b_ih < 0 ? nullptr : static_cast<const T*>(inputs[at_.b_ih]),
              at_.b_hh < 0 ? nullptr : static_cast<const T*>(inputs[at_.b_hh]), memory.bias);
  }

  // The rows of w are the columns of panels: either one gate per vector, or consecutive rows up to `columns`.
  void pack_matrix(const PackedWeights& shape, const void* w, int64_t columns, T* packed) const {
    const int64_t grain = ceil_div(packed_per_thread, std::max<int64_t>(shape.panel_size(), 1));
    runtime::parallel_for(shape.panels, grain, [&](int64_t begin, int64_t end) {
      for (int64_t panel = begin; panel < end; ++panel) {
        int64_t first[panel_vectors];
        int64_t count[panel_vectors];
        for (int64_t v = 0; v < shape.vectors; ++v) {
          first[v] = fused_ ? v * g_.hidden + panel * shape.lanes : shape.begin(panel) + v * shape.lanes;
          const int64_t left = fused_ ? g_.hidden - panel * shape.lanes : columns - first[v];
          count[v] = std::clamp<int64_t>(left, 0, shape.lanes);
          if (count[v] == 0) first[v] = 0;
        }
        kernels_of<T>().pack_rows(w, shape.vectors, first, count, shape.depth, packed + panel * shape.panel_size());
      }
    });
  }

  void pack_bias(const T* b_ih, const T* b_hh, T* packed) const {
    const int64_t size = x_weights_.panels * panel_vectors * x_weights_.lanes;
    std::fill(packed, packed + size, T(0));
    if (b_ih == nullptr) return;
    for (int64_t gate = 0; gate < g_.gates(); ++gate) {
      for (int64_t unit = 0; unit < g_.hidden; ++unit) {
        const int64_t row = gate * g_.hidden + unit;
        const int64_t lanes = x_weights_.lanes;
        T* entry = fused_ ? packed + (unit / lanes * panel_vectors + gate) * lanes + unit % lanes : packed + row;
        // The bias of the product that r scales is kept separate.
        const bool apart = fused_ && g_.is_gru() && gate == 2;
        entry[0] = apart ? b_ih[row] : b_ih[row] + b_hh[row];
        if (apart) entry[lanes] = b_hh[row];
      }
    }
  }

  void run_part(const Operands& operands, const Memory& memory, int64_t part) const {
    for (int64_t i = schedule_.begin(part); i < schedule_.begin(part + 1); ++i) {
      begin_row(operands, memory.order[i]);
    }
    schedule_.for_each_step(operands.lengths, memory.order, part, !g_.reverse, [&](int64_t t, int64_t count) {
      const int64_t first = schedule_.begin(part);
      for (int64_t i = first; i < first + count; ++i) memory.rows[i] = row_of(operands, memory, t, memory.order[i]);
      if (ahead_ > 0) {
        const int64_t step = g_.reverse ? g_.steps - 1 - t : t;
        if (step % ahead_ == 0) run_ahead(operands, memory, first, count, step);
        for (int64_t i = first; i < first + count; ++i) {
          memory.rows[i].sums = sums_of(memory, first, count, step % ahead_, i - first);
        }
      }
      if (fused_) {
        run_fused(memory, memory.rows + first, count);
      } else {
        run_products(memory, first, count);
      }
    });
    for (int64_t i = schedule_.begin(part); i < schedule_.begin(part + 1); ++i) end_row(operands, memory.order[i]);
  }

  int64_t length_of(const Operands& operands, int64_t n) const {
    return operands.lengths == nullptr ? g_.steps : operands.lengths[n];
  }
  void copy_state(const T* from, T* to) const { std::memcpy(to, from, static_cast<size_t>(g_.hidden) * sizeof(T)); }

  // Without saved cells, the running c is where the final one will be.
  void begin_row(const Operands& operands, int64_t n) const {
    const int64_t row = n * g_.hidden;
    if (g_.is_lstm()) copy_state(operands.c0 + row, operands.results.c + row);
  }

  void end_row(const Operands& operands, int64_t n) const {
    const int64_t row = n * g_.hidden;
    const int64_t length = length_of(operands, n);
    const int64_t last = row + (g_.reverse ? 0 : (length - 1) * g_.state());
    const Results& results = operands.results;
    copy_state(length == 0 ? operands.h0 + row : results.output + last, results.h + row);
    if (results.cells != nullptr && length > 0) copy_state(results.cells + last, results.c + row);
    for (int64_t t = length; t < g_.steps; ++t) std::fill_n(results.output + t * g_.state() + row, g_.hidden, T(0));
  }

  RecurrentRow row_of(const Operands& operands, const Memory& memory, int64_t t, int64_t n) const {
    const int64_t row = n * g_.hidden;
    const int64_t position = t * g_.state() + row;
    const bool first = t == (g_.reverse ? length_of(operands, n) - 1 : 0);
    const Results& results = operands.results;
    RecurrentRow r{};
    r.x = operands.x + t * x_step_ + n * x_row_;
    r.h = results.output + position;
    r.h_before = first ? operands.h0 + row : results.output + position + g_.to_previous();
    if (g_.is_lstm()) {
      r.c = results.cells != nullptr ? results.cells + position : results.c + row;
      r.c_before = first || results.cells == nullptr ? results.c + row : results.cells + position + g_.to_previous();
    }
    if (results.gates != nullptr) {
      r.kept = results.gates + position * g_.saved_gates();
    } else if (!fused_) {
      r.kept = memory.kept + row * g_.saved_gates();
    }
    return r;
  }

  int64_t row_of_sums() const { return x_weights_.panels * panel_vectors * x_weights_.lanes; }

  // The sums of row `i` of a part that begins at row `first`. Each part has its own memory, one step after the other.
  T* sums_of(const Memory& memory, int64_t first, int64_t count, int64_t step, int64_t i) const {
    return memory.sums + (ahead_ * first + step * count + i) * row_of_sums();
  }

  // Computes bias plus product of x for the rows of a part in the next steps.
  void run_ahead(const Operands& operands, const Memory& memory, int64_t first, int64_t count, int64_t step) const {
    const int64_t steps = std::min(ahead_, g_.steps - step);
    const void** from = memory.from + ahead_ * first;
    void** to = memory.to + ahead_ * first;
    for (int64_t row = 0; row < steps * count; ++row) {
      const int64_t s = step + row / count;
      const int64_t t = g_.reverse ? g_.steps - 1 - s : s;
      from[row] = operands.x + t * x_step_ + (first + row % count) * x_row_;
      std::copy_n(memory.bias, row_of_sums(), sums_of(memory, first, count, row / count, row % count));
    }
    const int64_t width = panel_vectors * x_weights_.lanes;
    for (int64_t panel = 0; panel < x_weights_.panels; ++panel) {
      for (int64_t row = 0; row < steps * count; ++row) {
        to[row] = sums_of(memory, first, count, row / count, row % count) + panel * width;
      }
      kernels_of<T>().multiply(from, to, steps * count, inputs_, memory.x_weights + panel * x_weights_.panel_size(),
                               width, true);
    }
  }

  void run_fused(const Memory& memory, const RecurrentRow* rows, int64_t count) const {
    const auto& kernels = kernels_of<T>();
    for (int64_t panel = 0; panel < h_weights_.panels; ++panel) {
      const int64_t unit = panel * h_weights_.lanes;
      const RecurrentPanel weights = {memory.x_weights + panel * x_weights_.panel_size(),
                                      memory.h_weights + panel * h_weights_.panel_size(),
                                      memory.bias + panel * panel_vectors * h_weights_.lanes,
                                      inputs_,
                                      g_.hidden,
                                      unit,
                                      std::min(h_weights_.lanes, g_.hidden - unit)};
      (g_.is_lstm() ? kernels.lstm : kernels.gru)(rows, count, weights);
    }
  }

  // Computes the sums of the gates' inputs, row by row, and then the gates.
  void run_products(const Memory& memory, int64_t first, int64_t count) const {
    const auto& kernels = kernels_of<T>();
    RecurrentRow* rows = memory.rows + first;
    const auto sums = [&](const RecurrentRow& row) { return static_cast<T*>(g_.is_gru() ? row.kept : row.h); };
    for (int64_t i = 0; i < count; ++i) std::copy_n(memory.bias, g_.gates() * g_.hidden, sums(rows[i]));
    const auto add = [&](const PackedWeights& shape, const T* packed, int64_t columns, int64_t offset) {
      for (int64_t panel = 0; panel < shape.panels; ++panel) {
        for (int64_t i = 0; i < count; ++i) memory.to[first + i] = sums(rows[i]) + offset + shape.begin(panel);
        kernels.multiply(memory.from + first, memory.to + first, count, shape.depth,
                         packed + panel * shape.panel_size(), columns - shape.begin(panel), true);
      }
    };
    for (int64_t i = 0; i < count; ++i) memory.from[first + i] = rows[i].x;
    add(x_weights_, memory.x_weights, g_.gates() * g_.hidden, 0);
    for (int64_t i = 0; i < count; ++i) memory.from[first + i] = rows[i].h_before;
    add(h_weights_, memory.h_weights, first_columns(), 0);
    if (!g_.is_gru()) {
      const int kind = g_.cell == Cell::rnn_relu ? 1 : 0;
      for (int64_t i = 0; i < count; ++i) kernels.rnn[kind](rows[i].h, g_.hidden);
      return;
    }
    for (int64_t i = 0; i < count; ++i) {
      kernels.gru_gates(rows[i].h_before, rows[i].kept, g_.hidden);
      memory.from[first + i] = static_cast<T*>(rows[i].kept) + 3 * g_.hidden;
    }
    add(n_weights_, memory.n_weights, g_.hidden, 2 * g_.hidden);
    for (int64_t i = 0; i < count; ++i) kernels.gru_output(rows[i].h_before, rows[i].kept, rows[i].h, g_.hidden);
  }

  const char* name_;
  op::RecurrentInputs at_;
  RecurrentGeometry g_;
  bool saves_;
  int64_t inputs_;
  int64_t x_step_;
  int64_t x_row_;
  bool fused_;
  Schedule schedule_;
  PackedWeights x_weights_{};
  PackedWeights h_weights_{};
  PackedWeights n_weights_{};
  int64_t ahead_ = 0;  // number of steps for which the product of x is computed at once; 0: it is part of each step
};

// --- backward --------------------------------------------------------------------------------------

template <class T>
class BackwardKernel final : public Kernel {
 public:
  explicit BackwardKernel(const KernelCall& call)
      : name_(op::op_name(call.op)),
        at_(op::recurrent_backward_inputs(call.attrs)),
        g_(op::recurrent_backward_geometry(call.attrs, call.inputs)),
        schedule_(g_, g_.batch * g_.gates() * g_.hidden * g_.hidden) {
    const int64_t lanes = kernels_of<T>().lanes;
    weights_ = {panel_vectors, g_.gates() * g_.hidden, ceil_div(g_.hidden, panel_vectors * lanes), lanes};
    Workspace workspace;
    Memory(*this, workspace);
    scratchpad_bytes = workspace.used();
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    Workspace workspace(context.scratchpad);
    const Memory memory(*this, workspace);
    const auto operand = [&](int index) { return index < 0 ? nullptr : static_cast<const T*>(inputs[index]); };
    const Operands operands = {operand(at_.output),
                               operand(at_.gates),
                               operand(at_.cells),
                               operand(at_.h0),
                               operand(at_.c0),
                               operand(at_.dy),
                               operand(at_.dh),
                               operand(at_.dc),
                               at_.lengths < 0 ? nullptr : static_cast<const int64_t*>(inputs[at_.lengths]),
                               static_cast<T*>(outputs[0]),
                               static_cast<T*>(outputs[1]),
                               g_.is_lstm() ? static_cast<T*>(outputs[2]) : nullptr};
    schedule_.arrange(name_, operands.lengths, memory.order, memory.sorted);
    pack(static_cast<const T*>(inputs[at_.w_hh]), memory.weights);
    runtime::parallel_for(schedule_.parts(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) run_part(operands, memory, part);
    });
  }

 private:
  struct Operands {
    const T* output;
    const T* gates;
    const T* cells;
    const T* h0;
    const T* c0;
    const T* dy;
    const T* dh;
    const T* dc;
    const int64_t* lengths;
    T* gate_gradients;
    T* dh0;  // the running gradients while the steps are gone through
    T* dc0;
  };

  struct Memory {
    Memory(const BackwardKernel& kernel, Workspace& workspace) {
      const RecurrentGeometry& g = kernel.g_;
      weights = workspace.take<T>(kernel.weights_.size());
      dq = workspace.take<T>(g.is_gru() && !g.reset_after ? g.state() : 0);
      order = workspace.take<int64_t>(g.batch);
      sorted = workspace.take<int64_t>(g.batch);
      rows = workspace.take<RecurrentGradientRow>(g.batch);
      from = workspace.take<const void*>(g.batch);
      to = workspace.take<void*>(g.batch);
    }
    T *weights, *dq;
    int64_t *order, *sorted;
    RecurrentGradientRow* rows;
    const void** from;
    void** to;
  };

  void pack(const T* w, T* packed) const {
    const int64_t grain = ceil_div(packed_per_thread, std::max<int64_t>(weights_.panel_size(), 1));
    runtime::parallel_for(weights_.panels, grain, [&](int64_t begin, int64_t end) {
      for (int64_t panel = begin; panel < end; ++panel) {
        const int64_t column = weights_.begin(panel);
        kernels_of<T>().pack_columns(w + column, g_.hidden, g_.hidden - column, weights_.depth,
                                     packed + panel * weights_.panel_size());
      }
    });
  }

  void run_part(const Operands& operands, const Memory& memory, int64_t part) const {
    const int64_t first = schedule_.begin(part);
    for (int64_t i = first; i < schedule_.begin(part + 1); ++i) begin_row(operands, memory.order[i]);
    schedule_.for_each_step(operands.lengths, memory.order, part, g_.reverse, [&](int64_t t, int64_t count) {
      for (int64_t i = first; i < first + count; ++i) memory.rows[i] = row_of(operands, memory, t, memory.order[i]);
      run_step(memory, first, count);
    });
  }

  // The running gradients start as those of the final states. Steps that are not part of the row have zero gradients.
  void begin_row(const Operands& operands, int64_t n) const {
    const int64_t row = n * g_.hidden;
    const auto start = [&](const T* given, T* running) {
      if (given == nullptr) {
        std::fill_n(running + row, g_.hidden, T(0));
      } else {
        std::copy_n(given + row, g_.hidden, running + row);
      }
    };
    start(operands.dh, operands.dh0);
    if (g_.is_lstm()) start(operands.dc, operands.dc0);
    const int64_t width = g_.gate_gradients() * g_.hidden;
    for (int64_t t = operands.lengths == nullptr ? g_.steps : operands.lengths[n]; t < g_.steps; ++t) {
      std::fill_n(operands.gate_gradients + (t * g_.batch + n) * width, width, T(0));
    }
  }

  RecurrentGradientRow row_of(const Operands& operands, const Memory& memory, int64_t t, int64_t n) const {
    const int64_t row = n * g_.hidden;
    const int64_t position = t * g_.state() + row;
    const int64_t length = operands.lengths == nullptr ? g_.steps : operands.lengths[n];
    const bool first = t == (g_.reverse ? length - 1 : 0);
    RecurrentGradientRow r{};
    r.h = operands.output + position;
    r.h_before = first ? operands.h0 + row : operands.output + position + g_.to_previous();
    if (g_.is_lstm()) {
      r.c = operands.cells + position;
      r.c_before = first ? operands.c0 + row : operands.cells + position + g_.to_previous();
      r.dc = operands.dc0 + row;
    }
    if (operands.gates != nullptr) r.kept = operands.gates + position * g_.saved_gates();
    if (operands.dy != nullptr) r.dy = operands.dy + position;
    r.dh = operands.dh0 + row;
    r.gate_gradients = operands.gate_gradients + position * g_.gate_gradients();
    r.dq = memory.dq + (g_.is_gru() && !g_.reset_after ? row : 0);
    return r;
  }

  void run_step(const Memory& memory, int64_t first, int64_t count) const {
    const auto& kernels = kernels_of<T>();
    const RecurrentGradientRow* rows = memory.rows + first;
    const int64_t units = g_.hidden;
    if (g_.is_lstm()) {
      for (int64_t i = 0; i < count; ++i) kernels.lstm_gate_gradients(rows[i], units);
      return add_products(memory, first, count, 0, 0, 4, false);
    }
    if (!g_.is_gru()) {
      const int kind = g_.cell == Cell::rnn_relu ? 1 : 0;
      for (int64_t i = 0; i < count; ++i) kernels.rnn_gate_gradients[kind](rows[i], units);
      return add_products(memory, first, count, 0, 0, 1, false);
    }
    for (int64_t i = 0; i < count; ++i) kernels.gru_gate_gradients[g_.reset_after ? 1 : 0](rows[i], units);
    if (g_.reset_after) {
      add_products(memory, first, count, 3, 2, 1, true);
    } else {
      add_products(memory, first, count, 2, 2, 1, false, true);
      for (int64_t i = 0; i < count; ++i) kernels.gru_reset_gate_gradients(rows[i], units);
    }
    add_products(memory, first, count, 0, 0, 2, true);
  }

  // dh (or dq) = or += `blocks` blocks of gate_gradients, from number `gate_gradient` on, times the blocks of weights
  // from `gate` on.
  void add_products(const Memory& memory, int64_t first, int64_t count, int64_t gate_gradient, int64_t gate,
                    int64_t blocks, bool adds, bool to_dq = false) const {
    const RecurrentGradientRow* rows = memory.rows + first;
    const int64_t entry = panel_vectors * weights_.lanes;
    for (int64_t i = 0; i < count; ++i)
      memory.from[first + i] = static_cast<T*>(rows[i].gate_gradients) + gate_gradient * g_.hidden;
    for (int64_t panel = 0; panel < weights_.panels; ++panel) {
      const int64_t column = weights_.begin(panel);
      for (int64_t i = 0; i < count; ++i) {
        memory.to[first + i] = static_cast<T*>(to_dq ? rows[i].dq : rows[i].dh) + column;
      }
      kernels_of<T>().multiply(memory.from + first, memory.to + first, count, blocks * g_.hidden,
                               memory.weights + panel * weights_.panel_size() + gate * g_.hidden * entry,
                               g_.hidden - column, adds);
    }
  }

  const char* name_;
  op::RecurrentBackwardInputs at_;
  RecurrentGeometry g_;
  Schedule schedule_;
  PackedWeights weights_{};
};

// --- registration ------------------------------------------------------------------------------------

std::unique_ptr<Kernel> prepare_recurrent(const KernelCall& call) {
  if (!has_contiguous_rows(call.inputs[0]) || !are_contiguous(call.inputs, 1)) return nullptr;
  return prepare_of_dtype<ForwardKernel>(call);
}

std::unique_ptr<Kernel> prepare_recurrent_backward(const KernelCall& call) {
  return are_contiguous(call.inputs, 0) ? prepare_of_dtype<BackwardKernel>(call) : nullptr;
}

}  // namespace

void register_recurrent(KernelTable& table) {
  table.add(OpId::recurrent, Provider::cpu, adapted<prepare_recurrent>);
  table.add(OpId::recurrent_backward, Provider::cpu, adapted<prepare_recurrent_backward>);
}

}  // namespace pydl::cpu
