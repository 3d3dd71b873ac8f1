// The conversion between attribute structs and the values in a call.
#include "check.h"
#include "op/attr_struct.h"

using namespace pydl;
using op::Attrs;

namespace {

enum class Colour : uint8_t { red, green };
std::span<const char* const> choice_names(Colour) {
  static constexpr const char* names[] = {"red", "green"};
  return names;
}

struct Sample {
  Dims sizes;
  Colour colour = Colour::red;
  std::optional<int64_t> skip;
  op::Element value = 0.0;
  op::Numbers weights;
  PYDL_ATTRS(sizes, colour, skip, value, weights)
};

struct PartOfSample {
  Colour colour = Colour::red;
  op::Element value = 0.0;
  PYDL_ATTRS(colour, value)
};

struct Skip {
  std::optional<int64_t> skip;
  PYDL_ATTRS(skip)
};

const Sample sample = {{2, 3}, Colour::green, 7, int64_t{5}, {0.5, 0.25}};

bool is_sample(const Sample& read) {
  return read.sizes == sample.sizes && read.colour == sample.colour && read.skip == sample.skip &&
         read.value == sample.value && read.weights == sample.weights;
}

Attrs in_order(std::initializer_list<size_t> order) {
  const Attrs attrs = op::to_attrs(sample);
  Attrs result;
  for (const size_t i : order) result.add(attrs.entries()[i].first, attrs.entries()[i].second);
  return result;
}

}  // namespace

TEST(a_struct_is_read_back) { CHECK(is_sample(op::from_attrs<Sample>(op::to_attrs(sample)))); }

TEST(calls_may_hold_values_in_any_order) {
  CHECK(is_sample(op::from_attrs<Sample>(in_order({4, 3, 2, 1, 0}))));
  CHECK(is_sample(op::from_attrs<Sample>(in_order({1, 0, 2, 4, 3}))));
}

TEST(names_need_not_be_the_same_literals) {
  const std::string names[] = {"colour", "value"};
  Attrs attrs;
  attrs.add(names[0], op::Text("green"));
  attrs.add(names[1], true);
  const auto read = op::from_attrs<PartOfSample>(attrs);
  CHECK(read.colour == Colour::green && read.value == op::Element(true));
}

TEST(a_struct_may_have_some_of_the_attributes) {
  const auto read = op::from_attrs<PartOfSample>(op::to_attrs(sample));
  CHECK(read.colour == Colour::green && read.value == op::Element(int64_t{5}));
}

TEST(optional_values_may_be_absent) {
  Sample without = sample;
  without.skip.reset();
  const Attrs attrs = op::to_attrs(without);
  CHECK(attrs.entries().size() == 4);
  CHECK(!op::from_attrs<Sample>(attrs).skip);
  CHECK(!op::from_attrs<Skip>({}).skip);
  CHECK(op::from_attrs<Skip>(op::to_attrs(sample)).skip == 7);
}

TEST(what_passes_add_is_ignored) {
  Attrs attrs = op::to_attrs(sample);
  attrs.add("post", op::Text("relu"));
  CHECK(is_sample(op::from_attrs<Sample>(attrs)));
}

TEST(one_field_is_replaced) {
  Attrs attrs = op::to_attrs(sample);
  op::set_field(attrs, &Sample::sizes, Dims{4});
  op::set_field(attrs, &Sample::colour, Colour::red);
  const auto read = op::from_attrs<Sample>(attrs);
  CHECK(read.sizes == Dims{4} && read.colour == Colour::red && read.weights == sample.weights);
}

TEST(wrong_attributes_are_named) {
  CHECK_THROWS(Error, "without its attribute 'value'", op::from_attrs<PartOfSample>({{"colour", "red"}}));
  CHECK_THROWS(Error, "without its attribute 'colour'", op::from_attrs<PartOfSample>({{"value", 1.0}}));
  CHECK_THROWS(TypeError, "attribute 'colour' of a wrong type",
               op::from_attrs<PartOfSample>({{"colour", "blue"}, {"value", 1.0}}));
  CHECK_THROWS(TypeError, "attribute 'value' of a wrong type",
               op::from_attrs<PartOfSample>({{"colour", "red"}, {"value", Dims{1}}}));
}

TEST(lists_have_at_most_one_number_per_axis) {
  const std::vector<int64_t> nine(9, 1);
  CHECK_THROWS(ValueError, "at most 8 axes, got a list of 9 numbers", Dims(std::span(nine)));
  CHECK_THROWS(ValueError, "at most 8 numbers, got 9", op::Numbers(std::vector<double>(9, 1.0)));
}
