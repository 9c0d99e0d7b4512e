#!/usr/bin/env python3
"""Everything that clients and servers of webconf-edge may do wrong, against
a running edge; usage: see webconf_lab.py.
"""
import os
import random
import socket
import ssl
import struct
import sys
import time

import wce
from webconf_lab import (CA_IN, IN, KEY, NAME, OUT, TLS, URI, ask, client,
                         expect, is_silent, joined, registered, rss, run,
                         server, ticket)


# ---- B9.1, B9.2 ------------------------------------------------------------

def case_who_speaks_first():
    s = wce.dial(IN, 8057)
    s.settimeout(1)
    expect("first bytes inside", s.recv(2), b"\x16\x03")
    s.close()
    s = wce.dial(OUT, 443)
    begin = time.time()
    s.settimeout(10)
    expect("silent client", s.recv(1), b"")
    assert time.time() - begin < 10
    for first in (b"GET / HTTP/1.1\r\n\r\n", b"\x80\x2e\x02", b"\x00"):
        s = wce.dial(IN, 8057)
        s.sendall(first)
        expect("no TLS inside", wce.Peer(s).is_closed(3), True)


def case_certificates():
    for role in ("client", "server"):
        for cert in (None, "forged", "stranger"):
            if role == "server" and cert is None:
                continue
            s = wce.Server(cert and "%s/%s" % (TLS, cert), CA_IN, IN, KEY,
                           role=role)
            try:
                got = s.register()
            except (OSError, EOFError):
                got = "closed"
            assert got in ("closed", wce.CODES["untrusted"]), (role, cert, got)
        s = registered(role=role)
        slot = s.slot()
        c, slot = joined(s, slot)
        c.send(b"hello")
        expect("bytes, role " + role, slot.raw(5), b"hello")
        c.close()
        s.control.close()
        time.sleep(0.1)


# ---- B9.3 ------------------------------------------------------------------

def case_tickets():
    s = registered()
    slot = s.slot()
    good = ticket(s)
    asked = []
    for i in range(len(good)):
        bad = bytearray(good)
        bad[i] ^= 1 << (i % 8)
        asked.append(ask(bytes(bad)))
    for i, c in enumerate(asked):
        # A flipped id of the server leads to nobody.
        wanted = (wce.CODES["server"],) if 40 <= i < 56 else \
            (wce.CODES["ticket"],)
        if i in (124, 125):  # length of the audience
            wanted = (wce.CODES["ticket"], wce.CODES["malformed"])
        got = c.code()
        c.close()
        assert got in wanted, (i, got)
    other = wce.Key("/tmp", KEY.number)
    rows = {
        "another audience": ticket(s, audience="webcon.fabrikam.test"),
        "expired": ticket(s, life=(-300, -100)),
        "not yet good": ticket(s, life=(200, 300)),
        "too long": ticket(s, life=(0, 28801)),
        "another meeting": ticket(s, uri="sip:other@contoso.test"),
        "another key": wce.ticket(other, s.ident, URI, NAME),
    }
    for what, tick in rows.items():
        expect(what, ask(tick).code(), wce.CODES["ticket"])
    expect("nobody's", ask(wce.ticket(KEY, bytes(16), URI, NAME)).code(),
           wce.CODES["server"])
    ident = os.urandom(16)
    s.control.send(wce.frame(0x17, wce.tlv(0x62, ident)))
    time.sleep(0.1)
    expect("revoked", ask(ticket(s, ident=ident)).code(), wce.CODES["ticket"])
    expect("the slot heard nothing", is_silent(slot), True)
    c = ask(good)
    s.accept(slot, s.take(slot))
    expect("the good one", c.frame()[0], 2)
    expect("replay", ask(good).code(), wce.CODES["ticket"])
    # In capitals it is the same meeting.
    slot = s.slot()
    c = ask(ticket(s), URI.upper())
    s.accept(slot, s.take(slot))
    expect("in capitals", c.frame()[0], 2)


def case_openings():
    s = registered()
    tick = ticket(s)
    rows = {
        "HTTP": (b"GET / HTTP/1.1\r\n\r\n", "malformed"),
        "another version": (wce.frame(1, b"", version=2), "version"),
        "another frame": (wce.frame(0x10, b""), "malformed"),
        "a channel": (wce.frame(1, wce.hello(tick, URI)[12:], channel=1),
                      "malformed"),
        "too long": (b"WE\x01\x01\0\0\0\0\0\0\x10\x01", "malformed"),
        "huge": (b"WE\x01\x01\0\0\0\0\xff\xff\xff\xff", "malformed"),
        "a field twice": (wce.hello(tick, URI, wce.tlv(1, tick)),
                          "malformed"),
        "an unknown field": (wce.hello(tick, URI, wce.tlv(0x7fff, b"")),
                             "malformed"),
        "nothing": (wce.frame(1), "malformed"),
    }
    for what, (data, code) in rows.items():
        c = client()
        c.send(data)
        expect(what, c.code(), wce.CODES[code])
        expect(what + ": closed", c.is_closed(), True)
    slot = s.slot()
    c = ask(tick, URI, wce.tlv(0x8001, b"of the future"))
    s.accept(slot, s.take(slot))
    expect("a field of the future", c.frame()[0], 2)


