"""Agent that answers an instruction by calling a segmenter for short phrases and looking at the masks.

A chat model sees the picture, calls one of four tools (``tools``) per turn, and sees what came of it
(``episode``); it may have every mask checked on its own, zoomed (``checker``).
"""
