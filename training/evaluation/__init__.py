"""Scoring of instruction segmentation: metrics, the Inst2Seg benchmark form, reports."""

from instructsam_ros.training.evaluation.metrics import (
    CaseScore,
    InstructionCase,
    Metrics,
    Prediction,
    evaluate_predictions,
    score_case,
    summarise,
)

__all__ = [
    "CaseScore",
    "InstructionCase",
    "Metrics",
    "Prediction",
    "evaluate_predictions",
    "score_case",
    "summarise",
]
