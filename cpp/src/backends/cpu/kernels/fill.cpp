#include "backends/cpu/kernels/fill.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

void fill(KernelSet& set) {
  fill_elementwise(set);
  fill_cast(set);
  fill_reduce(set);
  fill_softmax(set);
  fill_norm(set);
  fill_scaled_norm(set);
  fill_recurrent(set);
  fill_view(set);
  fill_matmul(set);
  fill_conv(set);
  fill_planar_conv(set);
  fill_winograd(set);
  fill_pool(set);
  fill_resample(set);
  fill_random(set);
  fill_variates(set);
  fill_sort(set);
  fill_sort_line(set);
  fill_update(set);
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
