"""Draws again with the Python that docs/formats/draw.md prints, and nothing of ours.

usage: draw_check.py RECORD...      exit 0 only if every record holds
"""

import json
import pathlib
import sys

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "formats" / "draw.md"
LINES_MAX = 20


def printed_code():
    blocks = PAGE.read_text(encoding="utf-8").split("```python\n")[1:]
    assert len(blocks) == 1, "the page must print exactly one program"
    code = blocks[0].split("```")[0]
    assert len(code.strip().splitlines()) <= LINES_MAX, "the program has grown beyond its promise"
    return code


def main(paths):
    names = {}
    exec(compile(printed_code(), str(PAGE), "exec"), names)
    wrong = 0
    for path in paths:
        record = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        again = names["draw"](record["doc"], record["reveals"], record["public_value"])
        holds = again == record["result"]
        wrong += not holds
        print(f"{'holds' if holds else 'DIFFERS'} {path}")
    return 1 if wrong or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
