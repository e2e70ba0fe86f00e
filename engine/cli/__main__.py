"""``python -m engine.cli`` is `medrega`, for a window that starts it with its own interpreter."""

from __future__ import annotations

from engine.cli import main

if __name__ == "__main__":
    main(prog_name="medrega")
