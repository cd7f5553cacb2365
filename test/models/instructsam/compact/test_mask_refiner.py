"""A new refiner is bilinear upsampling, until its correction is learned."""

import torch
import torch.nn.functional as F

from instructsam_ros.models.instructsam.compact.image_encoder import FINE_CHANNELS
from instructsam_ros.models.instructsam.compact.mask_refiner import MaskRefiner


@torch.inference_mode()
def test_an_untrained_refiner_upsamples_and_a_trained_one_corrects():
    torch.manual_seed(0)
    refiner = MaskRefiner(8).eval()
    pixels = refiner.pixels(torch.randn(1, 8, 4, 6), torch.randn(1, FINE_CHANNELS, 8, 12))[0]
    coarse, embeds = torch.randn(2, 3, 4, 6), torch.randn(2, 3, 8)
    smooth = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(refiner.logits(coarse, embeds, pixels), smooth)
    torch.nn.init.constant_(refiner.embed.bias, 1.0)
    corrected = refiner.logits(coarse, embeds, pixels)
    torch.testing.assert_close(corrected - smooth, pixels.sum(0).expand(2, 3, 8, 12))
