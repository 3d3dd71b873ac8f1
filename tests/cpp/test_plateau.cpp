// The schedule that reduces the rate on a plateau: the numbers of Python's, and trainings that go on.
#include <cmath>
#include <limits>

#include "pydl/schedules.h"
#include "support.h"

using namespace pydl;

namespace {

const std::vector<double> values = {3, 2, 2, 2, 2, 2.5, 1.9999, 1.5, 1.5, 1.5, 1.5, std::nan(""), 1.5, 1.5, 1.5};

std::vector<double> rates(optim::Plateau plateau, double lr = 1) {
  std::vector<double> result;
  for (const double value : values) result.push_back(lr = plateau.next(lr, value));
  return result;
}

void check_rates(const std::vector<double>& found, const std::vector<double>& expected) {
  CHECK(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) CHECK_CLOSE(found[i], expected[i], 1e-15);
}

}  // namespace

// The expected rates are those of torch.optim.lr_scheduler.ReduceLROnPlateau.
TEST(rates_of_a_minimum) {
  check_rates(rates(optim::Plateau({.factor = 0.5, .patience = 1})),
              {1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625, 0.03125, 0.03125});
  check_rates(rates(optim::Plateau({.factor = 0.5, .patience = 1, .cooldown = 2})),
              {1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125});
  check_rates(rates(optim::Plateau({.factor = 0.1, .patience = 3, .least = 0.05})),
              {1, 1, 1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05});
}

TEST(rates_of_a_maximum_and_an_absolute_threshold) {
  check_rates(rates(optim::Plateau({.factor = 0.5, .patience = 4, .relative = false, .maximize = true})),
              {1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25});
  check_rates(rates(optim::Plateau({.factor = 0.5, .patience = 0, .threshold = 0.6, .relative = false})),
              {1, 1, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625, 0.001953125, 0.0009765625,
               0.00048828125, 0.000244140625, 0.0001220703125});
}

TEST(a_plateau_goes_on_from_its_state) {
  const optim::PlateauOptions options{.factor = 0.5, .patience = 2, .cooldown = 1};
  const std::vector<double> whole = rates(optim::Plateau(options));
  for (size_t stop = 0; stop < values.size(); ++stop) {
    optim::Plateau first(options);
    optim::Plateau second(options);
    double lr = 1;
    for (size_t i = 0; i < values.size(); ++i) {
      if (i == stop) second.load_states(first.states());
      lr = (i < stop ? first : second).next(lr, values[i]);
      CHECK_CLOSE(lr, whole[i], 1e-15);
    }
    CHECK(second.best() == 1.5);
  }
  ParamSet states = optim::Plateau().states();
  CHECK(std::isinf(states.find("best")->item()));
  states.tensors.emplace_back("more", Tensor::scalar(1.0, DType::float64));
  CHECK_THROWS(ValueError, "not part of this state", optim::Plateau().load_states(states));
}
