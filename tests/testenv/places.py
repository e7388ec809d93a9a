"""Where things are: the sources, the build to test, and short directories for sockets."""
import atexit
import os
import pathlib
import shutil
import tempfile

TESTS = pathlib.Path(__file__).resolve().parent.parent
TOP = TESTS.parent


def build(environment="TOLLGATE_BUILD"):
    """The build directory that TOLLGATE_BUILD names, else build-asan beside the sources, else in place."""
    named = os.environ.get(environment)
    if named:
        return pathlib.Path(named).resolve()
    beside = TOP / "build-asan"
    return beside if beside.is_dir() else TOP


WITHOUT_TLS = "this build has no rediss://"


def built_with_redis_tls():
    """Whether hiredis had TLS at configure time; what a program without it says stands in the program."""
    program = build() / "tollgate"
    return program.exists() and WITHOUT_TLS.encode() not in program.read_bytes()


def plain_build():
    """A build without sanitizers, for load; TOLLGATE_BUILD_PLAIN, else the same as all others."""
    return build("TOLLGATE_BUILD_PLAIN") if "TOLLGATE_BUILD_PLAIN" in os.environ else build()


def sanitized(build):
    """Whether the sanitizers are in this build: they take the place of hardening, and of peace."""
    return b"__asan_init" in (build / "tollgate-access").read_bytes()


def directory():
    """Short: the path of a unix socket has at most 107 bytes. Removed when the run ends."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="tollgate-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path
