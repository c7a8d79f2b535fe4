"""A headless Chromium for tests, spoken to over its debugging pipe."""

import base64
import json
import os
import shutil
import subprocess
from contextlib import contextmanager

NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium():
    """Path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """One page: opens addresses, evaluates JavaScript, presses keys, takes pictures."""

    def __init__(self, out, back):
        self._out, self._back, self._rest, self._count = out, back, b"", 0
        self.faults = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def _call(self, method, session=None, **parameters):
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                return answer["result"]

    def call(self, method, **parameters):
        return self._call(method, self._session, **parameters)

    def _read(self):
        while b"\0" not in self._rest:
            self._rest += os.read(self._back, 1 << 20)
        first, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(first)
        kind = message.get("method", "")
        if kind == "Runtime.exceptionThrown":
            self.faults.append(message["params"]["exceptionDetails"]["text"])
        elif kind == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.faults.append(message["params"]["entry"]["text"])
        elif kind == "Runtime.consoleAPICalled" and message["params"]["type"] == "error":
            self.faults.append(str(message["params"]["args"]))
        self._last = message
        return message

    def open(self, path):
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.evaluate(
            "new Promise((done) => document.readyState === 'complete' ? done()"
            " : addEventListener('load', () => done()))"
        )

    def evaluate(self, code):
        result = self.call(
            "Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def resize(self, width, height=900):
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, mobile=False,
            deviceScaleFactor=1,
        )  # fmt: skip

    def prefer(self, scheme):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def press(self, key, code=None, text=None):
        keys = {"key": key, "code": code or key, "windowsVirtualKeyCode": {"ArrowLeft": 37,
                "ArrowRight": 39, " ": 32}.get(key, 0)}  # fmt: skip
        if text:
            keys["text"] = text
        self.call("Input.dispatchKeyEvent", type="keyDown", **keys)
        self.call("Input.dispatchKeyEvent", type="keyUp", **keys)

    def picture(self, path, *, whole=True):
        data = self.call("Page.captureScreenshot", captureBeyondViewport=whole, format="png")
        path.write_bytes(base64.b64decode(data["data"]))


@contextmanager
def browser(folder):
    """A page in a fresh Chromium, closed at the end."""
    to_read, to_write = os.pipe()
    back_read, back_write = os.pipe()

    def hand_over():
        # Chromium reads commands from 3 and answers on 4
        os.dup2(to_read, 60)
        os.dup2(back_write, 61)
        os.dup2(60, 3)
        os.dup2(61, 4)

    process = subprocess.Popen(
        [chromium(), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--remote-debugging-pipe", f"--user-data-dir={folder}"],
        close_fds=False, preexec_fn=hand_over, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(to_read)
    os.close(back_write)
    try:
        yield Page(to_write, back_read)
    finally:
        process.kill()
        process.wait()
        os.close(to_write)
        os.close(back_read)
