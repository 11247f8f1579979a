"""`cdp`, and `python -m cdp`."""

from __future__ import annotations

import sys
import traceback
from types import TracebackType

from cdp.cli.main import run


def main() -> None:
    sys.excepthook = _told
    sys.exit(run(sys.argv[1:]))


def _told(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """An error that nobody foresaw: where it came from, without its text, which may name a person."""
    traceback.print_tb(where)
    print(f"{kind.__qualname__} (its text may be personal, and is left out)", file=sys.stderr)
    before = error.__cause__ or error.__context__
    while before is not None:
        print(f"after {type(before).__qualname__}", file=sys.stderr)
        before = before.__cause__ or before.__context__


if __name__ == "__main__":
    main()
