"""Compiled kernels, cached on disk in a folder that changes whenever any kernel does.

numba's own cache looks at the time stamp of one file, so it misses a change in a kernel called
from another file, and it fails where neither the package nor the home folder can be written.
"""

import functools
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba
from numba.core.compiler_lock import global_compiler_lock

try:
    import fcntl
except ImportError:  # pragma: no cover
    fcntl = None  # type: ignore[assignment]

numba_config: Any = numba.config
_unliteral: Any = numba.types.unliteral
_PACKAGE = Path(__file__).parent
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
"""Permission of anyone but the owner to write."""
PATIENCE = 60.0
"""Seconds to wait for another process that compiles a kernel: it may have been stopped."""
_ASK = 0.02


def _candidates() -> list[Path]:
    """Folders that the user chose or owns, best first."""
    if numba_config.CACHE_DIR:
        return [Path(numba_config.CACHE_DIR)]
    found = []
    if os.environ.get("XDG_CACHE_HOME"):
        found.append(Path(os.environ["XDG_CACHE_HOME"]))
    try:
        found.append(Path.home() / ".cache")
    except RuntimeError:  # no HOME, and no entry for this user
        pass
    return found


def _writable(folder: Path) -> bool:
    """Whether only this user can write there: what numba caches, it later executes."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            found = folder.stat()
            if not hasattr(os, "getuid"):  # Windows keeps what is a user's in other ways
                return True
            return found.st_uid == os.getuid() and not found.st_mode & stat.S_IWOTH
    except OSError:
        return False


def _private(folder: Path, temporary: Path) -> bool:
    """Whether nobody else can put anything into a folder below the temporary one, which all share.

    Whoever can write to a folder can exchange those in it. So each one on the way must be this
    user's alone, and no link; the temporary folder must let nobody rename what is another's.
    """
    try:
        shared = temporary.lstat()
        if shared.st_uid not in (0, os.getuid()) or not (
            shared.st_mode & stat.S_ISVTX or not shared.st_mode & _OTHERS
        ):
            return False
        inside = temporary
        for name in folder.relative_to(temporary).parts:
            inside /= name
            inside.mkdir(mode=0o700, exist_ok=True)
            found = inside.lstat()
            is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
            if not is_ours or found.st_mode & _OTHERS:
                return False
    except OSError:
        return False
    return _writable(folder)


@functools.cache
def cache_folder() -> Path | None:
    """Return the folder of compiled kernels, or None where nothing can be written."""
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(_PACKAGE.rglob("*.py")):
        text = source.read_bytes()
        if b"numba" in text or b"sgdphys.compiling" in text:
            digest.update(text)
    for candidate in _candidates():
        folder = candidate / "sgdphys" / digest.hexdigest()[:16]
        if _writable(folder):
            return folder
    if not hasattr(os, "getuid"):
        return None
    temporary = Path(tempfile.gettempdir()).resolve()
    folder = temporary / f"cache-of-user-{os.getuid()}" / "sgdphys" / digest.hexdigest()[:16]
    return folder if _private(folder, temporary) else None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other process holds the lock file, or for as long as patience lasts."""
    try:
        file = path.open("a")
    except OSError:
        yield
        return
    with file:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_ASK)
            except OSError:  # as on some network file systems
                break
            else:
                break
        yield


def _compiled_once(kernel: Any, folder: Path) -> Any:
    """Let one process compile a kernel; the others wait, and read it from the cache.

    Processes that begin together, such as workers of a sweep or of the tests, otherwise all
    compile the same kernels. A kernel is locked while the kernels that it calls are compiled, never
    the other way round, so that no two processes wait for each other.
    """
    compile_signature = kernel.compile
    path = folder / f"{kernel.py_func.__module__}.{kernel.py_func.__qualname__}.lock"

    def compile_alone(signature: Any) -> Any:
        if fcntl is None or kernel.is_compiling:
            return compile_signature(signature)
        # threads of this process first: one that held the file would wait for the compiler
        with global_compiler_lock, _alone(path):
            return compile_signature(signature)

    kernel.compile = compile_alone
    return kernel


def _of_any_value(kernel: Any) -> Any:
    """Compile a kernel once for all values of a constant that another kernel hands to it.

    numba takes a constant for a type of its own (``Literal[int](0)``), and would compile the
    kernel, and all that it calls, for every one.
    """
    template_of = kernel.get_call_template

    def of_any_value(args: Any, kws: Any) -> Any:
        plain = {name: _unliteral(kind) for name, kind in kws.items()}
        return template_of(tuple(_unliteral(kind) for kind in args), plain)

    kernel.get_call_template = of_any_value
    return kernel


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function of values or arrays into the body of each kernel that calls it.

    A call hands over each array as seven numbers: a fifth of the time of a sample's training.
    """
    return numba.njit(forceinline=True)(function)


def compiled(function: Callable[..., Any], *, reorder_sums: bool = False) -> Any:
    """Compile a function of arrays that makes none: no GIL, cached on disk where that is possible.

    Without arrays of its own a kernel needs no reference counts; counting those of its arguments
    took half the time of a training step.

    Parameters
    ----------
    function : callable
    reorder_sums : bool
        Let sums be taken in any order, so that they vectorise; NaN and infinities keep their sense.
    """
    # no kernel is handed to another one, which is what numba makes C functions of kernels for
    options: dict[str, Any] = {"nogil": True, "_nrt": False, "no_cfunc_wrapper": True}
    if reorder_sums:
        options["fastmath"] = {"reassoc", "contract", "nsz"}
    folder = cache_folder()
    if folder is None:
        return _of_any_value(numba.njit(**options)(function))
    before = numba_config.CACHE_DIR
    numba_config.CACHE_DIR = str(folder)
    try:
        kernel = numba.njit(cache=True, **options)(function)
    finally:
        numba_config.CACHE_DIR = before
    return _compiled_once(_of_any_value(kernel), folder)


def is_compiled(kernel: Any) -> bool:
    """Whether a kernel made by ``compiled`` has anything in the cache."""
    folder = cache_folder()
    name = f"*{kernel.py_func.__module__.rpartition('.')[2]}.{kernel.py_func.__name__}-*"
    return bool(kernel.signatures) or (folder is not None and any(folder.rglob(name)))
