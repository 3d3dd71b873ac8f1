// The notation of einsum.
#include "pydl/einsum.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "core/named.h"
#include "ops/contraction.h"
#include "pydl/ops.h"

namespace pydl {

namespace {

using ops::Labels;

// Letters are labels in alphabetical order, as NumPy sorts them: capitals first. The axes of the ellipsis follow,
// counted from the last one.
constexpr int letter_labels = 52;
constexpr int ellipsis_mark = -1;

bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
int label_of(char letter) { return letter <= 'Z' ? letter - 'A' : letter - 'a' + 26; }
char letter_of(int label) { return static_cast<char>(label < 26 ? 'A' + label : 'a' + label - 26); }

// The groups of letters of the operands, and of the output if it is given.
struct Subscripts {
  std::vector<Labels> operands;
  std::optional<Labels> output;
};

Labels group_of(std::string_view text, const std::string& all) {
  Labels labels;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    if (is_letter(text[i])) {
      labels.push_back(label_of(text[i]));
    } else if (text.substr(i, 3) == "...") {
      if (std::count(labels.begin(), labels.end(), ellipsis_mark) != 0) {
        throw ValueError(concat_text("'", text, "' has more than one ellipsis"));
      }
      labels.push_back(ellipsis_mark);
      i += 2;
    } else {
      throw ValueError(concat_text("expected letters, commas, '...' and '->', got '", text[i], "' in '", all, "'"));
    }
  }
  return labels;
}

Subscripts parse(std::string_view text) {
  const std::string all(text);
  Subscripts result;
  const size_t arrow = text.find("->");
  std::string_view inputs = text.substr(0, arrow);
  if (arrow != std::string_view::npos) result.output = group_of(text.substr(arrow + 2), all);
  while (true) {
    const size_t comma = inputs.find(',');
    result.operands.push_back(group_of(inputs.substr(0, comma), all));
    if (comma == std::string_view::npos) return result;
    inputs.remove_prefix(comma + 1);
  }
}

std::string text_of(const Labels& labels) {
  std::string text;
  for (const int label : labels) text += label == ellipsis_mark ? std::string("...") : std::string(1, letter_of(label));
  return text;
}

// Writes the labels of the axes that the ellipsis of an operand stands for.
Labels without_ellipsis(const Labels& labels, int axes) {
  Labels result;
  for (const int label : labels) {
    if (label != ellipsis_mark) {
      result.push_back(label);
      continue;
    }
    for (int axis = axes - 1; axis >= 0; --axis) result.push_back(letter_labels + axis);
  }
  return result;
}

bool has_ellipsis(const Labels& labels) { return std::count(labels.begin(), labels.end(), ellipsis_mark) != 0; }

// How many axes the ellipsis of an operand stands for.
int ellipsis_axes(const Labels& labels, const Tensor& operand, size_t number) {
  const int rest = operand.rank() - static_cast<int>(labels.size()) + (has_ellipsis(labels) ? 1 : 0);
  if (rest < 0 || (rest > 0 && !has_ellipsis(labels))) {
    throw ValueError(concat_text("'", text_of(labels), "' does not fit operand ", number, " of shape ", operand.shape(),
                                 ": expected one letter per axis"));
  }
  return rest;
}

// The largest of the sizes that labels have, which must be the same or 1; in one operand, the same.
void require_sizes_agree(const std::vector<ops::Labelled>& operands) {
  std::array<int64_t, ops::label_count> sizes{};
  std::array<size_t, ops::label_count> owners{};
  sizes.fill(1);
  const auto name = [](int label) {
    return label < letter_labels ? concat_text("axis '", letter_of(label), "'")
                                 : concat_text("axis ", letter_labels - 1 - label, " of the ellipsis");
  };
  for (size_t i = 0; i < operands.size(); ++i) {
    const ops::Labels& labels = operands[i].labels;
    for (size_t axis = 0; axis < labels.size(); ++axis) {
      const int64_t size = operands[i].tensor.shape()[static_cast<int>(axis)];
      const auto label = static_cast<size_t>(labels[axis]);
      const auto first = static_cast<int>(std::find(labels.begin(), labels.end(), labels[axis]) - labels.begin());
      const int64_t other = operands[i].tensor.shape()[first];
      if (size != other) {
        throw ValueError(concat_text(name(labels[axis]), " has sizes ", other, " and ", size, " in operand ", i,
                                     " of shape ", operands[i].tensor.shape()));
      }
      if (size != 1 && sizes[label] != 1 && sizes[label] != size) {
        throw ValueError(concat_text(name(labels[axis]), " has size ", sizes[label], " in operand ", owners[label],
                                     " and ", size, " in operand ", i));
      }
      if (size == 1) continue;
      sizes[label] = size;
      owners[label] = i;
    }
  }
}

// Without '->': the ellipsis, and then the letters that occur once.
Labels implicit_output(const std::vector<Labels>& operands) {
  std::array<int, letter_labels> counts{};
  bool any_ellipsis = false;
  for (const Labels& labels : operands) {
    any_ellipsis |= has_ellipsis(labels);
    for (const int label : labels) {
      if (label != ellipsis_mark) ++counts[static_cast<size_t>(label)];
    }
  }
  Labels output;
  if (any_ellipsis) output.push_back(ellipsis_mark);
  for (int label = 0; label < letter_labels; ++label) {
    if (counts[static_cast<size_t>(label)] == 1) output.push_back(label);
  }
  return output;
}

void require_output(const Labels& output, const std::vector<Labels>& operands, int most_ellipsis_axes) {
  for (const int label : output) {
    if (label == ellipsis_mark) continue;
    if (std::count(output.begin(), output.end(), label) > 1) {
      throw ValueError(concat_text("'", letter_of(label), "' occurs twice in the output '", text_of(output), "'"));
    }
    const bool known = std::any_of(operands.begin(), operands.end(), [&](const Labels& labels) {
      return std::find(labels.begin(), labels.end(), label) != labels.end();
    });
    if (!known) throw ValueError(concat_text("'", letter_of(label), "' of the output is in no operand"));
  }
  if (most_ellipsis_axes > 0 && !has_ellipsis(output)) {
    throw ValueError(concat_text("the output '", text_of(output), "' lacks the ellipsis of the operands"));
  }
}

}  // namespace

Tensor einsum(std::string_view subscripts, std::span<const Tensor> operands) try {
  const Subscripts parsed = parse(subscripts);
  if (parsed.operands.size() != operands.size()) {
    throw ValueError(concat_text("'", subscripts, "' is for ", parsed.operands.size(),
                                 parsed.operands.size() == 1 ? " operand" : " operands", ", got ", operands.size()));
  }
  const Labels output = parsed.output ? *parsed.output : implicit_output(parsed.operands);
  std::vector<ops::Labelled> labelled;
  int most_axes = 0;
  for (size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].dtype() == DType::boolean) throw TypeError("bool has no arithmetic; use astype");
    const int axes = ellipsis_axes(parsed.operands[i], operands[i], i);
    most_axes = std::max(most_axes, axes);
    labelled.push_back({operands[i], without_ellipsis(parsed.operands[i], axes)});
  }
  require_output(output, parsed.operands, most_axes);
  require_sizes_agree(labelled);
  return ops::contract(std::move(labelled), without_ellipsis(output, most_axes));
} catch (const Error&) {
  core::rethrow_as("einsum");
}

}  // namespace pydl
