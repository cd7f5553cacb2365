"""Scoring of instruction segmentation: metrics, protocols, reports."""
