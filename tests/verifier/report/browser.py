"""Debian's Chromium, driven headless over the W3C protocol of its own chromedriver: no library."""

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from contextlib import contextmanager, suppress

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # Any look-up by name fails: a page that needs the network is found out.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


class Browser:
    """One session; everything is asked of the driver on its own port."""

    def __init__(self, port, folder):
        self.root = f"http://127.0.0.1:{port}"
        options = {"binary": CHROMIUM, "args": [*FLAGS, f"--user-data-dir={folder}"]}
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = f"/session/{answer['sessionId']}"

    def _call(self, method, path, content=None):
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self.root + path, data, method=method)
        # No proxy: the driver is on this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=90) as response:
            return json.load(response)["value"]

    def open(self, path):
        """Open a page and wait until its pictures are drawn."""
        self._call("POST", f"{self.session}/url", {"url": path.resolve().as_uri()})
        end = time.monotonic() + 60
        while not self.run("return document.documentElement.dataset.drawn"):
            assert time.monotonic() < end, "the pictures are not drawn"
            time.sleep(0.02)

    def run(self, script, *arguments):
        """Run the body of a function in the page and return its value."""
        content = {"script": script, "args": list(arguments)}
        return self._call("POST", f"{self.session}/execute/sync", content)

    def devtools(self, command, **parameters):
        content = {"cmd": command, "params": parameters}
        return self._call("POST", f"{self.session}/goog/cdp/execute", content)

    def resize(self, width, height=900, *, mobile=False):
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )

    def prefer(self, scheme):
        """Pretend that the system is set to `dark` or `light`."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.devtools("Emulation.setEmulatedMedia", features=features)

    def console(self):
        """Return what the console has said since the last time."""
        return self._call("POST", f"{self.session}/se/log", {"type": "browser"})

    def screenshot(self, path, *, whole=False):
        taken = self.devtools("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(taken["data"]))

    def pdf(self, path):
        printed = self.devtools("Page.printToPDF", preferCSSPageSize=True)
        path.write_bytes(base64.b64decode(printed["data"]))

    def quit(self):
        with suppress(OSError):
            self._call("DELETE", self.session)


@contextmanager
def browsing():
    """Yield a browser of our own, and end it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        driver = subprocess.Popen(
            [DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            lines = iter(driver.stdout.readline, "")
            port = next(
                m[1] for line in lines if (m := re.search(r"successfully on port (\d+)", line))
            )
            browser = Browser(int(port), folder)
            try:
                yield browser
            finally:
                browser.quit()
        finally:
            driver.terminate()
            driver.wait(timeout=20)
            driver.stdout.close()
