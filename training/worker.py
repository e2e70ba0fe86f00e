"""One process of a launched training: `medrega train` without the launcher. Errors end it with one line."""

from __future__ import annotations

import logging
import sys

from engine.cli.output import printable
from engine.errors import MedRegAError
from engine.progress import Cancelled
from training.cli_train import train


def main() -> int:
    """Run; 0 done, 1 could not (it has said why), 3 interrupted with a checkpoint."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        train(standalone_mode=False)
    except MedRegAError as error:
        sys.stderr.write(f"medrega: {printable(error)}\n")
        return 1
    except Cancelled:
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
