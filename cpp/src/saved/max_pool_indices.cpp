#include "saved/max_pool_indices.h"

#include "op/apply.h"
#include "op/attrs/pool.h"

namespace pydl::saved {

namespace {

std::vector<Tensor> run_max_pool_indices(const op::Attrs& attrs, std::span<const Tensor> inputs) {
  return {op::apply_all(op::OpId::max_pool_with_indices, attrs, inputs)[1]};
}

}  // namespace

const graph::OlderCall* find_max_pool_indices(std::string_view name) {
  // Never destroyed, because recordings refer to it.
  static const auto* const call = new graph::OlderCall{{.attributes = op::fields_of<op::PoolAttrs>(),
                                                        .id = op::OpId::max_pool_with_indices,
                                                        .name = "max_pool_indices",
                                                        .input_count = {1, 1}},
                                                       run_max_pool_indices};
  return name == call->def.name ? call : nullptr;
}

}  // namespace pydl::saved
