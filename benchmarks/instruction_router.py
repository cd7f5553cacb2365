"""Accuracy of the router of SAM3-I on held-out wordings, and its training.

    python -m benchmarks.instruction_router
    python -m benchmarks.instruction_router --write

Trains on instructions about the sample views in training wordings and prints the accuracy on those that use a
held-out wording, by route, and on the sentences below, which are not of the grammar. --write replaces the
weights in the package.
"""

from __future__ import annotations

import argparse

from benchmarks.command import positive_int, run
from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.models.sam3i.router import WEIGHTS, RouteName, Router
from instructsam_ros.paths import DATA
from instructsam_ros.training.instruction_router import Example, accuracy, examples, train

_TEXTS: tuple[tuple[RouteName, str], ...] = (
    (
        "concept",
        """mug; red mug; kitchen scissors; the screwdriver; a yellow rubber duck; all the chairs; people;
            traffic light; every wooden spoon; car wheel; the blue toolboxes; dogs; striped cat;
            laptop keyboard; the man's hat""",
    ),
    (
        "simple",
        """the screwdriver left of the hammer; pick up the red mug on the table;
            the second chair from the left; the dog lying next to the sofa; give me the largest wrench;
            the woman wearing a green jacket; grab the bolt that is closest to the drill;
            the books on the upper shelf; which cup is behind the laptop?; every chair except the black one;
            the cat under the bench; put the toy car beside the lamp away;
            the pillow in the corner of the sofa; show me the bottles in front of the fridge;
            the two plates nearest the sink""",
    ),
    (
        "complex",
        """something to tighten a screw with; what can I use to open this letter?;
            the thing that keeps my coffee warm; I need to hammer in a nail, what should I take?;
            what would protect me from the rain?; find something a child could play with;
            it is getting dark and I want to read; which object could hold a bunch of flowers?;
            something I can sit on; what do I need in order to cut paper?; the tool used to measure length;
            I am hungry, what can I eat?; where could I put my wet umbrella?;
            show me what I can write a note with; give me whatever helps to wipe up the spilled milk""",
    ),
)
OTHER_SENTENCES = tuple(
    Example(" ".join(text.split()), route, True) for route, texts in _TEXTS for text in texts.split(";")
)
"""The rules were written with these in view, so they say little about sentences to come."""


LATER_SENTENCES = (
    Example("toolbox", "concept", True),
    Example("a wooden ladder", "concept", True),
    Example("green apples", "concept", True),
    Example("the coffee machine", "concept", True),
    Example("every traffic cone", "concept", True),
    Example("fire extinguisher", "concept", True),
    Example("the boy's shoes", "concept", True),
    Example("all cables", "concept", True),
    Example("the chair facing the window", "simple", True),
    Example("grab the pen lying across the notebook", "simple", True),
    Example("the tallest tree", "simple", True),
    Example("the second door on the right", "simple", True),
    Example("the cup that has a handle", "simple", True),
    Example("remove the box stacked above the printer", "simple", True),
    Example("bring the bag from the shelf", "simple", True),
    Example("the person riding the bicycle", "simple", True),
    Example("what would you use to open a bottle?", "complex", True),
    Example("I want to wash my hands", "complex", True),
    Example("something to cover the pot with", "complex", True),
    Example("the object that tells the time", "complex", True),
    Example("it is cold, I need something warm to wear", "complex", True),
    Example("which item is good for drawing?", "complex", True),
    Example("find me a place to sit", "complex", True),
    Example("what can put out a fire?", "complex", True),
)
"""Written after the rules, and not used to change them."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=positive_int, default=10, help="40 instructions each per view")
    parser.add_argument("--write", action="store_true", help=f"replace {WEIGHTS.name} in the package")
    args = parser.parse_args()
    router = train(examples(DATA / "scenes", "train", args.rounds))
    if args.write:
        write_atomic(WEIGHTS, router.to_json().encode())
        router = Router.from_json(WEIGHTS.read_text(encoding="utf-8"))
    held_out = [e for e in examples(DATA / "scenes", "heldout", 4 * args.rounds) if e.held_out]
    tables = (
        ("held-out wordings", held_out),
        ("other sentences", OTHER_SENTENCES),
        ("later sentences", LATER_SENTENCES),
    )
    for name, corpus in tables:
        shares = ", ".join(f"{route} {share:.3f}" for route, share in accuracy(router, corpus).items())
        print(f"{name} ({len(corpus)}): {shares}")


if __name__ == "__main__":
    run(main)
