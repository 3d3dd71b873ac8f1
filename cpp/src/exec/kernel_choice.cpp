// Parses lists of implementations and checks them against the table of kernels.
#include "exec/kernel_choice.h"

#include <cstdlib>

#include "exec/kernel.h"
#include "op/op_def.h"
#include "pydl/error.h"

namespace pydl::exec {

namespace {

bool matches(std::string_view pattern, std::string_view op) {
  if (!pattern.ends_with('*')) return pattern == op;
  return op.starts_with(pattern.substr(0, pattern.size() - 1));
}

// Checks that at least one of the ops that the pattern matches has an implementation of that name.
void check_entry(const char* source, std::string_view pattern, std::string_view name) {
  bool known = false;
  std::string names;
  for (const op::OpDef& def : op::all_ops()) {
    if (!matches(pattern, def.name)) continue;
    known = true;
    for (const Implementation& one : KernelTable::global().implementations(def.id)) {
      if (name == one.name || name == provider_name(one.provider)) return;
      const std::string quoted = concat_text("'", one.name, "'");
      if (names.find(quoted) == std::string::npos) names += (names.empty() ? "" : ", ") + quoted;
    }
  }
  if (!known) throw ValueError(concat_text(source, ": there is no op '", pattern, "'"));
  throw ValueError(concat_text(source, ": ", pattern, " has the implementations ", names, ", not '", name, "'"));
}

}  // namespace

KernelChoice::KernelChoice(const char* source, std::string_view list) {
  while (!list.empty()) {
    const std::string_view entry = list.substr(0, list.find(','));
    list.remove_prefix(std::min(entry.size() + 1, list.size()));
    const size_t colon = entry.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == entry.size()) {
      throw ValueError(
          concat_text(source, ": expected entries such as 'conv:onednn', separated by commas, got '", entry, "'"));
    }
    check_entry(source, entry.substr(0, colon), entry.substr(colon + 1));
    entries_.push_back({std::string(entry.substr(0, colon)), std::string(entry.substr(colon + 1))});
  }
}

const KernelChoice& KernelChoice::process() {
  static const KernelChoice choice = [] {
    const char* list = std::getenv("PYDL_KERNELS");
    return list == nullptr ? KernelChoice() : KernelChoice("PYDL_KERNELS", list);
  }();
  return choice;
}

std::string_view KernelChoice::name_for(op::OpId op) const {
  for (const Entry& entry : entries_) {
    if (matches(entry.op, op::op_name(op))) return entry.name;
  }
  return this == &process() ? std::string_view() : process().name_for(op);
}

}  // namespace pydl::exec
