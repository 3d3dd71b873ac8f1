// Layers by name: initialisers that put the tensors of a layer into a ParamSet, and functions that find them there.
//
//   ParamSet params;
//   nn::init_linear(params, "hidden", 784, 512);
//   nn::init_linear(params, "out", 512, 10);
//   Tensor logits = nn::linear(params, "out", relu(nn::linear(params, "hidden", x)));
//
// Names, shapes and initial values are those of Python's layers: the same generator gives the same bits, and files that
// `save_params` writes can be loaded with `Module.load_state_dict`. Errors begin with the prefix. The empty prefix is
// for a network that consists of one layer; its names contain no dot.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "pydl/export.h"
#include "pydl/nn.h"
#include "pydl/params.h"

namespace pydl::nn {

// --- tensors by name ---------------------------------------------------------------------------------

/// Adds a tensor that is trained: it requires gradients, and shares the memory of `values`. `ValueError` if the name is
/// already in use.
PYDL_API Tensor add_parameter(ParamSet& params, const std::string& name, const Tensor& values);
/// Adds a tensor that is saved, but not trained.
PYDL_API Tensor add_buffer(ParamSet& params, const std::string& name, const Tensor& values);
/// The tensor with that name. If there is none, throws a `ValueError` that lists the existing names.
PYDL_API const Tensor& parameter(const ParamSet& params, const std::string& name);
/// Copies the values into the tensors of `params` that have the same names, and converts dtypes, as
/// `Module.load_state_dict` does. If names or shapes differ, nothing is changed and a `ValueError` says which.
PYDL_API void load_values(const ParamSet& params, const ParamSet& values);

// --- initial values ----------------------------------------------------------------------------------

/// Returns the initial values of a weight.
using Initializer = std::function<Tensor(const Dims& shape, DType dtype, Generator& generator)>;

/// Uniform in +-1 / sqrt(inputs): the default for weights, as in PyTorch.
PYDL_API Tensor default_weight(const Dims& shape, DType dtype = DType::float32,
                               Generator& generator = default_generator());
/// Uniform in +-1 / sqrt(fan_in): the default for biases, and, with the number of units as fan_in, for all parameters
/// of recurrent layers.
PYDL_API Tensor default_bias(const Dims& shape, int64_t fan_in, DType dtype = DType::float32,
                             Generator& generator = default_generator());

// --- linear ------------------------------------------------------------------------------------------

struct LinearInit {
  bool bias = true;
  Initializer weight = default_weight;
  DType dtype = DType::float32;
};

/// weight (out_features, in_features), bias (out_features).
PYDL_API void init_linear(ParamSet& params, const std::string& prefix, int64_t in_features, int64_t out_features,
                          const LinearInit& init = {}, Generator& generator = default_generator());
/// x (..., in_features) to (..., out_features).
PYDL_API Tensor linear(const ParamSet& params, const std::string& prefix, const Tensor& x);

// --- convolutions ------------------------------------------------------------------------------------

struct ConvInit {
  int64_t groups = 1;
  bool bias = true;
  Initializer weight = default_weight;
  DType dtype = DType::float32;
};

/// For 1 to 3 spatial axes, as many as `kernel` has: weight (out_channels, in_channels / groups, kernel...), bias
/// (out_channels).
PYDL_API void init_conv(ParamSet& params, const std::string& prefix, int64_t in_channels, int64_t out_channels,
                        const Dims& kernel, const ConvInit& init = {}, Generator& generator = default_generator());
/// x (N, in_channels, S...). `options` must have the groups of the initialiser. See `same_padding`.
PYDL_API Tensor conv(const ParamSet& params, const std::string& prefix, const Tensor& x,
                     const ConvOptions& options = {});
/// weight (in_channels, out_channels / groups, kernel...), bias (out_channels).
PYDL_API void init_conv_transpose(ParamSet& params, const std::string& prefix, int64_t in_channels,
                                  int64_t out_channels, const Dims& kernel, const ConvInit& init = {},
                                  Generator& generator = default_generator());
PYDL_API Tensor conv_transpose(const ParamSet& params, const std::string& prefix, const Tensor& x,
                               const ConvOptions& options = {}, const Dims& output_padding = {});

// --- normalisation -----------------------------------------------------------------------------------

/// weight and bias (channels). Buffers: running_mean and running_var (channels), at least float32, and
/// num_batches_tracked, int64 of rank 0.
PYDL_API void init_batch_norm(ParamSet& params, const std::string& prefix, int64_t channels,
                              DType dtype = DType::float32);
/// x (N, channels, ...). In training the buffers are updated.
PYDL_API Tensor batch_norm(const ParamSet& params, const std::string& prefix, const Tensor& x,
                           const BatchNormOptions& options = {});
/// weight and bias of shape `normalized_shape`, the shape of the axes that are normalised together.
PYDL_API void init_layer_norm(ParamSet& params, const std::string& prefix, const Dims& normalized_shape,
                              bool bias = true, DType dtype = DType::float32);
PYDL_API Tensor layer_norm(const ParamSet& params, const std::string& prefix, const Tensor& x, double epsilon = 1e-5);

// --- embeddings --------------------------------------------------------------------------------------

/// weight (rows, size), normally distributed. The row `padding_index` is zeros; a negative index counts from the end.
PYDL_API void init_embedding(ParamSet& params, const std::string& prefix, int64_t rows, int64_t size,
                             std::optional<int64_t> padding_index = {}, DType dtype = DType::float32,
                             Generator& generator = default_generator());
/// Maps integers of any shape to (..., size). The row `padding_index` is not trained.
PYDL_API Tensor embedding(const ParamSet& params, const std::string& prefix, const Tensor& indices,
                          std::optional<int64_t> padding_index = {});

// --- recurrent layers --------------------------------------------------------------------------------

struct RecurrentInit {
  int64_t layers = 1;
  bool bias = true;
  bool bidirectional = false;
  int64_t projection = 0;  ///< size of the projection of an LSTM's h; 0: none
  DType dtype = DType::float32;
};

/// For every layer k: weight_ih_lk (G H, I), weight_hh_lk (G H, H), bias_ih_lk and bias_hh_lk (G H), with G gates (LSTM
/// 4, GRU 3, RNN 1) and H units, and weight_hr_lk (P, H) if there is a projection. The names of the reverse direction
/// end with `_reverse`.
PYDL_API void init_lstm(ParamSet& params, const std::string& prefix, int64_t inputs, int64_t units,
                        const RecurrentInit& init = {}, Generator& generator = default_generator());
PYDL_API void init_gru(ParamSet& params, const std::string& prefix, int64_t inputs, int64_t units,
                       const RecurrentInit& init = {}, Generator& generator = default_generator());
PYDL_API void init_rnn(ParamSet& params, const std::string& prefix, int64_t inputs, int64_t units,
                       const RecurrentInit& init = {}, Generator& generator = default_generator());

struct SequenceOptions {
  Tensor h0 = {};            ///< (layers * directions, N, H); zeros if undefined
  Tensor c0 = {};            ///< likewise, for an LSTM
  Tensor lengths = {};       ///< (N): the number of valid steps of each sequence; all of them if undefined
  bool batch_first = false;  ///< x and the output are (N, T, ...); states are not affected
  double dropout = 0;        ///< applied to the output of every layer but the last, in training
  bool training = false;
  Generator* generator = nullptr;  ///< for dropout; null: the default one
};

/// x (T, N, I). Layers, directions, biases and projection follow from the weights that exist. Returns the output of
/// every step (T, N, directions * H) and the final states (layers * directions, N, H).
PYDL_API RecurrentStates lstm(const ParamSet& params, const std::string& prefix, const Tensor& x,
                              const SequenceOptions& options = {});
/// `reset_after` as in `RecurrentOptions`.
PYDL_API RecurrentStates gru(const ParamSet& params, const std::string& prefix, const Tensor& x,
                             const SequenceOptions& options = {}, bool reset_after = true);
/// With tanh, or relu.
PYDL_API RecurrentStates rnn(const ParamSet& params, const std::string& prefix, const Tensor& x,
                             const SequenceOptions& options = {}, bool relu = false);

}  // namespace pydl::nn
