"""SAM3-I (arXiv 2512.04585): SAM 3 with adapters for instructions."""
