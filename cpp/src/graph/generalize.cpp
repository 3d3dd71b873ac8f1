// Finds one recording that serves all batch sizes, by comparing recordings made at a few of them: whatever grows with
// the batch must grow by the same amount each time.
#include <cmath>
#include <set>

#include "core/active_trace.h"
#include "core/tensor_impl.h"
#include "graph/recording.h"

namespace pydl::graph {

namespace {

class Comparison {
 public:
  Comparison(std::span<const Recording> recordings, std::span<const int64_t> batches)
      : recordings_(recordings), batches_(batches) {}

  std::optional<Recording> run(std::string* difference) {
    Recording result = recordings_[0];
    try {
      compare_structure();
      count_elements();
      for (size_t i = 0; i < result.arguments.size(); ++i) {
        result.arguments[i].shape = open_dims([&](const Recording& r) { return r.arguments[i].shape; }, "an argument");
      }
      for (size_t i = 0; i < result.constants.size(); ++i) result.constants[i] = open_constant(i);
      for (size_t i = 0; i < result.calls.size(); ++i) open_call(i, result.calls[i]);
      return result;
    } catch (const ValueError& error) {
      *difference = error.what();
      return std::nullopt;
    }
  }

 private:
  [[noreturn]] static void fail(const std::string& what) {
    throw ValueError(concat_text(what, " depends on the batch size by more than a multiple of it"));
  }

  void compare_structure() const {
    const Recording& first = recordings_[0];
    for (const Recording& other : recordings_.subspan(1)) {
      if (other.arguments.size() != first.arguments.size() || other.states != first.states ||
          other.constants.size() != first.constants.size() || other.calls.size() != first.calls.size() ||
          other.outputs != first.outputs || other.generators != first.generators ||
          other.views.size() != first.views.size()) {
        throw ValueError("the function does other things for other batch sizes");
      }
      for (size_t i = 0; i < first.calls.size(); ++i) {
        const RecordedCall& a = first.calls[i];
        const RecordedCall& b = other.calls[i];
        if (a.op != b.op || a.inputs != b.inputs || a.region != b.region || a.attrs.size() != b.attrs.size() ||
            a.generator != b.generator) {
          throw ValueError("the function does other things for other batch sizes");
        }
      }
    }
  }

  // Counts the elements that each tensor has per example of the batch, as far as shapes are written down.
  void count_elements() {
    const Recording& first = recordings_[0];
    for (const RecordedArgument& argument : first.arguments) add_count(argument.shape);
    for (const RecordedCall& call : first.calls) {
      for (const auto& [name, attr] : call.attrs) {
        if (const auto* dims = std::get_if<OpenDims>(&attr)) add_count(*dims);
      }
    }
  }

  void add_count(const OpenDims& shape) {
    int64_t count = 1;
    for (const OpenInteger& size : shape) {
      if (size.plus <= 0 || __builtin_mul_overflow(count, size.plus, &count)) return;
    }
    if (count % batches_[0] == 0) counts_.insert(count / batches_[0]);
  }

  // The linear function of the batch size that takes these values.
  OpenInteger open_integer(std::span<const int64_t> values, const std::string& what) const {
    OpenInteger result = {0, values[0]};
    const int64_t step = batches_[1] - batches_[0];
    const int64_t growth = values[1] - values[0];
    if (growth != 0) {
      if (growth % step != 0) fail(what);
      result.times = growth / step;
      result.plus = values[0] - result.times * batches_[0];
    }
    for (size_t i = 0; i < values.size(); ++i) {
      if (result.at(batches_[i]) != values[i]) fail(what);
    }
    return result;
  }

  template <class Get>
  OpenDims open_dims(const Get& get, const std::string& what) const {
    const OpenDims first = get(recordings_[0]);
    OpenDims result;
    for (size_t axis = 0; axis < first.size(); ++axis) {
      std::vector<int64_t> values;
      for (const Recording& recording : recordings_) {
        const OpenDims dims = get(recording);
        if (dims.size() != first.size()) fail(what);
        values.push_back(dims[axis].plus);
      }
      result.push_back(open_integer(values, what));
    }
    return result;
  }

  std::optional<OpenNumber> open_whole_number(std::span<const double> values) const {
    std::vector<int64_t> integers;
    for (const double value : values) {
      if (!(std::abs(value) < 0x1p52) || value != std::floor(value)) return std::nullopt;
      integers.push_back(static_cast<int64_t>(value));
    }
    const int64_t step = batches_[1] - batches_[0];
    const int64_t times = (integers[1] - integers[0]) / step;
    if (times == 0) return std::nullopt;
    return OpenNumber{0, {times, integers[0] - times * batches_[0]}};
  }

