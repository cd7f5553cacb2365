"""InstructSAM (arXiv 2605.26102)."""

from instructsam_ros.models.cpu.allocator import use_huge_pages

use_huge_pages()  # here, because it must come before the first tensor, and some imports make one