def case_slow():
    """S8: a byte now and then buys no time: inside the handshake, whoever
    begins it, and behind it."""
    half = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(20)
    for address, port, first in ((OUT, 443, half), (IN, 8057, half),
                                 (IN, 8057, b"")):
        raw = wce.dial(address, port)
        begin = time.time()
        raw.sendall(first)
        raw.settimeout(0.2)
        while time.time() < begin + 10:
            try:
                if first:
                    raw.send(b"\0")
                if not raw.recv(4096):
                    break
            except socket.timeout:
                pass
            except OSError:
                break
        took = time.time() - begin
        assert took < 6, (address, port, took)
    peers = [client(), server().connect()]
    data = wce.hello(b"x" * 209, URI)
    begin = time.time()
    for sent in range(60):
        for peer in list(peers):
            try:
                peer.send(data[sent:sent + 1])
            except OSError:
                peers.remove(peer)
        if not peers:
            break
        time.sleep(0.25)
    took = time.time() - begin
    assert not peers and took < 12, took


# ---- registrations ---------------------------------------------------------

def case_registrations():
    s = registered()
    c, slot = joined(s)
    thief = server("fe2", ident=s.ident, epoch=s.epoch + 1)
    expect("another name, my id", thief.register(), wce.CODES["untrusted"])
    expect("an older one", server(ident=s.ident, epoch=s.epoch - 1).register(),
           wce.CODES["duplicate"])
    twin = server(ident=s.ident, epoch=s.epoch)
    assert isinstance(twin.register(), dict)
    expect("a third", server(ident=s.ident, epoch=s.epoch).register(),
           wce.CODES["duplicate"])
    late = wce.Server(*s.args, KEY, epoch=s.epoch)
    expect("slot of nobody", late.slot().code(), wce.CODES["unregistered"])
    late = wce.Server(*s.args, KEY, ident=s.ident, epoch=s.epoch - 1)
    expect("slot of another epoch", late.slot().code(),
           wce.CODES["unregistered"])
    late = wce.Server("%s/fe2" % TLS, CA_IN, IN, KEY, ident=s.ident,
                      epoch=s.epoch)
    expect("slot of another name", late.slot().code(),
           wce.CODES["unregistered"])
    twin.control.close()
    # fe2 can't make tickets that lead to fe.
    other = registered("fe2")
    own = wce.Key("/tmp", 9)
    other.key = own
    expect("a foreign ticket", ask(wce.ticket(own, s.ident, URI, NAME)).code(),
           wce.CODES["ticket"])
    c.send(b"still here")
    expect("the relay", slot.raw(10), b"still here")
    # Started again: what was joined before is cut.
    again = server(ident=s.ident, epoch=s.epoch + 1)
    assert isinstance(again.register(), dict)
    expect("old control", s.control.is_closed(), True)
    expect("old relay", c.is_closed(), True)
    c, slot = joined(again)
    c.send(b"new")
    expect("new relay", slot.raw(3), b"new")
    for bad in (wce.tlv(0x31, b"no name!"), wce.tlv(0x33, bytes(35))):
        x = server().connect()
        x.send(wce.frame(0x10, wce.tlv(0x30, os.urandom(16)) + bad))
        expect("bad registration", x.code(), wce.CODES["malformed"])


def case_frames_out_of_turn():
    for kind in (0x01, 0x02, 0x11, 0x13, 0x14, 0x15, 0x42):
        s = registered()
        s.control.send(wce.frame(kind, b""))
        expect("control, type %#x" % kind, s.control.code(),
               wce.CODES["malformed"])
        s = registered()
        slot = s.slot()
        slot.send(wce.frame(kind, b""))
        expect("slot, type %#x" % kind, slot.code(), wce.CODES["malformed"])
        s.control.close()
    s = registered()
    s.control.send(wce.frame(0x90, b"of the future"), wce.frame(0x30, b"12345678"))
    expect("PONG", s.control.frame(), (0x31, b"12345678"))


# ---- pairing ---------------------------------------------------------------

