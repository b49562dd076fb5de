"""How the plugin speaks: into parsl.log, and to the user's terminal where it would hurt not to know.

The logger is a child of Parsl's, because that is the one whose records go into the run directory.
"""
from __future__ import annotations

import logging
import sys

logger = logging.getLogger('parsl.otel')


def say(text: str) -> None:
    """A warning that must be seen: log and standard error."""
    logger.warning(text)
    try:
        print(f'parsl-otel: {text}', file=sys.stderr, flush=True)
    except (OSError, ValueError, AttributeError):
        pass  # No terminal to speak to; the log has it.
