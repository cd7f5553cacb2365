"""Does the design earn its keep? Each choice against its alternative: same data, same budget.

From the root of the repository, with views under runs/scenes and a run whose image side is trained, here
the one that ships (docs/compact.md):

    python -m benchmarks.design_study.train full --init runs/compact-23-close --seed 0
    python -m benchmarks.design_study.train causal --init runs/compact-23-close --seed 0
    python -m benchmarks.design_study.train one-token --init runs/compact-23-close --seed 0
    python -m benchmarks.design_study.train null-phrase --init runs/compact-23-close --seed 0
    python -m benchmarks.design_study.latency --model compact
    python -m benchmarks.design_study.concept_filter --model compact
    python -m benchmarks.design_study.report

Training can be stopped and started again at any moment; everything lands in runs/design-study. The
report fills the tables of docs/design_study.md and draws its plots.

variants.py   what every arm changes
one_token.py  the alternative to the query bank
start.py      one trained, frozen image side under all arms
train.py      one arm, one seed
questions.py  held-out instructions, and scores of the answers to them
concept_filter.py  concept prompting plus filtering
latency.py    milliseconds against the number of targets
report.py, plots.py, tables.py  what docs/design_study.md shows
"""
