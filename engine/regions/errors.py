"""What goes wrong with regions."""

from engine.errors import MedRegAError


class RegionError(MedRegAError):
    """A region that cannot be: not finite, empty, or outside its image."""
