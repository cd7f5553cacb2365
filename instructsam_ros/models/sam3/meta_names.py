"""Tensor names of Meta's sam3.pt (and of files derived from it), mapped to those of transformers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from torch import Tensor

Rules = Sequence[tuple[str, str]]

_TRUNK = r"^backbone\.vision_backbone\.trunk\."
_CONVS = r"^backbone\.vision_backbone\.convs\.(\d+)\."
_BLOCK = r"^backbone\.vision_backbone\.trunk\.blocks\.(\d+)\."
_TEXT = r"^backbone\.language_backbone\.encoder\."
_VIT, _NECK, _CLIP = "vision_encoder.backbone.", "vision_encoder.neck.fpn_layers.", "text_encoder.text_model."
_DECODER_LAYER = r"^(detr_decoder\.layers\.\d+)\."

RULES: Rules = (
    (_TRUNK + r"pos_embed$", _VIT + "embeddings.position_embeddings"),
    (_TRUNK + r"patch_embed\.proj", _VIT + "embeddings.patch_embeddings.projection"),
    (_TRUNK + r"ln_pre", _VIT + "layer_norm"),
    (_BLOCK + r"norm([12])", _VIT + r"layers.\1.layer_norm\2"),
    (_BLOCK + r"attn\.proj", _VIT + r"layers.\1.attention.o_proj"),
    (_BLOCK + r"attn\.qkv\.", _VIT + r"layers.\1.attention.in_proj_"),
    (_BLOCK + r"mlp", _VIT + r"layers.\1.mlp"),
    (_CONVS + r"dconv_2x2(_0)?\.", _NECK + r"\1.scale_layers.0."),
    (_CONVS + r"dconv_2x2_1\.", _NECK + r"\1.scale_layers.2."),
    (_CONVS + r"conv_1x1", _NECK + r"\1.proj1"),
    (_CONVS + r"conv_3x3", _NECK + r"\1.proj2"),
    (r"^backbone\.language_backbone\.resizer", "text_projection"),
    (_TEXT + r"token_embedding", _CLIP + "embeddings.token_embedding"),
    (_TEXT + r"positional_embedding$", _CLIP + "embeddings.position_embedding.weight"),
    (_TEXT + r"ln_final", _CLIP + "final_layer_norm"),
    (_TEXT + r"text_projection$", "text_encoder.text_projection.weight"),
    (_TEXT + r"transformer\.resblocks\.(\d+)\.", _CLIP + r"encoder.layers.\1."),
    (r"^transformer\.encoder\.layers\.", "detr_encoder.layers."),
    (r"^transformer\.decoder\.", "detr_decoder."),
    (r"^geometry_encoder\.encode\.(\d+)\.", r"geometry_encoder.layers.\1."),
    (r"^geometry_encoder\.norm\.", "geometry_encoder.prompt_layer_norm."),
    (r"^geometry_encoder\.img_pre_norm\.", "geometry_encoder.vision_layer_norm."),
    (r"^geometry_encoder\.encode_norm\.", "geometry_encoder.output_layer_norm."),
    (r"^dot_prod_scoring\.prompt_mlp\.layers\.0", "dot_product_scoring.text_mlp.layer1"),
    (r"^dot_prod_scoring\.prompt_mlp\.layers\.1", "dot_product_scoring.text_mlp.layer2"),
    (r"^dot_prod_scoring\.prompt_mlp\.out_norm", "dot_product_scoring.text_mlp_out_norm"),
    (r"^dot_prod_scoring\.prompt_proj", "dot_product_scoring.text_proj"),
    (r"^dot_prod_scoring\.hs_proj", "dot_product_scoring.query_proj"),
    (r"^segmentation_head\.mask_predictor\.mask_embed\.", "mask_decoder.mask_embedder."),
    (r"^segmentation_head\.instance_seg_head", "mask_decoder.instance_projection"),
    (r"^segmentation_head\.semantic_seg_head", "mask_decoder.semantic_projection"),
    (r"^segmentation_head\.cross_attend_prompt", "mask_decoder.prompt_cross_attn"),
    (r"^segmentation_head\.cross_attn_norm", "mask_decoder.prompt_cross_attn_norm"),
    (r"^segmentation_head\.pixel_decoder", "mask_decoder.pixel_decoder"),
    (r"^detr_decoder\.norm\.", "detr_decoder.output_layer_norm."),
    (r"^detr_decoder\.presence_token_out_norm", "detr_decoder.presence_layer_norm"),
    (r"^detr_decoder\.presence_token_head\.", "detr_decoder.presence_head."),
    (r"^detr_decoder\.bbox_embed\.", "detr_decoder.box_head."),
    (r"^detr_decoder\.boxRPB_embed_([xy])\.", r"detr_decoder.box_rpb_embed_\1."),
    (
        r"^(detr_decoder\.(?:presence_head|box_head|ref_point_head|box_rpb_embed_[xy]))\.layers\.0",
        r"\1.layer1",
    ),
    (
        r"^(detr_decoder\.(?:presence_head|box_head|ref_point_head|box_rpb_embed_[xy]))\.layers\.1",
        r"\1.layer2",
    ),
    (r"^(detr_decoder\.(?:presence_head|box_head))\.layers\.2", r"\1.layer3"),
    (_DECODER_LAYER + r"ca_text\.", r"\1.text_cross_attn."),
    (_DECODER_LAYER + r"cross_attn\.", r"\1.vision_cross_attn."),
    (_DECODER_LAYER + r"norm1", r"\1.vision_cross_attn_layer_norm"),
    (_DECODER_LAYER + r"catext_norm", r"\1.text_cross_attn_layer_norm"),
    (_DECODER_LAYER + r"norm2", r"\1.self_attn_layer_norm"),
    (_DECODER_LAYER + r"norm3", r"\1.mlp_layer_norm"),
    (r"^((?:detr_encoder|geometry_encoder)\.layers\.\d+)\.cross_attn_image\.", r"\1.cross_attn."),
    (r"^((?:detr_encoder|geometry_encoder)\.layers\.\d+)\.norm([123])", r"\1.layer_norm\2"),
    (r"^((?:detr_encoder|detr_decoder|geometry_encoder)\.layers\.\d+)\.linear([12])", r"\1.mlp.fc\2"),
    (r"^(text_encoder\.text_model\.encoder\.layers\.\d+)\.ln_([12])", r"\1.layer_norm\2"),
    (r"^(text_encoder\.text_model\.encoder\.layers\.\d+)\.attn\.", r"\1.self_attn."),
    (r"^(text_encoder\.text_model\.encoder\.layers\.\d+)\.mlp\.c_fc\.", r"\1.mlp.fc1."),
    (r"^(text_encoder\.text_model\.encoder\.layers\.\d+)\.mlp\.c_proj\.", r"\1.mlp.fc2."),
    (r"^((?:detr_|geometry_encoder|mask_decoder).*)\.out_proj\.", r"\1.o_proj."),
)
"""Pattern and replacement, applied in this order."""

UNUSED = re.compile(
    r"freqs_cis$|\.attn_mask$"  # computed, not learned
    r"|^geometry_encoder\.points_"  # transformers' class has no points
    r"|^tracker\.|^backbone\.vision_backbone\.sam2_convs\.|^inst_interactive_predictor\."  # clicks and video
)
"""Tensors of such files that text and example boxes do not need."""

_PACKED = re.compile(r"(.*)\.in_proj_(weight|bias)$")


def upstream_tensors(
    tensors: Mapping[str, Tensor], rules: Rules = RULES, whole: str = ""
) -> tuple[dict[str, Tensor], list[str]]:
    """Rename tensors of a Meta file: those of ``transformers.Sam3Model`` by name, and the names of others
    that are known to be unused.

    Packed projections are split, the position of the class token is cut off and the text projection is
    transposed. rules: patterns and replacements. whole: prefix of renamed tensors that stay packed. Names
    that no rule knows keep their name.
    """
    renamed: dict[str, Tensor] = {}
    unused = []
    for theirs, tensor in tensors.items():
        name = theirs.removeprefix("detector.")
        if UNUSED.search(name):
            unused.append(theirs)
            continue
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        if name == _VIT + "embeddings.position_embeddings":
            tensor = tensor[:, 1:]
        elif name == "text_encoder.text_projection.weight":
            tensor = tensor.t()
        packed = None if whole and name.startswith(whole) else _PACKED.match(name)
        if packed:
            parts = tensor.chunk(3)
            renamed |= {f"{packed[1]}.{k}_proj.{packed[2]}": v for k, v in zip("qkv", parts, strict=True)}
        else:
            renamed[name] = tensor
    return renamed, unused
