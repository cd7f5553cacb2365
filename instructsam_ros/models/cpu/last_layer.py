"""The last decoder layer of the language model, for the rows that something reads.

Behind the last layer only those states matter that choose a word or that mask queries end in: a few rows of
hundreds. All tokens give keys and values; queries, the output of attention and the MLP are for those rows.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers import DynamicCache
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextDecoderLayer, rotate_half


class LastLayer(Qwen3VLTextDecoderLayer):  # type: ignore[misc]
    """Take the place of its base class, with the same weights and results."""

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        attention_mask: Tensor | None = None,
        past_key_values: DynamicCache | None = None,
        wanted: Tensor | None = None,
        **options: Any,
    ) -> Tensor:
        """Upstream's result [B, L, D]; with ``wanted``, int64 [n], those rows of it, in that order.

        attention_mask: as upstream's, for all rows: [B, 1, L, past + L]. Without one nothing is saved.
        """
        if wanted is None or attention_mask is None:
            output: Tensor = super().forward(
                hidden_states,
                position_embeddings,
                attention_mask,
                past_key_values=past_key_values,
                **options,
            )
            return output if wanted is None else output[:, wanted]
        own, normed = self.self_attn, self.input_layernorm(hidden_states)
        query, key, value = (
            project(tokens).unflatten(-1, (-1, own.head_dim))
            for project, tokens in (
                (own.q_proj, normed[:, wanted]),
                (own.k_proj, normed),
                (own.v_proj, normed),
            )
        )
        cos, sin = (table[:, :, None] for table in position_embeddings)
        query = rotate(own.q_norm(query), cos[:, wanted], sin[:, wanted]).transpose(1, 2)
        key, value = rotate(own.k_norm(key), cos, sin).transpose(1, 2), value.transpose(1, 2)
        if past_key_values is not None:
            key, value = past_key_values.update(key, value, own.layer_idx)
        attend = ALL_ATTENTION_FUNCTIONS[own.config._attn_implementation]
        attended, _ = attend(own, query, key, value, attention_mask[:, :, wanted], scaling=own.scaling)
        rows = hidden_states[:, wanted] + own.o_proj(attended.flatten(2))
        result: Tensor = rows + self.mlp(self.post_attention_layernorm(rows))
        return result


def rotate(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions of [B, L, heads, D]."""
    turned: Tensor = heads * cos + rotate_half(heads) * sin
    return turned
