"""Messages between us and the process that a library runs in: a header in JSON, then bytes."""

import json
import struct
from typing import Any

HEAD = struct.Struct("<IQ")  # how long the header is, and what follows it


def frame(header: dict[str, Any], payload: bytes = b"") -> bytes:
    """A message as bytes."""
    text = json.dumps(header).encode()
    return HEAD.pack(len(text), len(payload)) + text + payload


def length(data: bytes | bytearray) -> int | None:
    """How long the message at the beginning of the data is; None while that is not known or it is not all there."""
    if len(data) < HEAD.size:
        return None
    whole = HEAD.size + sum(HEAD.unpack_from(data))
    return whole if len(data) >= whole else None


def unframed(message: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and payload of a message.

    >>> unframed(frame({"op": "call"}, b"abc"))
    ({'op': 'call'}, b'abc')
    """
    size, _ = HEAD.unpack_from(message)
    return json.loads(message[HEAD.size : HEAD.size + size]), message[HEAD.size + size :]
