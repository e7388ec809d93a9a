"""What the benchmarks have in common: a run of wrk, and the nginx text that they ask."""
import pathlib
import re
import subprocess
import sys

GATE = """
    location = /gate {
        fastcgi_pass_request_headers off;
        fastcgi_param REQUEST_METHOD GET;
        fastcgi_param HTTP_AUTHORIZATION $http_authorization;
        fastcgi_param TOLLGATE_USER $arg_user;
        fastcgi_param TOLLGATE_REQUIRE plan:basic;
        fastcgi_param TOLLGATE_REQUEST_ID $request_id;
        fastcgi_keep_conn on;
        fastcgi_pass tollgate_access;
    }
"""
LATENCY = re.compile(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s)$", re.M)
MILLISECONDS = {"us": 0.001, "ms": 1, "s": 1000}


def wrk(url, seconds, *options, connections=16):
    """Requests per second, and the latencies at 50 and 99 % in ms. No answer may be an error."""
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *options, url]
    out = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"{url} had errors:\n{out}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
    return rate, *(float(n) * MILLISECONDS[unit] for _, n, unit in LATENCY.findall(out))


def resident_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1))
