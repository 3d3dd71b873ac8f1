#include "graph/passes/node_groups.h"

#include <algorithm>
#include <numeric>

namespace pydl::graph {

namespace {

// A join that would have to look at more dependencies is refused, so that the time of all joins grows only with the
// size of the graph.
constexpr int64_t most_visits = 2048;

}  // namespace

NodeGroups::NodeGroups(const std::vector<std::vector<int>>& before)
    : before_(before),
      after_(before.size()),
      group_(before.size()),
      members_(before.size()),
      end_(static_cast<int>(before.size())),
      next_(before.size() + 1),
      previous_(before.size() + 1),
      label_(before.size() + 1),
      place_(before.size()),
      size_(before.size(), 1),
      marks_(before.size(), 0) {
  std::iota(group_.begin(), group_.end(), 0);
  for (int n = 0; n < end_; ++n) {
    const auto i = static_cast<size_t>(n);
    members_[i] = {n};
    for (const int other : before[i]) after_[static_cast<size_t>(other)].push_back(n);
  }
  for (int n = 0; n <= end_; ++n) {
    next_[static_cast<size_t>(n)] = n == end_ ? 0 : n + 1;
    previous_[static_cast<size_t>(n)] = n == 0 ? end_ : n - 1;
  }
  spread_labels();
  number_tree();
}

void NodeGroups::number_tree() {
  for (size_t n = before_.size(); n-- > 0;) {
    if (!before_[n].empty()) size_[static_cast<size_t>(before_[n].back())] += size_[n];
  }
  std::vector<int> free(before_.size());  // the next free position among the children of each node
  int free_root = 0;
  for (size_t n = 0; n < before_.size(); ++n) {
    int& position = before_[n].empty() ? free_root : free[static_cast<size_t>(before_[n].back())];
    place_[n] = position;
    position += size_[n];
    free[n] = place_[n] + 1;
  }
}

// Whether the tree contains a path from a node of one group to a node of the other. Paths may exist that are not in the
// tree.
bool NodeGroups::surely_reaches(int from, int to) const {
  for (const int a : members(from)) {
    const int first = place_[static_cast<size_t>(a)];
    const int end = first + size_[static_cast<size_t>(a)];
    for (const int b : members(to)) {
      const int position = place_[static_cast<size_t>(b)];
      if (first <= position && position < end) return true;
    }
  }
  return false;
}

void NodeGroups::begin(Walk& walk, int group) {
  walk.reached.assign(1, group);
  walk.group = walk.member = walk.edge = 0;
  walk.mark = ++last_mark_;
  marks_[static_cast<size_t>(group)] = walk.mark;
}

// Follows one dependency. Groups before the first or after the second of the two are on no path between them.
NodeGroups::Step NodeGroups::advance(Direction direction, int earlier, int later) {
  const bool is_forward = direction == Direction::forward;
  Walk& walk = is_forward ? forward_ : backward_;
  const Walk& other = is_forward ? backward_ : forward_;
  const int to = next_of(walk, is_forward ? after_ : before_);
  if (to < 0) return Step::ended;
  int64_t& mark = marks_[static_cast<size_t>(to)];
  const int64_t label = label_[static_cast<size_t>(to)];
  const bool between = label_[static_cast<size_t>(earlier)] <= label && label <= label_[static_cast<size_t>(later)];
  if (mark == walk.mark || !between) return Step::goes_on;
  // The dependency between the two groups themselves is not a path through other groups.
  if (walk.group == 0 && to == other.reached.front()) return Step::goes_on;
  if (mark == other.mark) return Step::met;
  if (is_forward ? surely_reaches(to, later) : surely_reaches(earlier, to)) return Step::met;
  mark = walk.mark;
  walk.reached.push_back(to);
  return Step::goes_on;
}

// The group at the other end of the walk's next dependency; -1 at the end of the walk.
int NodeGroups::next_of(Walk& walk, const std::vector<std::vector<int>>& edges) const {
  for (; walk.group < walk.reached.size(); ++walk.group, walk.member = 0) {
    const std::vector<int>& own = members(walk.reached[walk.group]);
    for (; walk.member < own.size(); ++walk.member, walk.edge = 0) {
      const std::vector<int>& leads = edges[static_cast<size_t>(own[walk.member])];
      if (walk.edge < leads.size()) return group(leads[walk.edge++]);
    }
  }
  return -1;
}

// Walks from both groups towards each other until the walks meet or one of them ends.
bool NodeGroups::leads_around(int earlier, int later) {
  begin(forward_, earlier);
  begin(backward_, later);
  for (int64_t visits = 0; visits < most_visits; visits += 2) {
    visits_ += 2;
    Step step = advance(Direction::forward, earlier, later);
    if (step == Step::goes_on) step = advance(Direction::backward, earlier, later);
    if (step != Step::goes_on) return step == Step::met;
  }
  return true;
}

bool NodeGroups::join(int earlier, int later) {
  if (leads_around(earlier, later)) return false;
  const bool forward_ended = forward_.group == forward_.reached.size();
  if (forward_ended) {
    // Whatever depends on the first group moves after the second, and the first takes the position of the second.
    std::vector<int> moved = sorted_tail(forward_);
    moved.insert(moved.begin(), earlier);
    for (const int group : moved) unlink(group);
    link_behind(later, moved);
  } else {
    // Whatever the second group depends on moves before the first.
    std::vector<int> moved = sorted_tail(backward_);
    for (const int group : moved) unlink(group);
    link_behind(previous_[static_cast<size_t>(earlier)], moved);
  }
  merge(earlier, later);
  return true;
}

std::vector<int> NodeGroups::sorted_tail(const Walk& walk) const {
  std::vector<int> tail(walk.reached.begin() + 1, walk.reached.end());
  std::sort(tail.begin(), tail.end(),
            [&](int a, int b) { return label_[static_cast<size_t>(a)] < label_[static_cast<size_t>(b)]; });
  return tail;
}

void NodeGroups::merge(int earlier, int later) {
  std::vector<int>& joined = members_[static_cast<size_t>(earlier)];
  std::vector<int>& added = members_[static_cast<size_t>(later)];
  for (const int member : added) group_[static_cast<size_t>(member)] = earlier;
  joined.insert(joined.end(), added.begin(), added.end());
  std::sort(joined.begin(), joined.end());
  added.clear();
  unlink(later);
}

void NodeGroups::unlink(int group) {
  const int before = previous_[static_cast<size_t>(group)];
  const int behind = next_[static_cast<size_t>(group)];
  next_[static_cast<size_t>(before)] = behind;
  previous_[static_cast<size_t>(behind)] = before;
}

// The labels of the inserted groups divide the distance to the next group evenly.
void NodeGroups::link_behind(int group, std::vector<int>& others) {
  const auto count = static_cast<int64_t>(others.size());
  int last = group;
  for (const int other : others) {
    const int behind = next_[static_cast<size_t>(last)];
    next_[static_cast<size_t>(last)] = previous_[static_cast<size_t>(behind)] = other;
    previous_[static_cast<size_t>(other)] = last;
    next_[static_cast<size_t>(other)] = behind;
    last = other;
  }
  const int behind = next_[static_cast<size_t>(last)];
  const int64_t first = group == end_ ? 0 : label_[static_cast<size_t>(group)];
  const int64_t step = (label_[static_cast<size_t>(behind)] - first) / (count + 1);
  if (step == 0) return spread_labels();
  for (int64_t i = 0; i < count; ++i)
    label_[static_cast<size_t>(others[static_cast<size_t>(i)])] = first + (i + 1) * step;
}

void NodeGroups::spread_labels() {
  const int64_t step = (int64_t{1} << 62) / (end_ + 2);
  int64_t label = 0;
  int group = end_;
  do {
    group = next_[static_cast<size_t>(group)];
    label_[static_cast<size_t>(group)] = label += step;
  } while (group != end_);
}

}  // namespace pydl::graph
