"""A local page on which a catalog can be seen and heard: ``musicfeat listen``.

Needs the extra ``musicfeat[listen]``. The server is in these modules, the page in ``page``.
"""
