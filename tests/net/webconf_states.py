#!/usr/bin/env python3
"""Whatever happens, in whichever state a client is: the client goes, its slot
goes, the server says no, goes or starts again, the edge drains or reloads.
Nobody hears a byte of somebody else, and nothing is left over; usage: see
webconf_lab.py.
"""
import os
import random
import socket
import struct
import time

import wce
from webconf_lab import (OUT, URI, ask, bus, client, descriptors, expect,
                         on_trunk, registered, run, said, server, ticket)

CODE = wce.CODES
LIVE_MAX = 60 # a shared connection takes 100
STATES = ("tls", "hello", "wait", "pairing", "relay", "half")
EVENTS = ("client_gone", "client_reset", "way_gone", "reject", "drain",
          "reload", "server_gone", "server_gone_reject", "server_restarts",
          "server_gone_restarts")


class Way:
    """How the server inside hears a client: a slot, or a channel."""

    def __init__(self, s, kind, trunk=None):
        self.s, self.kind = s, kind
        self.peer = trunk or (s.slot() if kind == "slot" else s.trunk())
        self.channel = None
        self.pair = None

    def take(self):
        if self.kind == "slot":
            self.pair = self.s.take(self.peer)
        else:
            self.channel, self.pair = self.s.opened(self.peer)

    def accept(self):
        if self.kind == "slot":
            self.s.accept(self.peer, self.pair)
        else:
            self.s.answer(self.peer, self.channel)

    def reject(self, code):
        if self.kind == "slot":
            self.s.reject(self.peer, self.pair, code)
        else:
            self.peer.send(wce.frame(0x25, struct.pack(">H", code),
                                     self.channel))

    def say(self, data):
        self.peer.send(data if self.kind == "slot" else
                       wce.frame(0x22, data, self.channel))

    def hear(self, n):
        if self.kind == "slot":
            return self.peer.raw(n)
        data = said(self.peer, self.channel, n)
        # What was heard may be said again.
        self.peer.send(wce.frame(0x23, struct.pack(">I", n), self.channel))
        return data

    def ends(self):
        """The server is told that this client is over."""
        if self.kind == "slot":
            return self.peer.is_closed()
        while True:
            kind, channel, _ = self.peer.on_channel()
            if channel != self.channel or kind not in (0x24, 0x25):
                continue
            if kind == 0x24: # nor have we anything to say
                self.peer.send(wce.frame(0x24, b"", channel))
            return True

    def close(self):
        self.peer.close()


class Guest:
    """A client on its way to a server, as far as it was led."""

    def __init__(self, s, kind, state):
        self.s, self.state = s, state
        self.raw = None
        self.c = None
        self.way = None if state == "wait" else Way(s, kind)
        self.kind = kind
        self.opening = wce.hello(ticket(s), URI)
        if state == "tls":
            self.raw = wce.dial(OUT, 443)
            return
        self.c = client()
        if state == "hello":
            self.c.send(self.opening[:100])
            return
        self.c.send(self.opening)
        if state == "wait":
            time.sleep(0.05)
            return
        self.way.take()
        if state == "pairing":
            return
        self.join()
        if state == "half":
            self.c.sock.settimeout(10)
            self.talk()
            self.half_close()

    def half_close(self):
        # close_notify without waiting for the answer
        try:
            self.c.sock.settimeout(0)
            self.c.sock.unwrap()
        except (OSError, ValueError):
            pass

    def join(self):
        self.way.accept()
        kind, payload = self.c.frame()
        expect("CLIENT_OK", kind, 2)
        expect("session", wce.fields(payload)[0x10], self.way.pair[0x10])

    def go_on(self):
        """The rest of the way, when nothing stops it."""
        if self.state == "tls":
            self.raw.close()
            self.c = client()
            self.c.send(self.opening)
        elif self.state == "hello":
            self.c.send(self.opening[100:])
        elif self.state == "wait":
            self.way = Way(self.s, self.kind)
        if self.state in ("tls", "hello", "wait"):
            self.way.take()
        if self.state in ("tls", "hello", "wait", "pairing"):
            self.join()
        if self.state != "half":
            self.talk()

    def talk(self):
        token = os.urandom(8)
        self.c.send(b"c" + token)
        expect("own bytes in", self.way.hear(9), b"c" + token)
        self.way.say(b"s" + token)
        expect("own bytes out", self.c.raw(9), b"s" + token)

    def close(self):
        for x in (self.raw, self.c, self.way):
            if x is not None:
                x.close()


# ---- what each event does in each state ------------------------------------

def do_client_gone(g):
    (g.raw or g.c).close()
    if g.state in ("pairing", "relay"):
        expect("the server hears of it", g.way.ends(), True)


def do_client_reset(g):
    sock = g.raw or g.c.sock
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    do_client_gone(g)


def do_way_gone(g):
    if g.state not in ("pairing", "relay", "half"):
        return g.go_on()
    g.way.close()
    if g.state == "pairing":
        expect("way gone", g.c.code(), CODE["server"])
    elif g.state == "relay":
        expect("way gone", g.c.is_closed(), True)


def do_reject(g):
    if g.state != "pairing":
        return g.go_on()
    g.way.reject(CODE["full"])
    expect("rejected", g.c.code(), CODE["full"])


def do_drain(g):
    bus("/v1/drain", {"deadline_s": 60})
    try:
        if g.state == "tls":
            g.raw.close()
            expect("draining", client().code(), CODE["draining"])
        elif g.state in ("hello", "wait"):
            expect("draining", g.c.code(), CODE["draining"])
        else:
            g.go_on()
    finally:
        bus("/v1/resume", {})


def do_reload(g):
    bus("/v1/reload", {})
    g.go_on()


