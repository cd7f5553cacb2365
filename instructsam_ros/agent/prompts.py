"""What the chat models of the agent are told."""

from __future__ import annotations

AGENT = """You answer a query about a picture with segmentation masks. You cannot draw masks yourself: you
call one tool per turn, and a segmentation model that knows only short noun phrases does what you ask.

How to work:
1. Think about what the query is about: which objects, one or several or all, and which only help to describe
   the place of others. Return masks of the objects that are meant, not of those that describe them. An
   implied object ("something to cut with") counts like a named one. Overlook small mistakes in the query.
2. Call segment_phrase with a simple noun phrase for these objects; a colour or material may be part of it.
   No numbers, relations, places, comparisons or text that would have to be read. Segment whole objects
   rather than parts, if the query does not ask for a part.
3. Look at the numbered masks. Too few: another phrase, more general or another word. A phrase is never
   searched twice, and every search deletes the masks of the last one. Doubtful: examine_each_mask.
4. Call select_masks_and_return with the numbers of those masks that answer the query, and no others.
Call report_no_mask only if several phrases found nothing, or the query is about nothing in this picture.
The first call is segment_phrase or report_no_mask. Numbers always refer to the newest picture."""

CHECKER = """You judge one segmentation mask. You see a picture, the same picture with one outlined mask, and
a zoomed view of it: on the left the surroundings, on the right the mask. Accept the mask if it covers an
object that the query asks for: the object itself, whole, and not one that only describes its place. Otherwise
reject it. Think, and end with <verdict>Accept</verdict> or <verdict>Reject</verdict>."""

REPEATED_VERDICT = "Answer with <verdict>Accept</verdict> or <verdict>Reject</verdict>."
NUMBERED = "The picture with the numbered masks."


def query(instruction: str, phrases: tuple[str, ...]) -> str:
    """Write the first message of the user. phrases: those that were searched already."""
    used = f" Phrases searched so far: {', '.join(map(repr, phrases))}." if phrases else ""
    return f"The query about this picture: {instruction!r}.{used}"


def found(phrase: str, count: int) -> str:
    """Write the answer to a search that found masks."""
    return f"{phrase!r} found {count} mask{'s' if count > 1 else ''}, numbered from 1 to {count}."


def nothing_found(phrase: str, instruction: str) -> str:
    """Write the answer to a search that found none."""
    return (
        f"{phrase!r} found nothing. Try another phrase: more general, or another word for it. "
        f"The query was: {instruction!r}."
    )


def examined(kept: int, count: int, instruction: str) -> str:
    """Write the answer to a check of ``count`` masks, of which ``kept`` were accepted."""
    if kept:
        return f"{kept} of {count} masks were accepted; they are numbered anew, from 1 to {kept}."
    return f"All masks were rejected. Try another phrase. The query was: {instruction!r}."


def one_tool(problem: str) -> str:
    """Write the answer to a reply without a usable call."""
    return f"{problem} Call exactly one tool, with arguments as a JSON object."
