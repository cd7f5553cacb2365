"""Typed failures. "No target" is an answer (see types.Status), never an error."""


class InstructSamError(Exception):
    """Base class of every error this package raises on purpose."""


class InvalidInputError(InstructSamError, ValueError):
    """An image, depth map, camera model or instruction that cannot be used as given."""


class ConfigError(InstructSamError, ValueError):
    """A configuration file or parameter that does not validate."""


class CheckpointError(InstructSamError):
    """Weights that are missing, corrupt, gated or do not fit the model."""


class DivergedError(InstructSamError):
    """A training whose loss or gradients are no numbers any more."""


class CancelledError(InstructSamError):
    """The caller cancelled before the answer was complete."""


class MissingDependencyError(InstructSamError, ImportError):
    """An optional package is missing; the message names how to install it."""


class ChatError(InstructSamError):
    """A chat model that refuses, fails, does not answer in time, or does not keep to the form it was told."""


class BudgetError(InstructSamError):
    """Calls, seconds or tokens that were used up before there was an answer."""
