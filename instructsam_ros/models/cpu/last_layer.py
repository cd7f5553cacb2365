"""The last decoder layer of the language model, restricted to the rows whose output is used.

After the last layer only the states that predict a token and those of the mask queries are used, a few rows
of hundreds. Keys and values are computed for all tokens; queries, attention output and MLP for those rows.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers import DynamicCache
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextDecoderLayer, rotate_half


class LastLayer(Qwen3VLTextDecoderLayer):  # type: ignore[misc]
    """Replacement of its base class with the same weights and results."""

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        attention_mask: Tensor | None = None,
        past_key_values: DynamicCache | None = None,
        output_indices: Tensor | None = None,
        **options: Any,
    ) -> Tensor:
        """Compute upstream's result [B, L, D]; with ``output_indices``, int64 [n], those rows, in that order.

        attention_mask: as upstream's, for all rows: [B, 1, L, past + L]. Without one all rows are computed.
        """
        if output_indices is None or attention_mask is None:
            output: Tensor = super().forward(
                hidden_states,
                position_embeddings,
                attention_mask,
                past_key_values=past_key_values,
                **options,
            )
            return output if output_indices is None else output[:, output_indices]
        own, normed = self.self_attn, self.input_layernorm(hidden_states)
        query, key, value = (
            project(tokens).unflatten(-1, (-1, own.head_dim))
            for project, tokens in (
                (own.q_proj, normed[:, output_indices]),
                (own.k_proj, normed),
                (own.v_proj, normed),
            )
        )
        cos, sin = (table[:, :, None] for table in position_embeddings)
        query = rotate(own.q_norm(query), cos[:, output_indices], sin[:, output_indices]).transpose(1, 2)
        key, value = rotate(own.k_norm(key), cos, sin).transpose(1, 2), value.transpose(1, 2)
        if past_key_values is not None:
            key, value = past_key_values.update(key, value, own.layer_idx)
        attend = ALL_ATTENTION_FUNCTIONS[own.config._attn_implementation]
        attended, _ = attend(
            own, query, key, value, attention_mask[:, :, output_indices], scaling=own.scaling
        )
        rows = hidden_states[:, output_indices] + own.o_proj(attended.flatten(2))
        result: Tensor = rows + self.mlp(self.post_attention_layernorm(rows))
        return result


def rotate(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply rotary positions to [B, L, heads, D]."""
    rotated: Tensor = heads * cos + rotate_half(heads) * sin
    return rotated
