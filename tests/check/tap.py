"""Test Anything Protocol, as automake's driver reads it."""
import sys

_failed = []
_count = 0


def check(name, problems):
    """One test: passes when there are no problems, else lists them."""
    global _count
    _count += 1
    print("%s %d - %s" % ("not ok" if problems else "ok", _count, name))
    for problem in problems:
        print("# " + problem)
    if problems:
        _failed.append(name)


def skip(name, missing):
    global _count
    _count += 1
    print("ok %d - %s # SKIP %s" % (_count, name, missing))


def finish():
    print("1..%d" % _count)
    sys.stdout.flush()
    sys.exit(1 if _failed else 0)
