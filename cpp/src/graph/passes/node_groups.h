// NodeGroups: groups of nodes that run together, joined only if all groups can still run one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pydl::graph {

/// Initially every node is a group of its own. The groups are kept in an order in which they can run, so that a join
/// only has to look at the groups between the two: see `join`.
class NodeGroups {
 public:
  /// `before[n]` lists the nodes that must run before node n, ascending and less than n (see dependencies.h).
  explicit NodeGroups(const std::vector<std::vector<int>>& before);

  /// The group of each node.
  const std::vector<int>& groups() const { return group_; }
  int group(int node) const { return group_[static_cast<size_t>(node)]; }
  /// The nodes of a group, ascending.
  const std::vector<int>& members(int group) const { return members_[static_cast<size_t>(group)]; }

  /// Merges two groups, the second of which depends directly on the first, into the group `earlier`. Refuses if a path
  /// leads from the first through other groups to the second, because they could not run together, or if there are too
  /// many groups between them to find out.
  bool join(int earlier, int later);
  /// The number of dependencies that all joins have looked at.
  int64_t visits() const { return visits_; }

 private:
  // A walk that starts from a group and follows dependencies in one direction, one at a time.
  struct Walk {
    std::vector<int> reached;  // the groups reached, starting group first
    size_t group = 0;          // current position in `reached`
    size_t member = 0;         // current position in the members of this group
    size_t edge = 0;           // current position in the dependencies of this member
    int64_t mark = 0;
  };
  enum class Direction : uint8_t { forward, backward };
  enum class Step : uint8_t { goes_on, ended, met };

  void number_tree();
  bool surely_reaches(int from, int to) const;
  bool leads_around(int earlier, int later);
  Step advance(Direction direction, int earlier, int later);
  int next_of(Walk& walk, const std::vector<std::vector<int>>& edges) const;
  void begin(Walk& walk, int group);
  void merge(int earlier, int later);
  void unlink(int group);
  void link_behind(int group, std::vector<int>& others);
  void spread_labels();
  std::vector<int> sorted_tail(const Walk& walk) const;

  const std::vector<std::vector<int>>& before_;
  std::vector<std::vector<int>> after_;
  std::vector<int> group_;
  std::vector<std::vector<int>> members_;
  // The order is a linked list with labels that ascend along it. Node `end_` marks its end.
  int end_;
  std::vector<int> next_;
  std::vector<int> previous_;
  std::vector<int64_t> label_;
  // A tree, stored in preorder, in which the parent of a node is the last of the nodes that must run before it.
  std::vector<int> place_;
  std::vector<int> size_;
  std::vector<int64_t> marks_;  // by group: mark of the last walk that reached it
  int64_t last_mark_ = 0;
  Walk forward_;
  Walk backward_;
  int64_t visits_ = 0;
};

}  // namespace pydl::graph
