"""The alignment losses of SAM3-I between the simple and the complex route.

The release and the paper (arXiv 2512.04585 v3) differ in three of the four; both are here.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

TEMPERATURE, SAME_CONCEPT_WEIGHT, MARGIN = 0.1, 0.5, 0.2
_EPSILON = 1e-8


def instruction_contrast(
    simple: Tensor,
    complex_: Tensor,
    concepts: Sequence[str],
    *,
    temperature: float = TEMPERATURE,
    same_concept_weight: float = SAME_CONCEPT_WEIGHT,
) -> Tensor:
    """Pull the two views [B, C] of a sample together and others apart, as released (InfoNCE over 2B views).

    Other views of the same concept count ``same_concept_weight``. The mean over all views.
    """
    z = F.normalize(torch.cat([simple, complex_]), dim=-1, eps=_EPSILON)
    similarity = z @ z.T / temperature
    similarity = similarity - similarity.max(1, keepdim=True).values.detach()
    same = _same(concepts, z.device).repeat(2, 2)
    weights = torch.where(same, same_concept_weight, 1.0)
    views = torch.arange(len(z), device=z.device)
    partner = views.roll(len(simple))
    weights[views, partner] = 1.0
    weights[views, views] = 0.0
    total = torch.log((similarity.exp() * weights).sum(1) + _EPSILON)
    return (total - similarity[views, partner]).mean()


def cross_view_contrast(
    simple: Tensor,
    complex_: Tensor,
    concepts: Sequence[str],
    *,
    temperature: float = TEMPERATURE,
    same_concept_weight: float = SAME_CONCEPT_WEIGHT,
) -> Tensor:
    """Pull the two views [B, C] together as the paper defines (eq. 1 to 3): simple against complex and back,
    summed over the samples. The own view counts as any other of its concept.
    """
    s, c = (F.normalize(z, dim=-1, eps=_EPSILON) for z in (simple, complex_))
    similarity = s @ c.T / temperature
    weights = torch.where(_same(concepts, s.device), same_concept_weight, 1.0).log()
    own = similarity.diagonal()
    forth, back = (torch.logsumexp(x + weights, 1) - own for x in (similarity, similarity.T))
    return (forth + back).sum()


def concept_anchor(
    simple: Tensor,
    complex_: Tensor,
    concept: Tensor,
    concepts: Sequence[str],
    *,
    margin: float = MARGIN,
    frozen_concept: bool = False,
) -> Tensor:
    """Keep the mean of both views [B, C] nearer to its own concept than to any other, by a margin.

    The mean over samples with another concept in the batch, 0 if there is none. frozen_concept: no gradient
    through the concepts, as in the paper; the release has one through the projector.
    """
    q = F.normalize((simple + complex_) / 2, dim=-1, eps=_EPSILON)
    k = F.normalize(concept.detach() if frozen_concept else concept, dim=-1, eps=_EPSILON)
    similarity = q @ k.T
    other = ~_same(concepts, q.device)
    counts = other.any(1)
    if not counts.any():
        return similarity.sum() * 0.0
    hardest = similarity.masked_fill(~other, -torch.inf).max(1).values
    return F.relu(hardest - similarity.diagonal() + margin)[counts].mean()


def map_agreement(first: Tensor, second: Tensor, *, both_learn: bool = False) -> Tensor:
    """Compare semantic maps [B, 1, h, w] as distributions over pixels: mean of both KL divergences.

    both_learn: with gradient through both, as in the paper; in the release the target of each is fixed.
    """
    forth = map_divergence(first, second, both_learn=both_learn)
    return 0.5 * (forth + map_divergence(second, first, both_learn=both_learn))


def disagreement_loss(
    first: Tensor, second: Tensor, union: Tensor, *, jensen_shannon: bool = False
) -> Tensor:
    """Teach both maps [B, 1, h, w] the united mask [B, H, W] where they differ; see ``disagreement_losses``.

    The mean of both maps counts as released, their sum as in the paper (jensen_shannon).
    """
    losses = disagreement_losses(first, second, union, jensen_shannon=jensen_shannon)
    return (losses[0] + losses[1]) * (1.0 if jensen_shannon else 0.5)


def disagreement_losses(
    first: Tensor, second: Tensor, union: Tensor, *, jensen_shannon: bool = False
) -> tuple[Tensor, Tensor]:
    """Compute the cross-entropy per pixel of each map [B, 1, h, w] with the united mask [B, H, W], weighted,
    without gradient, by how they disagree.

    As released the weight is the foreground term of a reversed divergence; jensen_shannon: the divergence of
    the two predictions, as in the paper.
    """
    maps = [
        F.interpolate(x.float(), union.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
        for x in (first, second)
    ]
    p, q = (x.detach().sigmoid().clamp(1e-6, 1 - 1e-6) for x in maps)
    middle = (p + q) / 2
    if jensen_shannon:
        weight = sum(
            0.5 * (x * (x / y).log() + (1 - x) * ((1 - x) / (1 - y)).log())
            for x, y in ((p, middle), (q, middle))
        )
    else:
        weight = 0.5 * middle * ((middle / p).log() + (middle / q).log())
    target = union.to(maps[0])
    losses = [(F.binary_cross_entropy_with_logits(x, target, reduction="none") * weight).mean() for x in maps]
    return losses[0], losses[1]


def map_divergence(first: Tensor, target: Tensor, *, both_learn: bool = False) -> Tensor:
    """Compute KL(target || first) of maps [B, 1, h, w], summed over pixels, mean over the batch.

    both_learn: see ``map_agreement``.
    """
    known = (target if both_learn else target.detach()).float().flatten(1).log_softmax(1)
    return (known.exp() * (known - first.float().flatten(1).log_softmax(1))).sum(1).mean()


def _same(concepts: Sequence[str], device: torch.device) -> Tensor:
    """Whether two samples have the same concept, bool [B, B]."""
    lowered = [concept.lower() for concept in concepts]
    return torch.tensor([[a == b for b in lowered] for a in lowered], device=device)
