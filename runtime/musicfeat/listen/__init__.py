"""A local page to see and hear a catalog: ``musicfeat listen``.

Needs the extra ``musicfeat[listen]``. The server is in these modules, the page in ``page``.
"""
