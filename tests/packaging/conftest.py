"""The set-up scripts are not a package: they find each other in their own folder, and so do these tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "packaging"))
