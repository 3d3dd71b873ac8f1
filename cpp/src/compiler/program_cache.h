// ProgramCache: the programs of a compiled function that were used last. Compiled functions in Python and C++ share it.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace pydl::compiler {

/// `Entry` is a program with the conditions under which it can be used. What compares or drops entries may call the
/// cache again: guards of Python objects let other threads run, and their destructors may be Python code.
template <class Entry>
class ProgramCache {
 public:
  explicit ProgramCache(size_t capacity) : capacity_(capacity) {}

  /// The most recently used entry for which `serves` is true; null if there is none.
  template <class Serves>
  std::shared_ptr<const Entry> find(const Serves& serves) {
    for (size_t i = 0; i < entries_.size(); ++i) {
      std::shared_ptr<const Entry> entry = entries_[i];
      if (!serves(*entry)) continue;
      if (i > 0) move_to_front(entry);
      return entry;
    }
    return nullptr;
  }

  /// Adds an entry; if there are too many, drops the one that was used least recently.
  std::shared_ptr<const Entry> add(Entry entry) {
    auto added = std::make_shared<const Entry>(std::move(entry));
    entries_.insert(entries_.begin(), added);
    if (entries_.size() > capacity_) {
      const std::shared_ptr<const Entry> dropped = std::move(entries_.back());
      entries_.pop_back();
    }
    return added;
  }

  /// Most recently used first.
  const std::vector<std::shared_ptr<const Entry>>& entries() const { return entries_; }

  void clear() { const auto dropped = std::exchange(entries_, {}); }

 private:
  void move_to_front(const std::shared_ptr<const Entry>& entry) {
    const auto position = std::find(entries_.begin(), entries_.end(), entry);
    if (position != entries_.end()) std::rotate(entries_.begin(), position, position + 1);
  }

  size_t capacity_;
  std::vector<std::shared_ptr<const Entry>> entries_;
};

}  // namespace pydl::compiler
