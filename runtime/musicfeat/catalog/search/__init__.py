"""Search in a catalog: tracks that sound alike, and duplicates.

from musicfeat.catalog.search import Searcher, duplicates
"""

from musicfeat.catalog.search.duplicates import Copy, duplicates
from musicfeat.catalog.search.searcher import Hit, Searcher, search

__all__ = ["Copy", "Hit", "Searcher", "duplicates", "search"]
