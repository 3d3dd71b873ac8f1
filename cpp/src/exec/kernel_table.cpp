// Records the implementations of all ops, and chooses among them.
#include <algorithm>
#include <sstream>

#include "exec/kernel.h"
#include "pydl/error.h"
#include "with_onednn.h"

namespace pydl::exec {

const char* provider_name(Provider provider) {
  constexpr const char* names[provider_count] = {"onednn", "cpu", "ref"};
  return names[static_cast<int>(provider)];
}

void KernelTable::add(op::OpId op, Provider provider, PrepareFunction prepare) {
  constexpr CostFunction costs[provider_count] = {[](const KernelCall&) { return 1.0; },
                                                  [](const KernelCall&) { return 2.0; },
                                                  [](const KernelCall&) { return 100.0; }};
  add(op, {provider_name(provider), provider, prepare, costs[static_cast<int>(provider)]});
}

void KernelTable::add(op::OpId op, const Implementation& implementation) {
  implementations_[static_cast<int>(op)].push_back(implementation);
}

std::span<const Implementation> KernelTable::implementations(op::OpId op) const {
  return implementations_[static_cast<int>(op)];
}

void KernelTable::allow_post(op::OpId op, std::string_view operations) {
  post_[static_cast<int>(op)].emplace_back(operations);
}

std::span<const std::string> KernelTable::post_operations(op::OpId op) const { return post_[static_cast<int>(op)]; }

KernelTable& KernelTable::global() {
  static KernelTable table = [] {
    KernelTable filled;
    backends::register_ref(filled);
    backends::register_cpu(filled);
#if PYDL_WITH_ONEDNN
    backends::register_onednn(filled);
#endif
    return filled;
  }();
  return table;
}

namespace {

bool is_named(const Implementation& implementation, std::string_view name) {
  return name == implementation.name || name == provider_name(implementation.provider);
}

// The implementations of an op: those that have the name, followed by the others, each from the cheapest for this call
// to the most expensive one.
std::vector<const Implementation*> ranked(const KernelCall& call, std::string_view name) {
  std::vector<const Implementation*> result;
  for (const Implementation& one : KernelTable::global().implementations(call.op)) result.push_back(&one);
  std::stable_sort(result.begin(), result.end(), [&](const Implementation* a, const Implementation* b) {
    const bool is_first = is_named(*a, name);
    return is_first != is_named(*b, name) ? is_first : a->cost(call) < b->cost(call);
  });
  return result;
}

std::unique_ptr<Kernel> prepare(const KernelCall& call, const Implementation& implementation) {
  auto kernel = implementation.prepare(call);
  if (!kernel) return nullptr;
  kernel->provider = provider_name(implementation.provider);
  if (kernel->implementation.empty()) kernel->implementation = implementation.name;
  return kernel;
}

}  // namespace

std::unique_ptr<Kernel> prepare_kernel_from(const KernelCall& call, std::string_view name) {
  for (const Implementation* one : ranked(call, name)) {
    if (!is_named(*one, name)) continue;
    if (auto kernel = prepare(call, *one)) return kernel;
  }
  return nullptr;
}

std::unique_ptr<Kernel> prepare_kernel(const KernelCall& call, const KernelChoice& choice) {
  for (const Implementation* one : ranked(call, choice.name_for(call.op))) {
    if (choice.excludes_onednn() && one->provider == Provider::onednn) continue;
    if (auto kernel = prepare(call, *one)) return kernel;
  }
  std::ostringstream message;
  message << op::op_name(call.op) << ": no kernel for ";
  for (size_t i = 0; i < call.inputs.size(); ++i) message << (i > 0 ? ", " : "") << call.inputs[i].dtype;
  if (!call.outputs.empty()) message << " -> " << call.outputs[0].dtype;
  throw TypeError(message.str());
}

std::unique_ptr<Kernel> prepare_fused_kernel(const FusedCall& call) {
  auto kernel = KernelTable::global().fused().prepare(call);
  if (!kernel) throw TypeError("no kernel for a fused elementwise node");
  kernel->provider = "cpu";
  kernel->implementation = "tiles";
  return kernel;
}

}  // namespace pydl::exec
