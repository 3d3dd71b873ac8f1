// Modified Bessel functions of the first kind, of orders 0 and 1, composed of other functions in double precision.
#include <array>
#include <cmath>
#include <span>

#include "core/named.h"
#include "pydl/ops.h"
#include "pydl/special.h"

namespace pydl {

namespace {

// Up to here, the power series in x^2 / 4, whose terms are all positive.
constexpr double near_limit = 8;
constexpr int near_terms = 25;

// Beyond, sqrt(x) exp(-x) times the function is a polynomial in 16 / x - 1, which agrees with it at the zeros of a
// Chebyshev polynomial.
constexpr double far_order_0[] = {
    0.40217650944500809,     0.0033605519836678912,  0.00013621607438951464, 1.114303378845176e-5,
    1.4838476780922645e-6,   2.9735992084667733e-7,  8.872014585661555e-8,   3.9325123211378244e-8,
    2.1567806761156731e-8,   7.5593640986654369e-9,  -6.8564845459624424e-9, -1.3427511481900906e-8,
    -5.0175940345046713e-9,  7.6002544864335085e-9,  6.5222648620322706e-9,  -3.5862834111582307e-9,
    -4.5305710768621193e-9,  1.6084886155781771e-9,  2.1636812784138757e-9,  -6.3279099219970271e-10,
    -6.4945911144011185e-10, 1.7698085539456535e-10, 9.1147601575142527e-11, -2.4421972688131831e-11};
constexpr double far_order_1[] = {
    0.38939845902587232,    -0.0097495771932357643,  -0.00021923576383137776, -1.5038547198221759e-5,
    -1.8349102493990177e-6, -3.4838563464253133e-7,  -1.0001075046243961e-7,  -4.3128498031006731e-8,
    -2.3394122958362557e-8, -8.4321689729324167e-9,  6.84757829926934e-9,     1.4051746928735543e-8,
    5.5720183980930357e-9,  -7.6872513087659921e-9,  -6.9444186339873876e-9,  3.501765193290176e-9,
    4.7637800780202541e-9,  -1.5218214060680733e-9,  -2.2624401109204447e-9,  5.8706646184714864e-10,
    6.7727478454462001e-10, -1.6283264322621244e-10, -9.4918903929920484e-11, 2.2421768596847443e-11};

// The largest arguments whose functions are not beyond double, of orders 0 and 1.
constexpr double last_finite[] = {713.9869085439682, 713.9876098185422};

// 1 / (k! (k + order)!) for k = 0, 1, ...
std::array<double, near_terms> series(int order) {
  std::array<double, near_terms> terms = {};
  for (int k = 0; k < near_terms; ++k)
    terms[static_cast<size_t>(k)] = 1 / (std::tgamma(k + 1) * std::tgamma(k + 1 + order));
  return terms;
}

Tensor polynomial(std::span<const double> terms, const Tensor& x, double factor = 1) {
  Tensor sum = x * (terms.back() * factor) + terms[terms.size() - 2] * factor;
  for (size_t i = terms.size() - 2; i-- > 0;) sum = sum * x + terms[i] * factor;
  return sum;
}

// The factor of the polynomials for large x, which makes them larger than 1.
constexpr double unit = 4;

// exp(x) falling / (unit sqrt(x)) for x > 0. The exponential alone may be infinite where the result is not, and so may
// the product of all factors but one, which is the derivative by that one: therefore all factors are at least 1 that
// are not part of the exponential. Where the result is infinite, constants are in place of the factors that decrease,
// whose derivatives would be minus infinity. Half of the exponential is computed twice: the sum of the derivatives by
// both would be too large by a factor of 2 before that of the halved exponent.
Tensor grown(const Tensor& x, const Tensor& falling, int order) {
  constexpr double range = 1000;  // beyond the arguments
  const Tensor is_infinite = greater(x, scalar_like(last_finite[order], x));
  const Tensor one = scalar_like(1, x);
  const Tensor value = where(is_infinite, one, falling);
  const Tensor root = where(is_infinite, one, rsqrt(x * (1 / range)));
  const Tensor first = exp(x * 0.5);
  const Tensor start = where(is_infinite, first, first * (1 / (unit * std::sqrt(range))));
  return start * root * value * exp(x * 0.5);
}

// `scaled` asks for exp(-|x|) times the function. The parts that are not chosen are computed for other arguments, so
// that they are finite and their gradients 0.
Tensor bessel(const Tensor& given, int order, bool scaled) {
  const DType dtype = is_floating(given.dtype()) ? given.dtype() : DType::float32;
  const Tensor x = astype(given, DType::float64);
  const Tensor a = abs(x);
  const Tensor is_far = greater(a, scalar_like(near_limit, a));
  const Tensor inside = where(is_far, scalar_like(1, x), x);
  const Tensor outside = where(is_far, a, scalar_like(near_limit, a));
  Tensor near = polynomial(series(order), square(inside) * 0.25);
  if (order == 1) near = near * inside * 0.5;
  if (scaled) near = near * exp(-abs(inside));
  const auto terms = order == 0 ? std::span<const double>(far_order_0) : std::span<const double>(far_order_1);
  const Tensor inverse = reciprocal(outside) * 16.0 - 1.0;
  Tensor far =
      scaled ? polynomial(terms, inverse) * rsqrt(outside) : grown(outside, polynomial(terms, inverse, unit), order);
  if (order == 1) far = far * sign(x);
  return astype(where(is_far, far, near), dtype);
}

}  // namespace

Tensor i0(const Tensor& x) try { return bessel(x, 0, false); } catch (const Error&) {
  core::rethrow_as("i0");
}

Tensor i0e(const Tensor& x) try { return bessel(x, 0, true); } catch (const Error&) {
  core::rethrow_as("i0e");
}

Tensor i1(const Tensor& x) try { return bessel(x, 1, false); } catch (const Error&) {
  core::rethrow_as("i1");
}

Tensor i1e(const Tensor& x) try { return bessel(x, 1, true); } catch (const Error&) {
  core::rethrow_as("i1e");
}

}  // namespace pydl
