"""A call between two Chromiums, each in its network namespace, over TURN
alone (iceTransportPolicy: relay): sound, picture and a data channel, proven
at the far end by what was decoded there.

    webrtc.py --outside NETNS --inside NETNS --credential FILE
        --spki FILE... --call NAME OUTSIDE-URL INSIDE-URL [--call ...]

A credential is what `edgectl credentials issue --json` prints. Each call has
a connection of its own; the browsers are started once. Prints a line for
each call, or what went wrong; --relay ADDRESS is what relayed candidates must
have.
"""
import argparse
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from browser import Browser, BrowserError, pin  # noqa: E402

PAGE = "file://" + os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "webrtc.html")
SOUND_BYTES = 5000
PICTURES = 15
MESSAGES = 5


class CallError(Exception):
    pass


def config(url, credential):
    return {"iceTransportPolicy": "relay", "bundlePolicy": "max-bundle",
            "iceServers": [{"urls": [url],
                            "username": credential["username"],
                            "credential": credential["password"]}]}


def check_offered(who, sdp, relay, figures):
    """Only relayed candidates, all at the relay's address."""
    rows = [r.split() for r in sdp.splitlines()
            if r.startswith("a=candidate:")]
    if not rows:
        raise CallError("%s got no relay address: %s" %
                        (who, figures["failures"]))
    for row in rows:
        if row[7] != "relay" or (relay and row[4] != relay):
            raise CallError("%s offers %s" % (who, " ".join(row)))


def is_proven(end, echoes):
    return (end["state"] == "connected" and
            end["audio_bytes"] >= SOUND_BYTES and end["audio_energy"] > 0 and
            end["frames_decoded"] >= PICTURES and
            len(end["echoed"]) >= echoes)


def call(outside, inside, urls, credential, args):
    """Figures of both ends when all of it got through."""
    for browser in (outside, inside):
        browser.open(PAGE)
    sdp = outside.run("return await offer(arguments[0])",
                      config(urls[0], credential))
    check_offered("outside", sdp, args.relay,
                  outside.run("return await figures()"))
    sdp = inside.run("return await answer(arguments[0], arguments[1])",
                     config(urls[1], credential), sdp)
    check_offered("inside", sdp, args.relay,
                  inside.run("return await figures()"))
    outside.run("await take(arguments[0])", sdp)
    end = time.monotonic() + args.seconds
    said = 0
    while time.monotonic() < end:
        outside.run("say(arguments[0])", "message %d" % said)
        said += 1
        ends = [b.run("return await figures()") for b in (outside, inside)]
        if is_proven(ends[0], MESSAGES) and is_proven(ends[1], 0):
            return ends
        time.sleep(0.3)
    raise CallError("after %d s: %s" % (args.seconds, json.dumps(ends, indent=1)))


def check_way(urls, ends):
    """The pair in use is relay to relay, over what was asked for."""
    for url, end in zip(urls, ends):
        local = end["local"]
        want = "tls" if url.startswith("turns:") else \
            "tcp" if "transport=tcp" in url else "udp"
        if local["type"] != "relay" or local["relay"] != want:
            raise CallError("%s was asked for, %s is used" % (url, local))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--outside", required=True)
    p.add_argument("--inside", required=True)
    p.add_argument("--credential", required=True)
    p.add_argument("--spki", action="append", default=[])
    p.add_argument("--relay")
    p.add_argument("--seconds", type=int, default=20,
                   help="in which all of it must have come")
    p.add_argument("--call", nargs=3, action="append", required=True,
                   metavar=("NAME", "OUTSIDE-URL", "INSIDE-URL"))
    args = p.parse_args()
    with open(args.credential) as file:
        credential = json.load(file)
    pins = [pin(f) for f in args.spki]
    with Browser(args.outside, pins) as outside, \
            Browser(args.inside, pins) as inside:
        for name, *urls in args.call:
            try:
                ends = call(outside, inside, urls, credential, args)
                check_way(urls, ends)
            except (CallError, BrowserError) as e:
                sys.exit("%s: %s" % (name, e))
            print("%s: sound %d/%d bytes, pictures %d/%d, lost %d/%d, "
                  "echoes %d" % (name, ends[0]["audio_bytes"],
                                 ends[1]["audio_bytes"],
                                 ends[0]["frames_decoded"],
                                 ends[1]["frames_decoded"],
                                 ends[0]["audio_lost"], ends[1]["audio_lost"],
                                 len(ends[0]["echoed"])), flush=True)
            for browser in (outside, inside):
                browser.run("peer.pc.close()")


if __name__ == "__main__":
    main()
