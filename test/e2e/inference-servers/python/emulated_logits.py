"""The answer of the project's emulator in Python: a real server that runs it has to answer exactly the same."""

import hashlib
import json
import struct


def _json(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def logits(model, version, name, datatype, rows):
    """Two numbers for every row: hash of model, version and the row, as two big-endian 16-bit fractions."""
    answer = []
    for row in rows:
        digest = hashlib.sha256(_json([model, version]) + _json([name, datatype, row])).digest()
        answer.append([part / 32768 for part in struct.unpack(">hh", digest[:4])])
    return answer
