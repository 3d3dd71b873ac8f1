// Records which provider serves which op, and tries the providers in order.
#include <sstream>

#include "exec/kernel.h"
#include "pydl/error.h"

namespace pydl::exec {

const char* provider_name(Provider provider) {
  constexpr const char* names[provider_count] = {"onednn", "cpu", "ref"};
  return names[static_cast<int>(provider)];
}

void KernelTable::add(op::OpId op, Provider provider, PrepareFunction prepare) {
  functions_[static_cast<int>(op)][static_cast<int>(provider)] = prepare;
}

PrepareFunction KernelTable::find(op::OpId op, Provider provider) const {
  return functions_[static_cast<int>(op)][static_cast<int>(provider)];
}

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

std::unique_ptr<Kernel> prepare_kernel_from(const KernelCall& call, Provider provider) {
  const PrepareFunction prepare = KernelTable::global().find(call.op, provider);
  auto kernel = prepare != nullptr ? prepare(call) : nullptr;
  if (kernel) kernel->provider = provider_name(provider);
  return kernel;
}

std::unique_ptr<Kernel> prepare_kernel(const KernelCall& call, Provider first) {
  for (int provider = static_cast<int>(first); provider < provider_count; ++provider) {
    if (auto kernel = prepare_kernel_from(call, static_cast<Provider>(provider))) return kernel;
  }
  std::ostringstream message;
  message << op::op_name(call.op) << ": no kernel for ";
  for (size_t i = 0; i < call.inputs.size(); ++i) message << (i > 0 ? ", " : "") << call.inputs[i].dtype;
  if (!call.outputs.empty()) message << " -> " << call.outputs[0].dtype;
  throw TypeError(message.str());
}

std::unique_ptr<Kernel> prepare_fused_kernel(const FusedCall& call) {
  const PrepareFusedFunction prepare = KernelTable::global().fused();
  auto kernel = prepare != nullptr ? prepare(call) : nullptr;
  if (!kernel) throw TypeError("no kernel for a fused elementwise node");
  kernel->provider = "cpu";
  return kernel;
}

}  // namespace pydl::exec
