// Embeddings and attention, and the ops on segments that bags use.
#include "bindings.h"
#include "casters.h"
#include "pydl/nn.h"

namespace pydl::python {

namespace {

using Optional = std::optional<Tensor>;

void define_segment_ops(py::module_& module) {
  module.def("segment_ids", segment_ids, py::arg("offsets"), py::arg("count"),
             "The segment of each of `count` elements; segment b begins at offsets[b].\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl._core.segment_ids(pydl.tensor([0, 2, 2]), 4).tolist()\n"
             "[0, 0, 2, 2]\n");
  module.def(
      "segment_argmax",
      [](const Tensor& x, const Tensor& offsets) {
        return compute(4 * x.size(), [&] { return segment_argmax(x, offsets); });
      },
      py::arg("x"), py::arg("offsets"),
      "The row of x (count, D) with the largest element of each segment, per column: (B, D).\n\n"
      "Examples\n--------\n>>> import pydl\n>>> x = pydl.tensor([[1.0], [3.0], [2.0]])\n"
      ">>> pydl._core.segment_argmax(x, pydl.tensor([0, 2])).tolist()\n[[1], [2]]\n");
}

nn::BagMode bag_mode_of(const std::string& mode) {
  if (mode == "sum") return nn::BagMode::sum;
  if (mode == "mean") return nn::BagMode::mean;
  if (mode == "max") return nn::BagMode::max;
  throw ValueError(concat_text("embedding_bag: expected mode 'sum', 'mean' or 'max', got '", mode, "'"));
}

void define_embeddings(py::module_& module) {
  module.def(
      "embedding",
      [](const Tensor& indices, const Tensor& weight, std::optional<int64_t> padding_idx) {
        return compute(indices.size() * 16, [&] { return nn::embedding(indices, weight, padding_idx); });
      },
      py::arg("indices"), py::arg("weight"), py::arg("padding_idx") = py::none(),
      "Rows of a table: weight (K, D) at integer indices of any shape, (..., D).\n\n"
      "Parameters\n----------\nindices : Tensor of integers\nweight : Tensor, shape (K, D)\n"
      "padding_idx : int, optional\n    A row that receives no gradient.\n\n"
      "Raises\n------\nIndexError\n    For an index outside the table.\nTypeError\n    For indices that are no "
      "integers.");
  module.def(
      "embedding_bag",
      [](const Tensor& indices, const Tensor& weight, const Optional& offsets, const std::string& mode,
         const Optional& per_sample_weights, bool include_last_offset, std::optional<int64_t> padding_idx) {
        const nn::EmbeddingBagOptions options = {.mode = bag_mode_of(mode),
                                                 .offsets = offsets.value_or(Tensor{}),
                                                 .sample_weights = per_sample_weights.value_or(Tensor{}),
                                                 .include_last_offset = include_last_offset,
                                                 .padding_index = padding_idx};
        return compute(indices.size() * 32, [&] { return nn::embedding_bag(indices, weight, options); });
      },
      py::arg("indices"), py::arg("weight"), py::arg("offsets") = py::none(), py::arg("mode") = "mean",
      py::arg("per_sample_weights") = py::none(), py::arg("include_last_offset") = false,
      py::arg("padding_idx") = py::none(),
      "Sum, mean or maximum of the rows of each bag, (B, D).\n\n"
      "Parameters\n----------\nindices : Tensor of integers, shape (B, L) or (n,)\nweight : Tensor, shape (K, D)\n"
      "offsets : Tensor of integers, shape (B,), optional\n    Where bags begin in indices of shape (n,).\n"
      "mode : {'sum', 'mean', 'max'}\nper_sample_weights : Tensor of the shape of the indices, optional\n"
      "    Weights of the rows, for sums.\ninclude_last_offset : bool\n    Whether the last offset is the end of the "
      "last bag.\npadding_idx : int, optional\n    A row that is ignored and receives no gradient.\n\n"
      "Raises\n------\nValueError\n    When shapes and options do not fit.\nIndexError\n    For an index outside the "
      "table.");
}

nn::AttentionOptions attention_options(const Optional& attn_mask, double dropout_p, bool is_causal,
                                       std::optional<double> scale, Generator* generator) {
  return {.mask = attn_mask.value_or(Tensor{}),
          .causal = is_causal,
          .dropout = dropout_p,
          .scale = scale,
          .generator = generator};
}

void define_attention_functions(py::module_& module) {
  module.def(
      "attention_weights",
      [](const Tensor& query, const Tensor& key, const Optional& attn_mask, double dropout_p, bool is_causal,
         std::optional<double> scale, Generator* generator) {
        const auto options = attention_options(attn_mask, dropout_p, is_causal, scale, generator);
        return compute(query.size() * 64, [&] { return nn::attention_weights(query, key, options); });
      },
      py::arg("query"), py::arg("key"), py::arg("attn_mask") = py::none(), py::arg("dropout_p") = 0.0,
      py::arg("is_causal") = false, py::arg("scale") = py::none(), py::arg("generator") = py::none(),
      "The weights by which `scaled_dot_product_attention` multiplies the values: (..., L, S).");
  module.def(
      "scaled_dot_product_attention",
      [](const Tensor& query, const Tensor& key, const Tensor& value, const Optional& attn_mask, double dropout_p,
         bool is_causal, std::optional<double> scale, Generator* generator) {
        const auto options = attention_options(attn_mask, dropout_p, is_causal, scale, generator);
        return compute(query.size() * 64, [&] { return nn::scaled_dot_product_attention(query, key, value, options); });
      },
      py::arg("query"), py::arg("key"), py::arg("value"), py::arg("attn_mask") = py::none(), py::arg("dropout_p") = 0.0,
      py::arg("is_causal") = false, py::arg("scale") = py::none(), py::arg("generator") = py::none(),
      "softmax(scale * query @ key.T + mask) @ value (Vaswani et al., 2017).\n\n"
      "Parameters\n----------\nquery : Tensor, shape (..., L, E)\nkey : Tensor, shape (..., S, E)\n"
      "value : Tensor, shape (..., S, V)\nattn_mask : Tensor that broadcasts to (..., L, S), optional\n"
      "    Bools that are true for keys to attend to, or numbers that are added to the scores.\n"
      "dropout_p : float in [0, 1]\n    Probability with which a weight is dropped.\nis_causal : bool\n"
      "    Whether query i attends only to keys 0 to i; may be combined with a mask.\nscale : float, optional\n"
      "    By default 1 / sqrt(E).\ngenerator : Generator, optional\n    For dropout.\n\n"
      "Returns\n-------\nTensor, shape (..., L, V)\n    Zeros for a query whose keys are all masked.\n\n"
      "Raises\n------\nValueError\n    When the shapes do not fit.");
}

}  // namespace

void define_attention(py::module_& parent) {
  define_segment_ops(parent);
  py::module_ module = parent.attr("nn");
  define_embeddings(module);
  define_attention_functions(module);
}

}  // namespace pydl::python