  // Either the same number each time, an integer that grows with the batch, or a quotient of such integers: n, 1 / n, 2
  // / (n - 1), n / (n - 1). `rounded` returns what the trace would make of a number.
  template <class Round>
  OpenNumber open_number(std::span<const double> values, const Round& rounded, const std::string& what) const {
    const auto fits = [&](const OpenNumber& number) {
      for (size_t i = 0; i < values.size(); ++i) {
        const double value = rounded(number.at(batches_[i]));
        if (value != values[i] && !(std::isnan(value) && std::isnan(values[i]))) return false;
      }
      return true;
    };
    const OpenNumber same = {values[0]};
    if (fits(same)) return same;
    if (const auto line = open_whole_number(values); line && fits(*line)) return *line;
    const auto batch = static_cast<double>(batches_[0]);
    // n = N m, where m is slightly off if the number was rounded. With few significant bits, several m fit these batch
    // sizes but differ at others; the right one is then the one that counts the elements of some tensor.
    const auto search = [&](double estimate, const auto& candidate_of) -> std::optional<OpenNumber> {
      if (!(std::abs(estimate) < 0x1p52)) return std::nullopt;
      std::optional<OpenNumber> found;
      const auto try_count = [&](int64_t m) {
        if (!fits(candidate_of(m))) return;
        if (found) throw ValueError(concat_text(what, " has too few bits to tell how it depends on the batch size"));
        found = candidate_of(m);
      };
      for (const int64_t m : counts_) try_count(m);
      if (found) return found;
      const auto middle = static_cast<int64_t>(std::round(estimate / batch));
      constexpr int64_t reach = 16;
      for (int64_t m = std::max<int64_t>(middle - reach, 1); m <= middle + reach; ++m) try_count(m);
      return found;
    };
    for (const double dividend : {1.0, 2.0, -1.0, -2.0}) {
      for (const int64_t less : {0, 1}) {
        const auto found =
            search(dividend / values[0], [&](int64_t m) { return OpenNumber{dividend, {}, {m, -less}}; });
        if (found) return *found;
      }
    }
    const auto unbiased = search(values[0] / (values[0] - 1), [](int64_t m) { return OpenNumber{0, {m, 0}, {m, -1}}; });
    if (unbiased) return *unbiased;
    const OpenNumber plain = {values[0] * batch, {}, {1, 0}};
    if (!fits(plain)) fail(what);
    return plain;
  }

  void open_call(size_t index, RecordedCall& call) const {
    if (call.draws()) return;
    const std::string name = op::op_name(call.op);
    for (size_t a = 0; a < call.attrs.size(); ++a) {
      const std::string what = concat_text(name, ": ", call.attrs[a].first);
      const auto attr = [&](const Recording& recording) -> const OpenAttr& {
        const auto& other = recording.calls[index].attrs[a];
        if (other.first != call.attrs[a].first || other.second.index() != call.attrs[a].second.index()) fail(what);
        return other.second;
      };
      for (const Recording& recording : recordings_) attr(recording);
      const auto numbers_of = [&](const auto& value_of) {
        std::vector<double> values;
        for (const Recording& recording : recordings_) values.push_back(value_of(attr(recording)).value);
        return open_number(values, [](double value) { return value; }, what);
      };
      OpenAttr& result = call.attrs[a].second;
      if (std::holds_alternative<OpenDims>(result)) {
        result = open_dims([&](const Recording& r) { return std::get<OpenDims>(attr(r)); }, what);
      } else if (std::holds_alternative<OpenInteger>(result)) {
        std::vector<int64_t> values;
        for (const Recording& recording : recordings_) values.push_back(std::get<OpenInteger>(attr(recording)).plus);
        result = open_integer(values, what);
      } else if (std::holds_alternative<OpenNumber>(result)) {
        result = numbers_of([](const OpenAttr& other) { return std::get<OpenNumber>(other); });
      } else if (auto* list = std::get_if<OpenNumbers>(&result)) {
        for (const Recording& recording : recordings_) {
          if (std::get<OpenNumbers>(attr(recording)).size() != list->size()) fail(what);
        }
        OpenNumbers opened;
        for (size_t i = 0; i < list->size(); ++i) {
          opened.push_back(numbers_of([&](const OpenAttr& other) { return std::get<OpenNumbers>(other)[i]; }));
        }
        result = std::move(opened);
      } else {
        for (const Recording& recording : recordings_) {
          if (attr(recording) != call.attrs[a].second) fail(what);
        }
      }
    }
  }

  RecordedConstant open_constant(size_t index) const {
    const core::PauseTrace paused;
    const Tensor& first = recordings_[0].constants[index].tensor;
    bool same = true;
    for (const Recording& recording : recordings_.subspan(1)) {
      const Tensor& other = recording.constants[index].tensor;
      if (other.dtype() != first.dtype()) fail("a constant");
      same = same && other.shape() == first.shape() && core::same_bytes(first, other);
    }
    if (same) return {first, {}};
    if (first.rank() != 0 || !is_floating(first.dtype())) {
      throw ValueError(concat_text("a constant of shape ", first.shape(),
                                   " depends on the batch size; make it with zeros(), full() or arange()"));
    }
    std::vector<double> values;
    for (const Recording& recording : recordings_) values.push_back(recording.constants[index].tensor.item());
    const auto rounded = [&](double value) { return Tensor::scalar(value, first.dtype()).item(); };
    return {first, open_number(values, rounded, "a number")};
  }

  std::span<const Recording> recordings_;
  std::span<const int64_t> batches_;
  std::set<int64_t> counts_;
};

}  // namespace

std::optional<Recording> generalize(std::span<const Recording> recordings, std::span<const int64_t> batches,
                                    std::string* difference) {
  return Comparison(recordings, batches).run(difference);
}

}  // namespace pydl::graph
