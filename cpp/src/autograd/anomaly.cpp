#include "autograd/anomaly.h"

#include <memory>
#include <mutex>

#include "autograd/node.h"
#include "core/active_trace.h"
#include "pydl/autograd.h"
#include "pydl/ops.h"

namespace pydl {

namespace {

enum AnomalyFlag : unsigned { looks = 1U, for_infinities = 2U };

thread_local unsigned anomaly_flags = 0;
thread_local bool checks_paused = false;

unsigned flags_of(bool enabled, bool infinities) { return enabled ? looks | (infinities ? for_infinities : 0U) : 0U; }

using Locator = std::function<std::string(bool with_layer)>;

std::mutex locator_mutex;
std::shared_ptr<const Locator> anomaly_locator;

std::string located(bool with_layer) {
  std::shared_ptr<const Locator> locator;
  {
    const std::lock_guard lock(locator_mutex);
    locator = anomaly_locator;
  }
  return locator && *locator ? (*locator)(with_layer) : "";
}

bool has_any(const Tensor& flags) { return any(flags).item() != 0; }
bool is_finite(const Tensor& x) { return !is_floating(x.dtype()) || all(isfinite(x)).item() != 0; }
bool has_nan(const Tensor& x) { return is_floating(x.dtype()) && has_any(isnan(x)); }

// "NaN at 2 of 6 places, first [0, 1]"
std::string describe(const Tensor& x, bool nan) {
  const Tensor bad = nan ? isnan(x) : isinf(x);
  const auto count = sum(astype(bad, DType::int64)).item_int();
  int64_t position = argmax(astype(reshape(bad, {-1}), DType::uint8)).item_int();
  Dims first = x.shape();
  for (int axis = x.rank() - 1; axis >= 0; --axis) {
    first[axis] = position % x.shape()[axis];
    position /= x.shape()[axis];
  }
  return concat_text(nan ? "NaN" : "an infinity", " at ", count, " of ", x.size(), " places, first at ", first);
}

}  // namespace

AnomalyScope::AnomalyScope(bool enabled, bool infinities)
    : previous_(std::exchange(anomaly_flags, flags_of(enabled, infinities))) {}
AnomalyScope::~AnomalyScope() { anomaly_flags = previous_; }

bool detects_anomaly() { return anomaly_flags != 0; }
bool detects_infinities() { return (anomaly_flags & for_infinities) != 0; }
void set_detect_anomaly(bool enabled, bool infinities) { anomaly_flags = flags_of(enabled, infinities); }

void set_anomaly_locator(std::function<std::string(bool with_layer)> locator) {
  auto made = std::make_shared<const Locator>(std::move(locator));
  const std::lock_guard lock(locator_mutex);
  anomaly_locator.swap(made);
}

namespace autograd {

bool looks_for_anomalies() { return anomaly_flags != 0 && !checks_paused && core::active_trace() == nullptr; }

PauseChecks::PauseChecks(bool pauses) : previous_(checks_paused) { checks_paused = checks_paused || pauses; }
PauseChecks::~PauseChecks() { checks_paused = previous_; }

std::string place_of_call() {
  const PauseChecks paused(true);
  return located(true);
}

namespace {

// What is wrong with a tensor that was computed from others, in words; empty if nothing is.
std::string anomaly_in(const Tensor& computed, std::span<const Tensor> from) {
  if (!computed.defined() || computed.size() == 0 || is_finite(computed)) return "";
  bool from_nan = false;
  bool from_finite = true;
  for (const Tensor& input : from) {
    if (!input.defined() || input.size() == 0) continue;
    from_nan = from_nan || has_nan(input);
    from_finite = from_finite && is_finite(input);
  }
  if (has_nan(computed)) {
    const char* source = from_nan      ? "which it was given: it comes from outside of the scope, such as data or "
                                         "parameters"
                         : from_finite ? "from finite numbers"
                                       : "from infinities";
    return concat_text(describe(computed, true), ", ", source);
  }
  if (!from_finite || (anomaly_flags & for_infinities) == 0) return "";
  return describe(computed, false) + ", from finite numbers";
}

}  // namespace

void check_results(const op::OpDef& def, std::span<const Tensor> inputs, std::span<const Tensor> results) {
  if (inputs.empty()) return;  // a constant, such as the -inf of a mask
  const PauseChecks paused(true);
  const GradMode mode(false);
  for (const Tensor& result : results) {
    const std::string anomaly = anomaly_in(result, inputs);
    if (anomaly.empty()) continue;
    const std::string place = located(false);
    throw Error(concat_text(def.name, ": computed ", anomaly, place.empty() ? "" : ", in ", place,
                            " (found by detect_anomaly)"));
  }
}

void check_gradients(const Node& node, std::span<const Tensor> given, std::span<const Tensor> found) {
  const PauseChecks paused(true);
  const GradMode mode(false);
  for (size_t i = 0; i < found.size() && i < node.inputs.size(); ++i) {
    if (!node.inputs[i].needs_grad()) continue;
    const std::string anomaly = anomaly_in(found[i], given);
    if (anomaly.empty()) continue;
    const std::string origin = node.extras ? node.extras->origin : "";
    throw Error(concat_text("backward: the derivative of ", node.name(), origin.empty() ? "" : ", called in ", origin,
                            ", computed for its input ", i, " ", anomaly, " (found by detect_anomaly)"));
  }
}

}  // namespace autograd

}  // namespace pydl
