#!/usr/bin/env python3
"""The other end of federation, for the network tests.

    fed.py answer ADDR:PORT   answer every request; users whose name begins
                              with "no" do not exist
    fed.py send               open a connection, send requests, and print how
                              they were answered: JSON
    fed.py swallow ADDR:PORT  take connections and never say a word

Options of send: --server ADDR:PORT --name SNI --from URI --to URI ("%d" in it
is the number of the request) --count N --window N (how many are out at a
time) --extra LINE --wait S. Of both: --cert --key --ca --bind ADDR.
"""
import argparse
import json
import re
import socket
import ssl
import sys
import threading
import time


def messages(sock, buf=b""):
    while True:
        buf = buf.lstrip(b"\r\n")
        end = buf.find(b"\r\n\r\n")
        if end >= 0:
            head = buf[:end].decode("latin-1")
            m = re.search(r"(?im)^(?:content-length|l)\s*:\s*(\d+)", head)
            size = int(m.group(1)) if m else 0
            if len(buf) >= end + 4 + size:
                yield head
                buf = buf[end + 4 + size:]
                continue
        try:
            chunk = sock.recv(65536)
        except (OSError, ssl.SSLError):
            return
        if not chunk:
            return
        buf += chunk


def lines_of(head, name):
    return [x for x in head.split("\r\n")[1:]
            if x.lower().startswith(name.lower() + ":")]


def value_of(head, name):
    found = lines_of(head, name)
    return found[0].split(":", 1)[1].strip() if found else ""


def answer_one(raw, ctx):
    try:
        sock = ctx.wrap_socket(raw, server_side=True)
    except (OSError, ssl.SSLError):
        return
    for head in messages(sock):
        start = head.split("\r\n")[0]
        if start.startswith("SIP/2.0") or start.startswith("ACK "):
            continue
        print(start, "|", "; ".join(
            x for x in head.split("\r\n")[1:]
            if x.startswith("ms-") or x.startswith("From")), flush=True)
        user = start.split(" ")[1].split(":", 1)[1]
        code = "404 Not Found" if user.startswith("no") else "200 OK"
        keep = [x for n in ("Via", "From", "Call-ID", "CSeq",
                            "Record-Route") for x in lines_of(head, n)]
        to = lines_of(head, "To")[0]
        if "tag=" not in to:
            to += ";tag=x"
        try:
            sock.sendall(("SIP/2.0 %s\r\n%s\r\n%s\r\nContent-Length: 0\r\n"
                          "\r\n" % (code, "\r\n".join(keep), to)).encode())
        except (OSError, ssl.SSLError):
            return


def listen(text):
    host, port = text.rsplit(":", 1)
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, int(port)))
    s.listen(64)
    return s


def answer(opts):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(opts.cert, opts.key)
    ctx.load_verify_locations(opts.ca)
    ctx.verify_mode = ssl.CERT_REQUIRED
    s = listen(opts.what[0])
    while True:
        raw, _ = s.accept()
        threading.Thread(target=answer_one, args=(raw, ctx),
                         daemon=True).start()


def swallow(opts):
    s = listen(opts.what[0])
    kept = []
    while True:
        kept.append(s.accept())


def request(opts, n):
    to = opts.to % n if "%d" in opts.to else opts.to
    extra = "".join(x + "\r\n" for x in opts.extra)
    return ("MESSAGE %s SIP/2.0\r\n"
            "Via: SIP/2.0/TLS %s:5061;branch=z9hG4bK%s-%d\r\n"
            "Max-Forwards: 70\r\nFrom: <%s>;tag=%d\r\nTo: <%s>\r\n"
            "Call-ID: %s-%d\r\nCSeq: 1 MESSAGE\r\n%s"
            "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
            % (to, opts.host, opts.run, n, opts.sender, n, to, opts.run, n,
               extra)).encode()


def connect(opts):
    ctx = ssl.create_default_context(cafile=opts.ca)
    if opts.cert:
        ctx.load_cert_chain(opts.cert, opts.key)
    host, port = opts.server.rsplit(":", 1)
    source = (opts.bind, 0) if opts.bind else None
    raw = socket.create_connection((host, int(port)), 10, source)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return ctx.wrap_socket(raw, server_hostname=opts.name)


def send(opts):
    out = {"codes": {}, "reached": False, "heads": []}
    sent, took = {}, []
    begin = time.monotonic()
    try:
        sock = connect(opts)
        sock.settimeout(opts.wait)
        out["reached"] = True
        n = 0
        answers = messages(sock)
        while len(took) < opts.count:
            while n < opts.count and n - len(took) < opts.window:
                sent["%s-%d" % (opts.run, n)] = time.monotonic()
                sock.sendall(request(opts, n))
                n += 1
            head = next(answers, None)
            if head is None:
                break
            start = head.split("\r\n")[0]
            if not start.startswith("SIP/2.0") or start[8] == "1":
                continue
            call = value_of(head, "Call-ID")
            if call not in sent:
                continue
            took.append(time.monotonic() - sent[call])
            code = start[8:11]
            out["codes"][code] = out["codes"].get(code, 0) + 1
            if len(out["heads"]) < 3:
                out["heads"].append(head)
    except (OSError, ssl.SSLError) as e:
        out["error"] = str(e)
    took.sort()
    out["seconds"] = round(time.monotonic() - begin, 3)
    out["answered"] = len(took)
    if took:
        out["p50_ms"] = round(took[len(took) // 2] * 1000, 2)
        out["p99_ms"] = round(took[min(len(took) - 1,
                                       len(took) * 99 // 100)] * 1000, 2)
    print(json.dumps(out))


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("command", choices=["answer", "send", "swallow"])
    p.add_argument("what", nargs="*")
    p.add_argument("--server", default="198.51.100.10:5061")
    p.add_argument("--name", default="sip.contoso.test")
    p.add_argument("--host", default="sip.fabrikam.test")
    p.add_argument("--ca")
    p.add_argument("--cert")
    p.add_argument("--key")
    p.add_argument("--bind")
    p.add_argument("--from", dest="sender",
                   default="sip:bob@fabrikam.test")
    p.add_argument("--to", default="sip:alice@contoso.test")
    p.add_argument("--count", type=int, default=1)
    p.add_argument("--window", type=int, default=1)
    p.add_argument("--extra", action="append", default=[])
    p.add_argument("--wait", type=float, default=8)
    p.add_argument("--run", default="%x" % time.monotonic_ns())
    opts = p.parse_args()
    {"answer": answer, "send": send, "swallow": swallow}[opts.command](opts)


main()