def case_pairing():
    s = registered()
    # the client goes while PAIR is out
    slot = s.slot()
    c = ask(ticket(s))
    pair = s.take(slot)
    c.close()
    expect("slot of a client that went", slot.is_closed(), True)
    # the slot goes
    slot = s.slot()
    c = ask(ticket(s))
    s.take(slot)
    slot.close()
    expect("slot gone", c.code(), wce.CODES["server"])
    # rejected, and ready again
    slot = s.slot()
    c = ask(ticket(s))
    s.reject(slot, s.take(slot), wce.CODES["ticket"])
    expect("rejected", c.code(), wce.CODES["ticket"])
    c, slot = joined(s, slot)
    c.send(b"second")
    expect("ready again", slot.raw(6), b"second")
    # another session's answer
    slot = s.slot()
    c = ask(ticket(s))
    pair = s.take(slot)
    s.accept(slot, {0x10: os.urandom(16)})
    expect("wrong session", c.code(), wce.CODES["server"])
    expect("wrong session, slot", slot.code(), wce.CODES["malformed"])
    # no answer at all
    slot = s.slot()
    c = ask(ticket(s))
    s.take(slot)
    expect("late", c.code(), wce.CODES["timeout"])
    expect("late slot", slot.is_closed(), True)
    # nobody is ready: wait, and be served
    tick = ticket(s)
    c = ask(tick)
    time.sleep(0.2)
    slot = s.slot()
    s.accept(slot, s.take(slot))
    expect("waited", c.frame()[0], 2)
    # nobody comes: told so, and the ticket is still good
    tick = ticket(s)
    expect("no slot", ask(tick).code(), wce.CODES["full"])
    slot = s.slot()
    c = ask(tick)
    s.accept(slot, s.take(slot))
    expect("the same ticket", c.frame()[0], 2)
    # the control connection goes while one waits
    c = ask(ticket(s))
    time.sleep(0.1)
    s.control.close()
    expect("server gone", c.code(), wce.CODES["server"])


def case_bytes():
    s = registered()
    early = os.urandom(15000)
    slot = s.slot()
    c = client()
    c.send(wce.hello(ticket(s), URI) + early)
    pair = s.take(slot)
    # PAIR_OK and the first bytes in one piece
    slot.send(wce.frame(0x14, wce.tlv(0x10, pair[0x10])) + b"first")
    expect("CLIENT_OK", c.frame()[0], 2)
    expect("first bytes of the server", c.raw(5), b"first")
    expect("early bytes", slot.raw(len(early)), early)
    expect("address", pair[0x50], socket.inet_aton(c.sock.getsockname()[0]))
    expect("port", struct.unpack(">H", pair[0x51])[0],
           c.sock.getsockname()[1])
    # a full server
    s.control.close()
    s = registered(sessions=1)
    held = joined(s)
    slot = s.slot()
    expect("full", ask(ticket(s)).code(), wce.CODES["full"])
    held[0].close()
    held[1].close()
    # one that says it takes nobody
    s.control.send(wce.frame(0x16, wce.tlv(0x60, bytes(4)) +
                             wce.tlv(0x61, b"\0")))
    time.sleep(0.1)
    expect("not accepting", ask(ticket(s)).code(), wce.CODES["full"])
    s.control.send(wce.frame(0x16, wce.tlv(0x60, bytes(4)) +
                             wce.tlv(0x61, b"\1")))
    time.sleep(0.1)
    joined(s, slot)


def case_last_words():
    """B9.5: each side may say its last word first and still listen; a side
    that breaks is not taken for one that was done."""
    s = registered()
    for first in (0, 1):
        ends = joined(s)
        one, other = ends[first], ends[1 - first]
        one.send(b"the end")
        # close_notify, without waiting for the answer
        one.sock.settimeout(0)
        try:
            one.sock.unwrap()
        except ssl.SSLWantReadError:
            pass
        expect("before the last word", other.raw(7), b"the end")
        expect("last word", other.sock.recv(1), b"")
        other.send(b"not yet")
        one.sock.settimeout(10)
        expect("behind it", one.raw(7), b"not yet")
        other.close()
        try:
            got = one.sock.recv(1)
        except ssl.SSLZeroReturnError: # orderly as well
            got = b""
        expect("the other's", got, b"")
        one.close()
    for first in (0, 1):
        one, other = joined(s)[::1 - 2 * first]
        one.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
        one.close()
        # Below TLS: Python's takes a reset for an end.
        with socket.socket(fileno=os.dup(other.sock.fileno())) as below:
            below.settimeout(10)
            try:
                got = below.recv(65536)
            except ConnectionResetError:
                got = "reset"
        expect("a reset", got, "reset")


