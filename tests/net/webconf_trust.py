#!/usr/bin/env python3
"""What a new topology takes away from conferencing servers that are there:
keys, ids, limits. And the port of the servers when strangers crowd it. Needs
LAB and RUN beside what webconf_lab.py says.
"""
import os
import subprocess
import time
import uuid

import wce
from webconf_lab import (IN, OUT, PID, TLS, URI, Bus, ask, bus, client, expect,
                         joined, on_trunk, registered, run, server, ticket)

CODE = wce.CODES
LAB = os.environ["LAB"]
TOPOLOGY = LAB + "/topology.yaml"
PLAIN = open(TOPOLOGY).read()


def apply(more=None, settings=None):
    """The topology of the lab, with other rows for servers or settings."""
    text = PLAIN
    for name, row in (more or {}).items():
        lines = text.split("\n")
        at = [i for i, line in enumerate(lines)
              if line.startswith("  %s.int" % name)]
        assert len(at) == 1, (name, at)
        lines[at[0]] = "  %s.int.contoso.test: %s" % (name, row)
        text = "\n".join(lines)
    if settings is not None:
        at = text.index("  webconf-edge: {")
        text = text[:at] + "  webconf-edge: {%s}\n" % settings
    with open(TOPOLOGY, "w") as f:
        f.write(text)
    return subprocess.run(["edgectl", "-c", LAB + "/edge.yaml", "topology",
                           "apply", TOPOLOGY], capture_output=True, text=True)


def applied(more=None, settings=None):
    got = apply(more, settings)
    assert got.returncode == 0, got.stdout + got.stderr


def pin(cert):
    """SHA-256 of the public key, as openssl sees it."""
    der = subprocess.run("openssl x509 -in %s/%s.crt -noout -pubkey |"
                         "openssl pkey -pubin -outform DER |"
                         "openssl dgst -sha256" % (TLS, cert), shell=True,
                         capture_output=True, text=True, check=True)
    return der.stdout.split()[-1]


def case_pin_changes():
    """A server gets a new key: what came over the old one ends when the
    topology pins the new one, relays too; what came over the new one and
    whoever else is there do not notice."""
    old = registered(capabilities=1)
    relay, slot = joined(old)
    # The server is there with its new key before the old one is forbidden.
    new = server("fe-new", ident=old.ident, epoch=old.epoch, capabilities=1)
    assert isinstance(new.register(), dict)
    other = registered("fe2")
    beside, far = joined(other)
    young, young_slot = joined(new)
    trunk = old.trunk()
    over, _ = on_trunk(old, trunk)
    applied({"fe": "{grants: [sip, webconf], pin: %s}" % pin("fe-new")})
    expect("relay over the old key", relay.is_closed(), True)
    expect("its slot", slot.is_closed(), True)
    expect("channel over the old key", over.is_closed(), True)
    expect("control over the old key", old.control.code(), CODE["untrusted"])
    for near, at in ((beside, far), (young, young_slot)):
        near.send(b"still here")
        expect("others", at.raw(10), b"still here")
    expect("the old key again", server(ident=old.ident).register(),
           CODE["untrusted"])
    c, s = joined(new)
    c.send(b"go on")
    expect("the new key", s.raw(5), b"go on")
    applied()
    for x in (c, s, young, young_slot, beside, far, new.control,
              other.control):
        x.close()


def case_ids():
    """T11: an id that the topology binds is its server's alone, whoever comes
    first; and that server has no other."""
    ident = os.urandom(16)
    own = str(uuid.UUID(bytes=ident))
    squatter = server("fe2", ident=ident)
    assert isinstance(squatter.register(), dict)
    relay, _ = joined(squatter)
    expect("its owner comes late", server(ident=ident).register(),
           CODE["untrusted"])
    expect("as it is shown", [s["webconf_id"] for s in
                              bus("/v1/servers")["servers"]
                              if s["id"] == ident.hex()], [own])
    applied({"fe": "{grants: [sip, webconf], webconf_id: %s}" % own.upper()})
    expect("squatter", squatter.control.is_closed(), True)
    expect("its relay", relay.is_closed(), True)
    squatter = server("fe2", ident=ident)
    expect("squatter again", squatter.register(), CODE["untrusted"])
    expect("owner, another id", server().register(), CODE["untrusted"])
    owner = server(ident=ident)
    assert isinstance(owner.register(), dict)
    c, slot = joined(owner)
    c.send(b"mine")
    expect("owner", slot.raw(4), b"mine")
    assert isinstance(server("fe2").register(), dict)
    got = apply({"fe": "{grants: [sip, webconf], webconf_id: %s}" % own,
                 "fe2": "{grants: [webconf], webconf_id: %s}" % own})
    assert got.returncode != 0 and "same webconf_id" in got.stdout + \
        got.stderr, got
    applied()
    for x in (c, slot, owner.control):
        x.close()


