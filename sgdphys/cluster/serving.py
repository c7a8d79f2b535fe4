"""A worker process: it executes the tasks it receives and ends with the process that began it.

It is run as a file, with the numbers of its connection and of the other process and, as JSON, the
folders to import from. The package comes from where the other process has it, whatever those
folders hold.
"""

import importlib.util
import json
import os
import pickle
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]
TOLD, DONE, FAILED = "told", "done", "failed"
"""What a message is: something told, a result, or an exception."""


def serve(connection: Connection) -> None:
    """Execute received tasks and send what they tell, then their result or the exception raised."""

    def tell(what: Any) -> None:
        _send(connection, TOLD, what)

    while True:
        try:
            sent = connection.recv_bytes()
        except EOFError:
            return
        try:
            do, arguments = pickle.loads(sent)
            result = do(*arguments, tell)
        except Exception as error:
            error.add_note(traceback.format_exc())
            _send(connection, FAILED, error)
        else:
            _send(connection, DONE, result)


def _send(connection: Connection, kind: str, what: Any) -> None:
    try:
        connection.send((kind, what))
    except OSError:  # the other process has ended
        os._exit(1)
    except Exception:  # an exception that cannot be pickled
        connection.send((FAILED, RuntimeError(f"{type(what).__name__}: {what}")))


def _end_with_the_other() -> None:
    """End as soon as the other process has ended: its end of the pipe is then closed."""
    while os.read(0, 1):
        pass
    os._exit(1)


def _load_package() -> None:
    spec = importlib.util.spec_from_file_location(
        PACKAGE.name, PACKAGE / "__init__.py", submodule_search_locations=[str(PACKAGE)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE.name] = module
    spec.loader.exec_module(module)


def _main(number: str, parent: str, folders: str) -> None:
    threading.Thread(target=_end_with_the_other, daemon=True).start()
    connection = Connection(int(number))
    sys.path[:] = json.loads(folders)
    try:
        _load_package()
        from sgdphys.supervision import end_with

        end_with(int(parent))
    except Exception as error:
        _send(connection, FAILED, f"{type(error).__name__}: {error}")
        return
    _send(connection, DONE, None)
    serve(connection)


if __name__ == "__main__":
    _main(*sys.argv[1:])
