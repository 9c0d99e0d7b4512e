"""Headless Chromium for tests, driven over HTTP by chromedriver (W3C
WebDriver), with nothing but Python's own library.

    with Browser(netns="sp1-out", spki=[pin("tls/public.crt")]) as b:
        b.open("file:///.../page.html")
        answer = b.run("return await connect(arguments[0])", "value")

A browser may live in another network namespace than the test: driver and
browser are started there, and so is the socket that asks them. Certificates
of a lab CA are taken by the hash of their key (spki), which holds for pages,
WebSockets and TURN over TLS alike; the lab's CA needs no store then.
"""
import base64
import ctypes
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

CLONE_NEWNET = 0x40000000
START_S = 30


class BrowserError(Exception):
    """The browser or its driver said no; str() is what it said."""


def pin(certificate):
    """Base64 SHA-256 of the public key of a PEM certificate file."""
    key = subprocess.run(
        ["openssl", "x509", "-in", certificate, "-noout", "-pubkey"],
        check=True, capture_output=True).stdout
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "DER"], input=key,
        check=True, capture_output=True).stdout
    digest = subprocess.run(
        ["openssl", "dgst", "-sha256", "-binary"], input=der, check=True,
        capture_output=True).stdout
    return base64.b64encode(digest).decode()


def socket_in(netns):
    """A TCP socket that lives in another network namespace: only the thread
    that makes it goes there."""
    made = []

    def make():
        libc = ctypes.CDLL(None, use_errno=True)
        fd = os.open("/run/netns/" + netns, os.O_RDONLY)
        try:
            if libc.setns(fd, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns " + netns)
            made.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        finally:
            os.close(fd)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if not made:
        raise BrowserError("no socket in namespace " + netns)
    return made[0]


class Connection(http.client.HTTPConnection):
    """To the driver, in its namespace."""

    def __init__(self, port, netns, timeout):
        super().__init__("127.0.0.1", port, timeout=timeout)
        self.netns = netns

    def connect(self):
        if self.netns is None:
            super().connect()
            return
        self.sock = socket_in(self.netns)
        self.sock.settimeout(self.timeout)
        self.sock.connect((self.host, self.port))


class Browser:
    """One Chromium with one window; use it in a with statement."""

    def __init__(self, netns=None, spki=(), arguments=(), language="en",
                 log=None):
        self.netns = netns
        self.session = None
        self.driver = None
        self.log = log
        self.home = tempfile.mkdtemp(prefix="sallyport-browser.")
        self.arguments = [
            "--headless=new", "--no-sandbox", "--disable-gpu",
            "--disable-dev-shm-usage", "--no-first-run", "--mute-audio",
            "--disable-extensions", "--disable-background-networking",
            "--disable-component-update", "--disable-sync",
            "--disable-default-apps", "--lang=" + language,
            # Sound and picture without devices, and nobody to ask.
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            "--autoplay-policy=no-user-gesture-required",
            "--user-data-dir=" + self.home,
        ]
        if spki:
            self.arguments.append("--ignore-certificate-errors-spki-list=" +
                                  ",".join(spki))
        self.arguments += arguments

    def __enter__(self):
        try:
            self._start_driver()
            self._start_browser()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    # ---- life ----------------------------------------------------------

    def _start_driver(self):
        command = ["chromedriver", "--port=0"]
        if self.netns is not None:
            command = ["ip", "netns", "exec", self.netns] + command
        if self.log is not None:
            command += ["--log-path=" + self.log]
        self.driver = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL, start_new_session=True,
            env=dict(os.environ, HOME=self.home))
        self.port = None
        for line in self.driver.stdout:
            found = re.search(rb"successfully on port (\d+)", line)
            if found:
                self.port = int(found.group(1))
                break
        if self.port is None:
            raise BrowserError("chromedriver did not start")

    def _start_browser(self):
        answer = self._ask("POST", "/session", {"capabilities": {
            "alwaysMatch": {
                "goog:chromeOptions": {"args": self.arguments},
                "goog:loggingPrefs": {"browser": "ALL"},
                "timeouts": {"script": 60000, "pageLoad": 30000},
            }}}, timeout=START_S)
        self.session = "/session/" + answer["sessionId"]

    def close(self):
        """Ends browser and driver, whatever state they are in."""
        if self.session is not None:
            try:
                self._ask("DELETE", self.session, timeout=5)
            except (BrowserError, OSError, http.client.HTTPException):
                pass
            self.session = None
        if self.driver is not None:
            # The driver's whole session: its browser's children too.
            try:
                os.killpg(self.driver.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.driver.wait()
            self.driver.stdout.close()
            self.driver = None
        shutil.rmtree(self.home, ignore_errors=True)

    # ---- asking --------------------------------------------------------

    def _ask(self, method, path, body=None, timeout=90):
        connection = Connection(self.port, self.netns, timeout)
        try:
            connection.request(
                method, path,
                None if body is None else json.dumps(body),
                {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise BrowserError("%s: %s" % (value["error"],
                                           value.get("message", "")))
        return value

    def open(self, url):
        """Load a page; returns when it is there."""
        self._ask("POST", self.session + "/url", {"url": url})

    def run(self, script, *arguments):
        """The body of an async function; its result, or BrowserError with
        what it threw."""
        wrapped = """
const done = arguments[arguments.length - 1];
(async function() { %s }).apply(null, arguments).then(
  v => done({value: v === undefined ? null : v}),
  e => done({thrown: String(e && e.stack || e)}));""" % script
        answer = self._ask("POST", self.session + "/execute/async", {
            "script": wrapped, "args": list(arguments)})
        if "thrown" in answer:
            raise BrowserError(answer["thrown"])
        return answer["value"]

    def wait(self, seconds, what, script, *arguments):
        """Until the script gives something true, which is returned."""
        end = time.monotonic() + seconds
        while True:
            value = self.run(script, *arguments)
            if value:
                return value
            if time.monotonic() > end:
                raise BrowserError("waited in vain for %s (last: %r)" %
                                   (what, value))
            time.sleep(0.2)

    def console(self):
        """What the page wrote to its console so far."""
        rows = self._ask("POST", self.session + "/se/log",
                         {"type": "browser"})
        return [row["message"] for row in rows]