def gauge(name):
    connection = Bus(False)
    connection.request("GET", "/metrics")
    for line in connection.getresponse().read().decode().split("\n"):
        if line.startswith("sallyport_webconf_edge_%s " % name):
            return int(float(line.split()[1]))
    raise AssertionError("no gauge " + name)


def pending():
    return gauge("server_connections_pending")


def descriptors_max():
    with open("/proc/%d/limits" % PID) as f:
        return [int(line.split()[4]) for line in f
                if line.startswith("Max open files")][0]


def case_limits():
    """max_relays and max_tickets are those of the latest topology."""
    s = registered()
    held = [joined(s) for _ in range(2)]
    applied(settings=os.environ["SETTINGS"] + ", max_relays: 2")
    slot = s.slot()
    expect("two are all", ask(ticket(s)).code(), CODE["edge_full"])
    applied(settings=os.environ["SETTINGS"] + ", max_relays: 3")
    held.append(joined(s, slot))
    for c, far in held:
        c.send(b"x")
        expect("bytes", far.raw(1), b"x")
        c.close()
        far.close()
    applied(settings=os.environ["SETTINGS"] + ", max_pending: 5")
    waiting = [wce.dial(OUT, 443) for _ in range(20)]
    time.sleep(0.1)
    assert gauge("clients_pending") <= 5, gauge("clients_pending")
    applied()
    waiting += [wce.dial(OUT, 443) for _ in range(20)]
    time.sleep(0.1)
    assert gauge("clients_pending") >= 20, gauge("clients_pending")
    for x in waiting:
        x.close()
    # More than the process has descriptors for is no topology.
    if descriptors_max() < 2001024:
        got = apply(settings=os.environ["SETTINGS"] + ", max_relays: 1000000")
        assert got.returncode != 0 and "descriptors" in got.stdout + \
            got.stderr, got
    applied()
    for _ in range(10):
        for x in joined(s):
            x.close()
    applied(settings=os.environ["SETTINGS"] + ", max_tickets: 10")
    expect("tickets", ask(ticket(s)).code(), CODE["edge_full"])
    applied()
    for x in joined(s):
        x.close()
    s.control.close()


def case_drain_ends_pairing():
    """Who waits for the answer of its server when the deadline comes gets no
    relay any more, also when the answer comes right then."""
    s = registered(capabilities=1)
    slot = s.slot()
    c = ask(ticket(s))
    pair = s.take(slot)
    trunk = s.trunk()
    over = client()
    over.send(wce.hello(ticket(s), URI))
    channel, _ = s.opened(trunk)
    bus("/v1/drain", {"deadline_s": 1})
    expect("draining", c.code(), CODE["draining"])
    expect("draining", over.code(), CODE["draining"])
    expect("the slot", slot.is_closed(), True)
    try:
        s.accept(slot, pair)
        s.answer(trunk, channel)
    except OSError:
        pass
    time.sleep(0.2)
    expect("relays", bus("/v1/relays")["count"], 0)
    bus("/v1/resume", {})
    s.control.close()


def case_crowd():
    """S8 inside: connections that show nothing have so many places and no
    more, one address a part of them; servers get in all the same, and those
    who are in take no place."""
    s = registered()
    c, far = joined(s)
    slots = [s.slot() for _ in range(20)]
    time.sleep(0.3)
    expect("who is in", pending(), 0)
    crowd = [wce.dial(IN, 8057, local="10.0.0.130") for _ in range(40)]
    time.sleep(0.1)
    expect("of one address", pending(), 16)
    most = 0
    for host in range(131, 150):
        crowd += [wce.dial(IN, 8057, local="10.0.0.%d" % host)
                  for _ in range(10)]
        most = max(most, pending())
    assert 48 <= most <= 64, most
    time.sleep(1.1)
    begin = time.time()
    for _ in range(5):
        late = registered("fe2")
        late.control.close()
    took = time.time() - begin
    c.send(b"all the while")
    expect("a relay", far.raw(13), b"all the while")
    for x in crowd + slots:
        x.close()
    print("  at most %d pending, five servers got in within %.2f s" %
          (most, took))
    time.sleep(0.5)
    expect("nothing is left", pending(), 0)


if __name__ == "__main__":
    run(globals())
