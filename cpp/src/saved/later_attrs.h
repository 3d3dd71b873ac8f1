// Flags that ops got after the first program files were written. Files leave them out where they are false, as ops did
// without them, so that files of earlier versions mean what they meant, and earlier versions read those that need none.
#pragma once

#include <string_view>

namespace pydl::saved {

struct LaterFlag {
  std::string_view op;
  std::string_view name;
};

inline constexpr LaterFlag later_flags[] = {
    {"sgd_update", "decoupled"},    {"sgd_update", "maximize"}, {"rmsprop_update", "centered"},
    {"rmsprop_update", "maximize"}, {"adam_update", "amsgrad"}, {"adam_update", "maximize"},
};

inline bool is_later_flag(std::string_view op, std::string_view name) {
  for (const LaterFlag& flag : later_flags) {
    if (flag.op == op && flag.name == name) return true;
  }
  return false;
}

}  // namespace pydl::saved
