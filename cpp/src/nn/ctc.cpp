// CTC loss of a batch or of one sequence.
#include "core/named.h"
#include "pydl/nn.h"

namespace pydl::nn {

Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, const CtcOptions& options) try {
  if (log_probs.rank() == 2) {
    if (targets.rank() != 1 || input_lengths.size() != 1 || target_lengths.size() != 1) {
      throw ValueError(concat_text("ctc_loss: log_probs of shape ", log_probs.shape(),
                                   " expect targets of shape (S,) and one length each, got shapes ", targets.shape(),
                                   ", ", input_lengths.shape(), " and ", target_lengths.shape()));
    }
    // The targets become a row, so that they may be longer than their length says.
    const Tensor losses = ctc_loss(expand_dims(log_probs, 1), expand_dims(targets, 0), reshape(input_lengths, {1}),
                                   reshape(target_lengths, {1}), options);
    return options.reduction == Reduction::none ? reshape(losses, {}) : losses;
  }
  const Tensor losses =
      pydl::ctc_loss(log_probs, targets, input_lengths, target_lengths, options.blank, options.zero_infinity);
  if (options.reduction == Reduction::none) return losses;
  if (options.reduction == Reduction::sum) return sum(losses);
  const Tensor lengths = maximum(target_lengths, scalar_like(1, target_lengths));
  return mean(losses / astype(lengths, losses.dtype()));
} catch (const Error&) {
  core::rethrow_as("ctc_loss");
}

}  // namespace pydl::nn
