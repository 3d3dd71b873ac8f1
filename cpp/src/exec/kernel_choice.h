// KernelChoice: implementations that a user wants for some ops, instead of the cheapest ones.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/module_api.h"
#include "op/op_id.h"

namespace pydl::exec {

/// A list such as "conv*:onednn,matmul:cpu": ops, where a `*` at the end stands for any rest of a name, each with the
/// name of an implementation or of a provider. Where what is named does not apply to a call, the usual order decides.
class PYDL_MODULE_API KernelChoice {
 public:
  KernelChoice() = default;
  /// `source`, which messages begin with, names where the list comes from. `ValueError` if there is no such op or
  /// implementation.
  KernelChoice(const char* source, std::string_view list);

  /// That of the environment variable PYDL_KERNELS.
  static const KernelChoice& process();

  /// Leaves out all implementations of oneDNN.
  void exclude_onednn() { without_onednn_ = true; }
  bool excludes_onednn() const { return without_onednn_; }

  /// The name for an op; empty if there is none. The first entry that fits counts; after this list's own, those of
  /// `process()` are searched.
  std::string_view name_for(op::OpId op) const;

 private:
  struct Entry {
    std::string op;
    std::string name;
  };

  std::vector<Entry> entries_;
  bool without_onednn_ = false;
};

}  // namespace pydl::exec
