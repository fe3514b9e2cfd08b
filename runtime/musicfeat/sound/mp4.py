"""MP4 files joined end to end, of which decoders read only one."""

from __future__ import annotations

from musicfeat.errors import AudioError
from musicfeat.sound.arguments import Source


def check_single(source: Source) -> None:
    """Raise AudioError if a file is an MP4 with several indices, one for each of the recordings joined in it.

    ISO/IEC 14496-12, section 4.2: a file is a chain of boxes, each with its size and name in front.
    """
    indices, place, size = 0, 0, source.size
    with source.open() as file:
        while place + 8 <= size:
            file.seek(place)
            head = file.read(16)
            name, length = head[4:8], int.from_bytes(head[:4])
            if (place == 0 and name != b"ftyp") or name == b"moof":  # fragments may repeat the index
                return
            length = int.from_bytes(head[8:]) if length == 1 else length
            if length < 8:
                break
            indices, place = indices + (name == b"moov"), place + length
    if indices > 1:
        raise AudioError(
            f"{source} holds {indices} recordings joined end to end, of which only one can be decoded: split it"
        )
