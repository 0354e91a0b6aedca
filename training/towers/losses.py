"""The losses of the V1 report: L = L_col + alpha L_tag + (1 - alpha) L_cate.

Each is a softmax over a positive and sampled negatives. The report sums over pairs; the mean keeps the step size
independent of their number. Negatives are drawn once for a batch; those that a row may not have are barred.
"""

import torch
from torch import Tensor
from torch.nn import functional

ALPHA = 0.5  # as in the report


def sampled_softmax(queries: Tensor, positives: Tensor, negatives: Tensor, is_barred: Tensor) -> Tensor:
    """How well each query picks its positive among the negatives: mean over rows, in nats.

    queries (B, D), positives (B, D), negatives (N, D); is_barred (B, N): true where a negative is none for this row

    L_col asks with users, and bars what the user takes; L_tag with tags, and bars the tag's item; L_cate with tags for
    an item of the category, and bars all of the category.
    """
    positive = (queries * positives).sum(dim=1, keepdim=True)  # (B, 1)
    negative = (queries @ negatives.T).masked_fill(is_barred, -torch.inf)  # (B, N)
    scores = torch.cat([positive, negative], dim=1)  # (B, 1 + N), the positive first
    return functional.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long, device=scores.device))