def case_back_pressure():
    """B9.4: both ends have 1 GB to say and hear 64 KiB a second."""
    seconds = float(os.environ.get("SECONDS", "5"))
    s = registered()
    ends = [peer.sock for peer in joined(s)]
    for sock in ends:
        sock.settimeout(0)
    blob = os.urandom(65536)
    said, heard = [0, 0], [0, 0]
    before = most = rss()
    begin = time.time()
    while time.time() < begin + seconds:
        due = int(65536 * (time.time() - begin))
        for i, sock in enumerate(ends):
            try:
                while said[i] < 1 << 30:
                    said[i] += sock.send(blob)
            except ssl.SSLWantWriteError:
                pass
            try:
                while heard[i] < due:
                    heard[i] += len(sock.recv(min(due - heard[i], 16384)))
            except ssl.SSLWantReadError:
                pass
        most = max(most, rss())
        time.sleep(0.01)
    grown = most - before
    print("  %d and %d KiB went in, %d and %d KiB out, the edge grew by "
          "%d KiB" % tuple(n >> 10 for n in said + heard + [grown]))
    # What is not there are the buffers of the kernel.
    assert max(said) < 64 << 20, said
    assert min(heard) > 65536 * seconds * 0.8, heard
    assert grown < int(os.environ.get("GROWTH_MAX", 1 << 20)), grown


def case_hoard():
    """S8: what strangers have said is not kept while they wait for their no
    and for the end."""
    waiting = [client() for _ in range(200)]
    hello = wce.hello(ticket(server(), audience="no.contoso.test"), URI)
    before = rss()
    for c in waiting:
        c.send(hello, os.urandom(60000))
    time.sleep(0.5)
    grown = rss() - before
    print("  %d of them, the edge grew by %d KiB" %
          (len(waiting), grown >> 10))
    assert grown < int(os.environ.get("GROWTH_MAX", 4 << 20)), grown


def case_many():
    """Random joins, rejections, departures: nobody hears another's bytes."""
    rng = random.Random(int(os.environ.get("SEED", "1")))
    rounds = int(os.environ.get("ROUNDS", "150"))
    s = registered()
    live = []
    for i in range(rounds):
        what = rng.choice(["join", "join", "talk", "client", "slot", "reject",
                           "leave", "die", "late"])
        if what == "join":
            c, slot = joined(s, early=b"<%d>" % i)
            live.append((i, c, slot))
            expect("own early bytes", slot.raw(len(b"<%d>" % i)), b"<%d>" % i)
        elif what == "talk":
            for n, c, slot in live:
                c.send(b"c%08d" % n)
                slot.send(b"s%08d" % n)
            for n, c, slot in live:
                expect("own bytes", slot.raw(9), b"c%08d" % n)
                expect("own bytes", c.raw(9), b"s%08d" % n)
        elif what in ("client", "slot") and live:
            n, c, slot = live.pop(rng.randrange(len(live)))
            (c if what == "client" else slot).close()
            expect(what, (slot if what == "client" else c).is_closed(), True)
        elif what == "reject":
            slot = s.slot()
            c = ask(ticket(s))
            s.reject(slot, s.take(slot), wce.CODES["full"])
            expect(what, c.code(), wce.CODES["full"])
            slot.close()
        elif what == "leave":
            slot = s.slot()
            c = ask(ticket(s))
            s.take(slot)
            c.close()
            expect(what, slot.is_closed(), True)
        elif what == "die":
            slot = s.slot()
            c = ask(ticket(s))
            s.take(slot)
            slot.close()
            expect(what, c.code(), wce.CODES["server"])
        elif what == "late":
            c = ask(ticket(s))
            c.close()
        time.sleep(0.005)
    for n, c, slot in live:
        c.close()


def case_idle_relay():
    """For the tests around this one: a relay that says what it hears."""
    s = registered(os.environ.get("CERT", "fe"))
    c, slot = joined(s)
    print("joined", flush=True)
    for line in sys.stdin:
        if line.startswith("ping"):
            c.send(b"ping")
            expect("ping", slot.raw(4), b"ping")
            print("pong", flush=True)
        elif line.startswith("closed"):
            expect("closed", c.is_closed(10) and s.control.is_closed(10), True)
            print("closed", flush=True)
        elif line.startswith("cut"):
            expect("cut", c.is_closed(20), True)
            print("cut", flush=True)
        elif line.startswith("code"):
            print("code %#x" % (ask(ticket(s)).code() or 0), flush=True)
        elif line.startswith("alternates"):
            kind, payload = client().frame()
            expect("ERROR", kind, 3)
            print(wce.fields(payload).get(0x22, b"").decode(), flush=True)


if __name__ == "__main__":
    run(globals())
