"""Rendered RGB-D scenes, and instructions about them with exact answers. See docs/scenes.md."""
