"""The two ends of a running webconf-edge, for tests that do everything wrong:
clients outside, conferencing servers inside, on the edge's own host, where
both sides can be reached. Arguments of the program: TLS-FOLDER EDGE-PID
CASE...; run(globals()) calls case_CASE of each.
"""
import http.client
import json
import os
import socket
import sys
import time

import wce

OUT, IN = "198.51.100.20", "10.0.0.10"
URI = "sip:board@contoso.test"
NAME = "webcon.contoso.test"
TLS, PID = sys.argv[1], int(sys.argv[2])
CA_IN, CA_OUT = TLS + "/internal-ca.crt", TLS + "/external-ca.crt"
KEY = wce.Key(os.environ.get("TMPDIR", "/tmp"))


def server(cert="fe", **more):
    return wce.Server("%s/%s" % (TLS, cert), CA_IN, IN, KEY, **more)


def registered(cert="fe", **more):
    s = server(cert, **more)
    assert isinstance(s.register(), dict)
    return s


def client(local=None):
    return wce.client_tls(CA_OUT, NAME, OUT, 443, local)


def ticket(s, **more):
    return wce.ticket(KEY, s.ident, more.pop("uri", URI),
                      more.pop("audience", NAME), **more)


def ask(tick, uri=URI, extra=b""):
    c = client()
    c.send(wce.hello(tick, uri, extra))
    return c


def joined(s, slot=None, early=b""):
    """A client and the slot it is joined to."""
    slot = slot or s.slot()
    c = client()
    c.send(wce.hello(ticket(s), URI), early)
    pair = s.take(slot)
    s.accept(slot, pair)
    kind, payload = c.frame()
    assert kind == 2, kind
    assert wce.fields(payload)[0x10] == pair[0x10]
    return c, slot


def expect(what, got, wanted):
    assert got == wanted, "%s: %r, not %r" % (what, got, wanted)


def is_silent(peer, seconds=0.3):
    peer.sock.settimeout(seconds)
    try:
        return peer.frame() is None  # PING is answered inside
    except socket.timeout:
        return True
    finally:
        peer.sock.settimeout(10)


def rss():
    with open("/proc/%d/statm" % PID) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def said(trunk, channel, n):
    """n bytes of data on this channel and no other."""
    data = b""
    while len(data) < n:
        kind, at, payload = trunk.on_channel()
        if kind == 0x23:
            continue
        assert (kind, at) == (0x22, channel), (kind, at, channel)
        data += payload
    return data


def on_trunk(s, trunk, credit=262144, early=b""):
    """A client and the channel it is joined to."""
    c = client()
    c.send(wce.hello(ticket(s), URI), early)
    channel, _ = s.opened(trunk)
    s.answer(trunk, channel, credit)
    expect("CLIENT_OK", c.frame()[0], 2)
    return c, channel


class Bus(http.client.HTTPConnection):
    """The daemon's control bus; RUN names its folder."""

    def __init__(self, admin):
        super().__init__("edge", timeout=10)
        self.path = "%s/webconf-edge%s.sock" % (os.environ["RUN"],
                                                ".admin" if admin else "")

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def bus(path, body=None):
    """The answer to GET, or with a body to POST; it must be a good one."""
    connection = Bus(body is not None)
    connection.request("GET" if body is None else "POST", path,
                       None if body is None else json.dumps(body))
    answer = connection.getresponse()
    data = json.loads(answer.read())
    connection.close()
    assert answer.status == 200, (path, answer.status, data)
    return data


def descriptors():
    return len(os.listdir("/proc/%d/fd" % PID))


def run(cases):
    for name in sys.argv[3:]:
        begin = time.time()
        cases["case_" + name]()
        if name != "idle_relay":
            print("ok %s (%.1f s)" % (name, time.time() - begin), flush=True)
