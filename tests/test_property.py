"""A few hundred random histories end equal to Stripe; tests/property runs as many as asked."""
import subprocess
import sys

from testenv import places

HISTORIES, SEED = 300, 1


def test_random_histories_end_equal_to_stripe():
    done = subprocess.run([sys.executable, places.TESTS / "property", "--histories", str(HISTORIES),
                           "--seed", str(SEED)], text=True, capture_output=True, timeout=600)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    assert f"histories: {HISTORIES} run, 0 mismatched" in done.stdout
