"""Speed-ups on a CPU, applied from outside to a plain model by ``optimize_for_cpu``."""

from instructsam_ros.models.cpu.huge_pages import use_huge_pages

use_huge_pages()  # before the first tensor, which some imports create
