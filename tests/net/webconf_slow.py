#!/usr/bin/env python3
"""Threat S8 from many sources: connections that say nothing, half a
ClientHello, or a byte now and then, while others join as they should.

usage: webconf_slow.py CA NAME EDGE COUNT TICKET URI JOINS
COUNT slow ones are kept up from 203.0.113.0/24 and 192.0.2.0/24, in equal
shares; JOINS clients from elsewhere shake hands, show the ticket, and are
timed, a third as many before the flood begins. Prints one object.
"""
import collections
import json
import os
import resource
import selectors
import socket
import sys
import threading
import time

import wce

CA, NAME, EDGE = sys.argv[1:4]
COUNT, TICKET, URI, JOINS = (int(sys.argv[4]), wce.unb64(sys.argv[5]),
                             sys.argv[6], int(sys.argv[7]))
# The head of a ClientHello and a little of it.
HALF = bytes.fromhex("16030100c8010000c40303") + os.urandom(32)
AGAIN_S = 10
# Whose network has no part in it: an address has sixteen places.
GOOD = ("198.51.100.77", "198.51.100.78", "198.51.100.79")
STOP = threading.Event()
seen = {"opened": 0, "ended": 0}


def source(i):
    net = ("203.0.113.", "192.0.2.")[i // 250 % 2]
    return net + str(i % 250 + 1)


def slow_ones():
    """COUNT of them, each opened again when it ends."""
    selector = selectors.DefaultSelector()
    live = {}

    def begin(i):
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((source(i), 0))
            sock.connect((EDGE, 443))
        except BlockingIOError:
            pass
        except OSError:
            sock.close()
            return
        selector.register(sock, selectors.EVENT_READ |
                          (selectors.EVENT_WRITE if i % 3 else 0), i)
        live[i] = sock
        seen["opened"] += 1

    # Slow is slow: each comes once in ten seconds, as its deadline lets it.
    now = time.time()
    waiting = collections.deque((now + AGAIN_S * i / COUNT / 2, i)
                                for i in range(COUNT))
    next_byte = time.time() + 1
    while not STOP.is_set():
        while waiting and waiting[0][0] < time.time():
            begin(waiting.popleft()[1])
        for key, mask in selector.select(0.02):
            i, sock = key.data, key.fileobj
            try:
                if mask & selectors.EVENT_WRITE:
                    sock.send(HALF if i % 3 == 1 else b"\x16")
                    selector.modify(sock, selectors.EVENT_READ, i)
                if not mask & selectors.EVENT_READ or sock.recv(100):
                    continue
            except OSError:
                pass
            selector.unregister(sock)
            sock.close()
            live.pop(i, None)
            waiting.append((time.time() + AGAIN_S, i))
            seen["ended"] += 1
        if time.time() > next_byte:
            next_byte = time.time() + 1
            for i in list(live)[:COUNT // 10]:
                try:
                    live[i].send(b"\x03")
                except OSError:
                    pass
    for sock in live.values():
        sock.close()


def join(i):
    begin = time.time()
    c = wce.client_tls(CA, NAME, EDGE, 443, GOOD[i % len(GOOD)])
    shaken = time.time()
    c.send(wce.hello(TICKET, URI))
    kind, _ = c.frame()
    assert kind == 2, kind
    done = time.time()
    c.close()
    return (shaken - begin) * 1000, (done - begin) * 1000


def join_all(count):
    """Times of those that joined, and how many did not."""
    times, failed = [], 0
    for i in range(count):
        try:
            times.append(join(i))
        except (OSError, EOFError, AssertionError) as error:
            failed += 1
            print(repr(error), file=sys.stderr)
        time.sleep(0.02)
    return times, failed


def p99(times):
    times = sorted(times)
    return times[len(times) * 99 // 100] if times else -1


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (COUNT + 1000, COUNT + 1000))
    alone, _ = join_all(JOINS // 3)
    flood = threading.Thread(target=slow_ones)
    flood.start()
    time.sleep(AGAIN_S / 2)
    times, failed = join_all(JOINS)
    STOP.set()
    flood.join()
    print(json.dumps({
        "slow": COUNT, "opened": seen["opened"], "ended": seen["ended"],
        "joins": len(times), "failed": failed,
        "alone_p99_ms": p99([t for t, _ in alone]),
        "tls_p99_ms": p99([t for t, _ in times]),
        "join_p99_ms": p99([w for _, w in times])}))


main()
