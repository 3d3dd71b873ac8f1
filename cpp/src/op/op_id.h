// OpId: the number of each op, by which kernels are registered and calls are cached.
#pragma once

#include <cstdint>

#include "op/elementwise_table.h"

// The ops that are not in the elementwise table: ROW(name, doc). The comments give the contract between shape rules
// and kernels: inputs -> outputs, {attrs}. All operands may be strided unless said otherwise.
// clang-format off
#define PYDL_STRUCTURAL_TABLE(ROW)                                                                                    \
  /* creation: () -> (y) {shape dims, dtype, value: bool, integer or number} */                                       \
  ROW(full, "Every element the same value.")                                                                          \
  /* () -> (y) {start, step: both integer or both number; count integer; dtype} */                                    \
  ROW(arange, "start, start + step, start + 2 step, ...")                                                             \
  /* elementwise beyond the table: (x) -> (y of dtype) {dtype}; float to integer truncates, to bool is x != 0 */      \
  ROW(cast, "The same values in another dtype.")                                                                      \
  ROW(copy, "The same values in memory of their own, row-major.")                                                     \
  /* (condition bool, a, b), all broadcast to the output's shape -> (y) */                                            \
  ROW(where, "a where the condition holds, else b.")                                                                  \
  ROW(clip, "x limited to [low, high]: inputs x, low, high.")                                                         \
  /* views: outputs share the memory of the input, no kernel */                                                       \
  ROW(reshape, "The same elements in row-major order under another shape.") /* {shape dims} */                        \
  ROW(permute_dims, "Axes in another order.")                               /* {axes dims} */                         \
  ROW(expand, "Axes of size 1 repeated without copying.")                   /* {shape dims} */                        \
  ROW(slice, "Part of each axis: starts, sizes, steps.")                    /* {starts, sizes, steps dims} */         \
  /* structure */                                                                                                     \
  ROW(concat, "Tensors joined along an axis.") /* (x0, x1, ...) -> (y) {axis integer} */                              \
  /* (g) -> (y of shape, zero except y[starts + i * steps] = g[i]) {shape, starts, steps dims} */                     \
  ROW(slice_backward, "Zeros with the given part filled in: the transpose of `slice`.")                               \
  /* (destination, source of the same shape, any dtype): mutates destination */                                       \
  ROW(assign, "Overwrites the elements of a tensor.")                                                                 \
  /* (x, index int64 of the same rank) -> (y shaped like index) {axis}: y[i][j] = x[index[i][j]][j] for axis 0;        \
     negative indices count from the back; an index outside raises IndexError */                                      \
  ROW(gather, "Elements along an axis, chosen at each position by an index of the same rank.")                        \
  /* (g, index) -> (y with `size` on axis, zero plus g scattered and added) {axis, size integer} */                   \
  ROW(gather_backward, "Adds gradients back to where `gather` took elements from.")                                   \
  /* (x, index int64 of any rank) -> (y: x.shape[:axis] + index.shape + x.shape[axis+1:]) {axis; skip integer,        \
     where given: no gradient goes to this slice} */                                                                  \
  ROW(take, "Slices along an axis chosen by an index tensor.")                                                        \
  /* (g, index) -> (y: zero plus slices of g added) {axis, size integer; skip integer, where given: not added} */      \
  ROW(take_backward, "Adds gradients back to where `take` took slices from.")                                         \
  /* (offsets int64 (B), ascending from 0) -> (y int64 (count)) {count integer}: the segment b that element i is in,   \
     which begins at offsets[b] and ends before the next one */                                                       \
  ROW(segment_ids, "The segment that each element is in, by where segments begin.")                                   \
  /* (x (count, D), offsets int64 (B)) -> (y int64 (B, D)): the first one; 0 for an empty segment */                   \
  ROW(segment_argmax, "Row of the largest element of each segment, by column; not-a-number wins.")                    \
  /* reductions: (x) -> (y) {axes dims, ascending; keepdims bool} */                                                  \
  ROW(sum, "Sum over axes.")                                                                                          \
  ROW(mean, "Arithmetic mean over axes.")                                                                             \
  ROW(prod, "Product over axes.")                                                                                     \
  ROW(max, "Largest element over axes; not-a-number wins.")                                                           \
  ROW(min, "Smallest element over axes; not-a-number wins.")                                                          \
  ROW(any, "Whether any element over axes is true.")  /* bool -> bool */                                              \
  ROW(all, "Whether all elements over axes are true.") /* bool -> bool */                                             \
  /* {axes dims; keepdims bool; correction number}: divides by count - correction */                                  \
  ROW(var, "Variance over axes.")                                                                                     \
  /* {axes: one axis, or all of them for the flat index; keepdims} -> int64; first one; not-a-number wins */          \
  ROW(argmax, "Index of the largest element.")                                                                        \
  ROW(argmin, "Index of the smallest element.")                                                                       \
  /* (a (..., M, K), b (..., K, N)) -> (y (..., M, N)), ranks >= 2, batch axes broadcast; same dtype */               \
  ROW(matmul, "Matrix product, batched over leading axes.")                                                           \
  /* (x (..., I), weight (O, I), bias (O)?) -> (y (..., O)) {relu bool, set by passes: relu of it all} */                                                       \
  ROW(linear, "x times the transposed weight, plus bias.")                                                            \
  /* convolutions with 1 to 3 spatial axes; attrs as op/conv_geometry.h reads them; results lie channels-last.         \
     (x (N, C, S...), weight (O, C / groups, K...), bias (O)?) -> (y (N, O, T...)) {..., relu as for linear} */        \
  ROW(conv, "Convolution (cross-correlation, as networks use it) over the spatial axes.")                             \
  /* (g (N, O, T...), weight) -> (y (N, C, S...)) {..., size dims: S} */                                              \
  ROW(conv_backward_input, "Gradient of conv for its input: the transposed convolution.")                             \
  /* (g (N, O, T...), x) -> (y (O, C / groups, K...), row-major) {..., kernel dims: K} */                             \
  ROW(conv_backward_weight, "Gradient of conv for its weight.")                                                       \
  /* pooling with 1 to 3 spatial axes; attrs as op/pool_geometry.h reads them, and size dims: T; what lies outside of  \
     x does not count; results lie as x does. (x (N, C, S...)) -> (y (N, C, T...)) */                                 \
  ROW(max_pool, "Largest element of each window; not-a-number wins.")                                                 \
  /* (x) -> (y int64): place in the row-major spatial axes; the first one */                                          \
  ROW(max_pool_indices, "Where max_pool finds the largest element of each window.")                                   \
  /* (g (N, C, T...), x) -> (y like x) */                                                                             \
  ROW(max_pool_backward, "Gradient of max_pool: g where the largest elements of x are.")                              \
  /* {..., divisor integer} */                                                                                        \
  ROW(avg_pool, "Mean of each window.")                                                                               \
  /* (g (N, C, T...)) -> (y (N, C, S...)) {..., divisor integer, input dims: S} */                                    \
  ROW(avg_pool_backward, "Gradient of avg_pool: each window gets its share of g.")                                    \
  /* {axis integer} */                                                                                                \
  ROW(softmax, "exp(x) normalised to sum 1 along an axis.")                                                           \
  ROW(log_softmax, "Logarithm of softmax, without overflow.")                                                         \
  ROW(softmax_backward, "Gradient of softmax: y * (g - sum(g * y)); inputs g, y.")                                    \
  ROW(log_softmax_backward, "Gradient of log_softmax: g - exp(y) * sum(g); inputs g, y.")                             \
  /* (logits, target int64 of their shape without axis) -> (loss: shape of target, or () when reduced)               \
     {axis, ignore_index, reduction integer: 0 none, 1 mean over the targets that count, 2 sum};                      \
     a target outside that is not ignore_index raises IndexError */                                                   \
  ROW(softmax_cross_entropy, "Negative log-softmax of logits at the target class.")                                   \
  /* (g shaped like the loss, logits, target) -> (y shaped like logits) {the same} */                                 \
  ROW(softmax_cross_entropy_backward, "Gradient of softmax_cross_entropy for the logits: softmax minus one-hot.")      \
  /* (log_probs (T, N, C), targets int64 (N, S) or all of them joined, input_lengths int64 (N), target_lengths int64    \
     (N)) -> (losses (N)) {blank integer; zero_infinity bool: 0 where no path is long enough, else infinity};          \
     op/ctc_batch.h reads and checks the lengths and targets */                                                       \
  ROW(ctc_loss, "Negative log-likelihood of label sequences, summed over alignments.")                                \
  /* (g (N), log_probs, targets, input_lengths, target_lengths) -> (y (T, N, C)) {the same} */                         \
  ROW(ctc_loss_backward, "Gradient of ctc_loss for the log-probabilities: minus how often each class is passed.")      \
  /* normalisation. Channels are axis 1. The dtype of statistics is that of x, float32 for 16 bits; moments, weight,  \
     bias and sums have it, or that of x. (x (N, C, ...)) -> (2, C), dtype of statistics */                           \
  ROW(channel_moments, "Mean and variance of each channel, over all other axes.")                                     \
  /* (x (N, C, ...), moments (2, C), weight (C), bias (C)) -> (y, strides as of elementwise ops) {epsilon number;     \
     batch bool: the moments are those of x, and the derivative is that of x through them too, else they are constants;\
     relu or relu6 bool, set by passes: that of it all} */                                                            \
  ROW(batch_norm, "(x - mean) / sqrt(variance + epsilon) * weight + bias, by channel.")                               \
  /* (g, x, moments) -> (2, C), dtype of statistics: sums of g and of g times the normalised x {epsilon, batch; relu  \
     or relu6 bool, set by passes: g is the gradient of that of the result; weight and bias are operands then} */      \
  ROW(channel_sums, "Gradients of batch_norm for bias and weight.")                                                   \
  /* (g, x, moments, weight, sums of channel_sums: if batch) -> (dx, strides as of elementwise ops of x)              \
     {epsilon, batch; relu or relu6 as above: with bias as the last operand} */                                       \
  ROW(batch_norm_backward, "Gradient of batch_norm for x.")                                                           \
  /* (x) -> (y, row-major) {axes integer: how many trailing ones are a row; epsilon number;                           \
     center bool: (x - mean) / sqrt(variance + epsilon), else x / sqrt(mean of squares + epsilon)} */                 \
  ROW(normalize, "Rows of the trailing axes, brought to mean 0 and variance 1, or to root mean square 1.")            \
  ROW(normalize_backward, "Gradient of normalize for x; inputs g, x.") /* (g, x) -> (dx) {the same} */                \
  /* recurrent layers: one direction of one layer; sizes, parts of the flat results and the order of inputs as           \
     op/recurrent_geometry.h says; x row-major or (T, N, I) of any strides, lengths int64 (N) in 0 .. T, else           \
     IndexError. Beyond its length, a row's states are 0 and what else the result has of it is unspecified.              \
     (x (T, N, I), h0 (N, H), w_ih (G H, I), w_hh (G H, H), c0?, b_ih?, b_hh?, lengths?) -> flat                        \
     {cell integer, reset_after, reverse, bias, lengths, tape bool} */                                                 \
  ROW(recurrent, "States of an LSTM, GRU or simple recurrent layer over the steps of a sequence.")                     \
  /* (tape: the result of recurrent, h0, w_hh, lengths?, dy (T, N, H)?, dh (N, H)?, dc (N, H)?) -> flat                 \
     {cell, reset_after, reverse, lengths, dy, dh, dc bool, steps integer: T} */                                       \
  ROW(recurrent_backward, "Gradients of recurrent for what goes into the gates, and for the first states.")            \
  /* (a (T, N, A), b (T, N, B), lengths int64 (N), first (N, B)) -> (A, B) {shift integer: 0, -1 or 1}: the sum over n   \
     and t < lengths[n] of the outer product of a[t, n] and b[t + shift, n], or first[n] where t + shift is outside of  \
     the sequence */                                                                                                   \
  ROW(sequence_product, "Product of two batches of sequences, summed over the steps that are part of them.")           \
  /* resampling over 1 to 3 spatial axes, a linear map along each (op/resample_taps.h); results lie as x does.          \
     (x (N, C, S...)) -> (y (N, C, T...)) {size dims: T; mode integer: 0 nearest, 1 linear, 2 cubic, 3 area;           \
     align_corners bool; antialias bool: neighbourhoods grow as an axis shrinks;                                       \
     step0, step1, step2 number: places of x per place of y along each axis, 0: S / T} */          \
  ROW(resample, "Nearest, linear, cubic or area interpolation along the spatial axes.")                                \
  /* (g (N, C, T...)) -> (dx (N, C, S...)) {the same, input dims: S} */                                                \
  ROW(resample_backward, "Gradient of resample: the transposed linear map.")                                           \
  /* random: `state` is int64 (2): seed, offset in Philox blocks of 4 x 32 bits (runtime/philox.h) */                 \
  ROW(uniform, "Uniform in [low, high).") /* (state) -> (y) {shape dims, dtype, low, high number} */                  \
  ROW(normal, "Normal with mean and std.") /* (state) -> (y) {shape dims, dtype, mean, std number} */                 \
  ROW(dropout, "x / (1 - p) where kept, 0 with probability p.") /* (x, state) -> (y like x) {p number} */             \
  ROW(permutation, "0 .. n-1 in random order.") /* (state) -> (y int64 (n)) {n integer} */                            \
  /* updates, fused over all parameters. All mutate every input before the gradients. step is int64 (), lr float64     \
     (); the kernel adds 1 to step first, then uses it. {count integer: the number n of parameters, ...}              \
     (step, params n, velocities n if momentum != 0, grads n, lr) {momentum, dampening, weight_decay number;           \
     nesterov bool}: at step 1 velocity = gradient, as in PyTorch */                                                  \
  ROW(sgd_update, "Stochastic gradient descent with momentum.")                                                       \
  /* (param (K, D...), g, index int64, lr): mutates param only, by the slices of g, as sgd_update does by those of     \
     take_backward(g, index). {skip integer, where given}. Indices outside are passed over */                         \
  ROW(sgd_update_rows, "Stochastic gradient descent for the rows of a table that an index names.")                    \
  /* (step, params n, square_averages n, velocities n if momentum != 0, grads n, lr)                                  \
     {alpha, epsilon, momentum, weight_decay number} as torch.optim.RMSprop */                                        \
  ROW(rmsprop_update, "RMSprop (Hinton, 2012).")                                                                      \
  /* (step, params n, first_moments n, second_moments n, grads n, lr)                                                 \
     {beta1, beta2, epsilon, weight_decay number; decoupled bool: AdamW} as torch.optim.Adam */                       \
  ROW(adam_update, "Adam (Kingma and Ba, 2014), or AdamW when decoupled.")
// clang-format on

namespace pydl::op {

enum class OpId : uint16_t {
#define PYDL_ID(kind, name, ...) name,
  PYDL_ELEMENTWISE_TABLE(PYDL_ID)
#undef PYDL_ID
#define PYDL_ID(name, doc) name,
      PYDL_STRUCTURAL_TABLE(PYDL_ID)
#undef PYDL_ID
          count
};

/// The name that users see.
const char* op_name(OpId op);

}  // namespace pydl::op
