"""InstructSAM (arXiv 2605.26102)."""
