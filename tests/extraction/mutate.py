"""A batch of mutated samples, read by one process under the limits of a parser process; each outcome is a line.

``python -m tests.extraction.mutate <type> <count> <first> <seed>``: type, count and seed make the same files every
time.
"""

from __future__ import annotations

import io
import random
import sys

from docplatform.extraction import worker
from docplatform.extraction.file_signatures import recognise
from docplatform.extraction.model import ExtractionLimits, FileType
from docplatform.extraction.resource_limits import apply_limits
from tests.extraction import samples as files


def mutated(sample: bytes, chance: random.Random) -> bytes:
    """Bytes changed, cut out, doubled or filled: a few places, anywhere."""
    data = bytearray(sample)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(data))
        match chance.randrange(5):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"9999"))
            case 2:
                del data[at : at + chance.randrange(1, 64)]
            case 3:
                data[at:at] = data[at : at + chance.randrange(1, 256)]
            case _:
                data[at] = chance.randrange(256)
        if not data:
            return b"\0"
    return bytes(data)


def batch(file_type: FileType, count: int, seed: int) -> list[bytes]:
    chance = random.Random(f"mutations of {file_type} {seed}")
    sample = files.sample(file_type).content
    return [mutated(sample, chance) for _ in range(count)]


def main() -> None:
    file_type, count, first = FileType(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    inputs = batch(file_type, count, int(sys.argv[4]))
    limits = ExtractionLimits(seconds=5)
    engines = {name: worker.prepare(name, "preview") for name in (file_type.value, "zip", "ole2")}
    apply_limits(seconds=600, memory=limits.memory)
    for number, data in enumerate(inputs[first:], first):
        for operation in ("inspect", "text", "preview"):
            kind = recognise(data)
            engine = kind.value if operation == "inspect" and kind.value in engines else file_type.value
            header, _ = worker.run(*engines[engine], operation, io.BytesIO(data), limits, engine)
            outcome = "fault" if "fault" in header else header.get("problem", "read")
            print(number, operation, outcome, header.get("fault", header.get("cause", "")), sep="\t", flush=True)


if __name__ == "__main__":
    main()