def do_server_gone(g):
    g.s.control.close()
    time.sleep(0.05)
    if g.state in ("hello", "tls"):
        c = ask(ticket(g.s))
        expect("server gone", c.code(), CODE["server"])
        c.close()
    elif g.state == "wait":
        expect("server gone", g.c.code(), CODE["server"])
    else:
        g.go_on()


def do_server_gone_reject(g):
    """The last that is known of a server is the slot that says no."""
    if g.state != "pairing":
        return do_server_gone(g)
    g.s.control.close()
    time.sleep(0.05)
    do_reject(g)
    if g.kind == "slot":
        expect("slot of a server that went", g.way.ends(), True)


def do_server_restarts(g):
    again = server(ident=g.s.ident, epoch=g.s.epoch + 1)
    assert isinstance(again.register(), dict)
    if g.state in ("wait", "pairing"):
        expect("restarted", g.c.code(), CODE["server"])
    elif g.state == "relay":
        expect("restarted", g.c.is_closed(), True)
    again.control.close()


def do_server_gone_restarts(g):
    """Its sessions are all that is known of it when it comes back."""
    g.s.control.close()
    time.sleep(0.05)
    do_server_restarts(g)


def nothing_is_left(before, sessions):
    """The bus has descriptors of its own while it is asked."""
    end = time.time() + 10
    while time.time() < end and descriptors() > before:
        time.sleep(0.1)
    assert descriptors() <= before, (descriptors(), before)
    expect("sessions", bus("/v1/relays")["count"], sessions)


def case_matrix():
    """Every event in every state, over slots and over channels, beside a
    session of another server that must not notice."""
    other = registered("fe2", capabilities=1)
    beside = {}
    for kind in ("slot", "channel"):
        beside[kind] = Guest(other, kind, "relay")
    before = descriptors()
    for kind in ("slot", "channel"):
        for state in STATES:
            for event in EVENTS:
                s = registered(capabilities=1)
                g = Guest(s, kind, state)
                try:
                    globals()["do_" + event](g)
                    for b in beside.values():
                        b.talk()
                except Exception:
                    print("FAILED: %s in state %s, %s" % (event, state, kind))
                    raise
                g.close()
                s.control.close()
    nothing_is_left(before, 2)
    for b in beside.values():
        b.talk()
        b.close()
    print("  %d events" % (2 * len(STATES) * len(EVENTS)))


# ---- at random -------------------------------------------------------------

class Walk:
    """Two servers, both kinds of ways, and whatever comes to mind."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.servers = [registered("fe", capabilities=1),
                        registered("fe2", capabilities=1)]
        self.trunks = [s.trunk() for s in self.servers]
        self.live = []

    def join(self):
        if len(self.live) == LIVE_MAX:
            return self.leave()
        i = self.rng.randrange(2)
        s = self.servers[i]
        early = b"<%016x>" % self.rng.getrandbits(64)
        if self.rng.random() < 0.5:
            way = Way(s, "slot")
            c = client()
            c.send(wce.hello(ticket(s), URI), early)
            way.take()
            way.accept()
            expect("CLIENT_OK", c.frame()[0], 2)
            expect("own early bytes", way.hear(len(early)), early)
        else:
            c, channel = on_trunk(s, self.trunks[i], early=early)
            way = Way(s, "channel", self.trunks[i])
            way.channel = channel
            expect("own early bytes", way.hear(len(early)), early)
        self.live.append((c, way))

    def talk(self):
        tokens = [os.urandom(self.rng.choice((1, 16, 4000)))
                  for _ in self.live]
        for (c, way), token in zip(self.live, tokens):
            c.send(token)
            expect("own bytes in", way.hear(len(token)), token)
        for (c, way), token in zip(self.live, tokens):
            way.say(token)
        for (c, way), token in zip(self.live, tokens):
            expect("own bytes out", c.raw(len(token)), token)

    def leave(self):
        if not self.live:
            return
        c, way = self.live.pop(self.rng.randrange(len(self.live)))
        if way.kind == "slot" and self.rng.random() < 0.5:
            way.close()
            expect("the client hears", c.is_closed(), True)
        elif way.kind == "channel" and self.rng.random() < 0.5:
            way.reject(CODE["server"])
            expect("the client hears", c.is_closed(), True)
        else:
            if self.rng.random() < 0.5:
                c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", 1, 0))
            c.close()
            expect("the server hears", way.ends(), True)

    def refuse(self):
        s = self.rng.choice(self.servers)
        way = Way(s, "slot")
        c = ask(ticket(s))
        way.take()
        way.reject(CODE["ticket"])
        expect("refused", c.code(), CODE["ticket"])
        way.close()

    def vanish(self):
        s = self.rng.choice(self.servers)
        way = Way(s, "slot")
        c = ask(ticket(s))
        way.take()
        c.close()
        expect("slot of who vanished", way.ends(), True)

    def reload(self):
        bus("/v1/reload", {})

    def drain(self):
        bus("/v1/drain", {"deadline_s": 60})
        expect("draining", client().code(), CODE["draining"])
        self.talk()
        bus("/v1/resume", {})


def case_random():
    seed = int(os.environ.get("SEED", "0")) or random.randrange(1, 1 << 30)
    rounds = int(os.environ.get("ROUNDS", "120"))
    print("  SEED=%d" % seed)
    before = descriptors()
    walk = Walk(seed)
    steps = [walk.join] * 4 + [walk.talk] * 3 + [walk.leave] * 2 + [
        walk.refuse, walk.vanish, walk.reload, walk.drain]
    for _ in range(rounds):
        walk.rng.choice(steps)()
    walk.talk()
    while walk.live:
        walk.leave()
    for x in walk.trunks + [s.control for s in walk.servers]:
        x.close()
    nothing_is_left(before, 0)


if __name__ == "__main__":
    run(globals())
