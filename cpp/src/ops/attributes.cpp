// What calls of each op say beside their inputs: the record by which traces and program files check them.
#include "ops/families.h"

namespace pydl::ops {

namespace {

using op::OpId;

constexpr std::string_view conv = "stride:dims padding_low:dims padding_high:dims dilation:dims groups:integer";
constexpr std::string_view conv_backward_input =
    "stride:dims padding_low:dims padding_high:dims dilation:dims groups:integer size:dims";
constexpr std::string_view conv_backward_weight =
    "stride:dims padding_low:dims padding_high:dims dilation:dims groups:integer kernel:dims";
constexpr std::string_view pool = "kernel:dims stride:dims padding:dims dilation:dims size:dims adaptive:bool";
constexpr std::string_view avg_pool =
    "kernel:dims stride:dims padding:dims dilation:dims size:dims adaptive:bool divisor:integer input:dims?";
constexpr std::string_view avg_pool_backward =
    "kernel:dims stride:dims padding:dims dilation:dims size:dims adaptive:bool divisor:integer input:dims";
constexpr std::string_view resample =
    "size:dims mode:integer align_corners:bool antialias:bool step0:number step1:number step2:number";
constexpr std::string_view resample_backward =
    "size:dims mode:integer align_corners:bool antialias:bool step0:number step1:number step2:number input:dims";

void define_structure(Registry& registry) {
  registry[OpId::full].attributes = "shape:dims dtype:dtype value:scalar";
  registry[OpId::arange].attributes = "start:scalar step:scalar count:integer dtype:dtype";
  registry[OpId::cast].attributes = "dtype:dtype";
  registry[OpId::reshape].attributes = registry[OpId::expand].attributes = "shape:dims";
  registry[OpId::permute_dims].attributes = "axes:dims";
  registry[OpId::slice].attributes = "starts:dims sizes:dims steps:dims";
  registry[OpId::slice_backward].attributes = "shape:dims starts:dims steps:dims";
  registry[OpId::concat].attributes = registry[OpId::gather].attributes = "axis:integer";
  registry[OpId::gather_backward].attributes = "axis:integer size:integer";
  registry[OpId::take].attributes = "axis:integer skip:integer?";
  registry[OpId::take_backward].attributes = "axis:integer size:integer skip:integer?";
  registry[OpId::segment_ids].attributes = "count:integer";
}

void define_reductions(Registry& registry) {
  for (const OpId id :
       {OpId::sum, OpId::mean, OpId::prod, OpId::max, OpId::min, OpId::any, OpId::all, OpId::argmax, OpId::argmin}) {
    registry[id].attributes = "axes:dims keepdims:bool";
  }
  registry[OpId::var].attributes = "axes:dims keepdims:bool correction:number";
  for (const OpId id : {OpId::softmax, OpId::log_softmax, OpId::softmax_backward, OpId::log_softmax_backward}) {
    registry[id].attributes = "axis:integer";
  }
  for (const OpId id : {OpId::softmax_cross_entropy, OpId::softmax_cross_entropy_backward}) {
    registry[id].attributes = "axis:integer ignore_index:scalar reduction:integer";
  }
  for (const OpId id : {OpId::ctc_loss, OpId::ctc_loss_backward}) {
    registry[id].attributes = "blank:integer zero_infinity:bool";
  }
}

void define_spatial(Registry& registry) {
  registry[OpId::conv].attributes = conv;
  registry[OpId::conv_backward_input].attributes = conv_backward_input;
  registry[OpId::conv_backward_weight].attributes = conv_backward_weight;
  for (const OpId id : {OpId::max_pool, OpId::max_pool_indices, OpId::max_pool_backward}) {
    registry[id].attributes = pool;
  }
  registry[OpId::avg_pool].attributes = avg_pool;
  registry[OpId::avg_pool_backward].attributes = avg_pool_backward;
  registry[OpId::resample].attributes = resample;
  registry[OpId::resample_backward].attributes = resample_backward;
}

void define_layers(Registry& registry) {
  for (const OpId id : {OpId::batch_norm, OpId::channel_sums, OpId::batch_norm_backward}) {
    registry[id].attributes = "epsilon:number batch:bool";
  }
  for (const OpId id : {OpId::normalize, OpId::normalize_backward}) {
    registry[id].attributes = "axes:integer epsilon:number center:bool";
  }
  registry[OpId::recurrent].attributes = "cell:integer reset_after:bool reverse:bool bias:bool lengths:bool tape:bool";
  registry[OpId::recurrent_backward].attributes =
      "cell:integer reset_after:bool reverse:bool lengths:bool dy:bool dh:bool dc:bool steps:integer";
  registry[OpId::sequence_product].attributes = "shift:integer";
}

}  // namespace

void define_attributes(Registry& registry) {
  define_structure(registry);
  define_reductions(registry);
  define_spatial(registry);
  define_layers(registry);
  registry[OpId::uniform].attributes = "shape:dims dtype:dtype low:number high:number";
  registry[OpId::normal].attributes = "shape:dims dtype:dtype mean:number std:number";
  registry[OpId::dropout].attributes = "p:number";
  registry[OpId::permutation].attributes = "n:integer";
  registry[OpId::sgd_update].attributes =
      "count:integer momentum:number dampening:number weight_decay:number nesterov:bool";
  registry[OpId::sgd_update_rows].attributes = "skip:integer?";
  registry[OpId::rmsprop_update].attributes =
      "count:integer alpha:number epsilon:number momentum:number weight_decay:number";
  registry[OpId::adam_update].attributes =
      "count:integer beta1:number beta2:number epsilon:number weight_decay:number decoupled:bool";
}

}  // namespace pydl::ops
