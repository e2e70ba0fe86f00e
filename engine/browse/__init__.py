"""What fills the list of scans: indexing of files and folders, and the pictures shown beside each scan.

Runs off the window's thread on a store of its own; a command line could call it just as well.
"""

from engine.browse.indexing import Indexed, index_demo, index_into
from engine.browse.slide_areas import list_area, slide_of
from engine.browse.thumbnails import THUMBNAIL_PIXELS, make_thumbnail

__all__ = ["THUMBNAIL_PIXELS", "Indexed", "index_demo", "index_into", "list_area", "make_thumbnail", "slide_of"]
