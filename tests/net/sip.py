#!/usr/bin/env python3
"""A plain SIP-over-TLS client for the network tests: enough to register,
to ask for relay credentials, and to send bytes of any shape.

    sip.py credentials USER   register, SERVICE to the MRAS URI; JSON out
    sip.py raw FILE           send the file's bytes, print what comes back

Common options: --server ADDR:PORT --name SNI --ca FILE [--cert --key]
[--location internet|intranet] [--minutes N] [--bind ADDR] [--wait S]
"""
import argparse
import hashlib
import json
import os
import re
import socket
import ssl
import sys
import xml.etree.ElementTree as ET

DOMAIN = "contoso.test"
MRAS_NS = "{http://schemas.microsoft.com/2006/09/sip/mrasp}"


class Client:
    def __init__(self, opts):
        ctx = ssl.create_default_context(cafile=opts.ca)
        if opts.cert:
            ctx.load_cert_chain(opts.cert, opts.key)
        host, port = opts.server.rsplit(":", 1)
        raw = socket.create_connection(
            (host, int(port)), 5, (opts.bind, 0) if opts.bind else None)
        self.sock = ctx.wrap_socket(raw, server_hostname=opts.name)
        self.sock.settimeout(opts.wait)
        self.local = "%s:%d" % self.sock.getsockname()[:2]
        self.buf = b""
        self.tag = os.urandom(4).hex()
        self.cseq = 0

    def read(self):
        """One message as (start line, {header: [values]}, body)."""
        while True:
            self.buf = self.buf.lstrip(b"\r\n")
            end = self.buf.find(b"\r\n\r\n")
            if end >= 0:
                lines = self.buf[:end].decode().split("\r\n")
                head = {}
                for line in lines[1:]:
                    k, v = line.split(":", 1)
                    head.setdefault(k.strip().lower(), []).append(v.strip())
                size = int(head.get("content-length", ["0"])[0])
                if len(self.buf) >= end + 4 + size:
                    body = self.buf[end + 4:end + 4 + size]
                    self.buf = self.buf[end + 4 + size:]
                    return lines[0], head, body
            chunk = self.sock.recv(65536)
            if not chunk:
                raise EOFError("connection closed")
            self.buf += chunk

    def request(self, method, uri, user, extra=(), body=b"", call_id=None,
                to=None):
        self.cseq += 1
        aor = "sip:%s@%s" % (user, DOMAIN)
        lines = ["%s %s SIP/2.0" % (method, uri),
                 "Via: SIP/2.0/TLS %s;branch=z9hG4bK%s;rport"
                 % (self.local, os.urandom(6).hex()),
                 "Max-Forwards: 70",
                 "From: <%s>;tag=%s" % (aor, self.tag),
                 "To: <%s>" % (to or aor),
                 "Call-ID: %s" % (call_id or os.urandom(8).hex()),
                 "CSeq: %d %s" % (self.cseq, method),
                 *extra,
                 "Content-Length: %d" % len(body), "", ""]
        self.sock.sendall("\r\n".join(lines).encode() + body)
        while True:
            start, head, got = self.read()
            status = int(start.split()[1]) if start.startswith("SIP/") else 0
            if status >= 200:
                return status, head, got

    def authenticated(self, method, uri, user, password, extra=(), body=b"",
                      to=None):
        status, head, got = self.request(method, uri, user, extra, body, to=to)
        if status not in (401, 407):
            return status, head, got
        name = "www-authenticate" if status == 401 else "proxy-authenticate"
        reply = "Authorization" if status == 401 else "Proxy-Authorization"
        ch = dict(re.findall(r'(\w+)="?([^",]+)"?', head[name][0]))

        def md5(text):
            return hashlib.md5(text.encode()).hexdigest()
        answer = md5("%s:%s:%s" % (
            md5("%s:%s:%s" % (user, ch["realm"], password)), ch["nonce"],
            md5("%s:%s" % (method, uri))))
        line = ('%s: Digest username="%s", realm="%s", nonce="%s", uri="%s", '
                'response="%s"' % (reply, user, ch["realm"], ch["nonce"], uri,
                                   answer))
        return self.request(method, uri, user, [*extra, line], body, to=to)


def credentials(opts):
    user = opts.what[0]
    password = opts.password or "secret-" + user
    c = Client(opts)
    status, head, _ = c.authenticated(
        "REGISTER", "sip:" + DOMAIN, user, password,
        ["Contact: <sip:%s@%s;transport=tls>" % (user, c.local),
         "Expires: 60"])
    if status != 200:
        sys.exit("REGISTER: %d %s" % (status, head.get("warning", "")))
    mras = "sip:mras@%s;gruu;opaque=srvr:MRAS:test" % DOMAIN
    body = ('<request requestID="7" version="2.0" to="%s" '
            'from="sip:%s@%s" xmlns="http://schemas.microsoft.com/2006/09/sip'
            '/mrasp"><credentialsRequest credentialsRequestID="7"><identity>'
            'sip:%s@%s</identity><location>%s</location><duration>%d'
            '</duration></credentialsRequest></request>'
            % (mras, user, DOMAIN, user, DOMAIN, opts.location,
               opts.minutes)).encode()
    status, head, got = c.authenticated(
        "SERVICE", mras, user, password,
        ["Content-Type: application/msrtc-media-relay-auth+xml"], body,
        to=mras)
    if status != 200:
        sys.exit("SERVICE: %d" % status)
    root = ET.fromstring(got)
    if root.get("reasonPhrase") != "OK":
        sys.exit("SERVICE: %s" % root.get("reasonPhrase"))
    cr = root.find(MRAS_NS + "credentialsResponse")
    cred = cr.find(MRAS_NS + "credentials")

    def text(node, name):
        found = node.find(MRAS_NS + name)
        return None if found is None else found.text
    print(json.dumps({
        "username": text(cred, "username"),
        "password": text(cred, "password"),
        "minutes": int(text(cred, "duration")),
        "relays": [{"location": text(r, "location"),
                    "host": text(r, "hostName"),
                    "udp": text(r, "udpPort"), "tcp": text(r, "tcpPort")}
                   for r in cr.find(MRAS_NS + "mediaRelayList")]}))


def raw(opts):
    c = Client(opts)
    with open(opts.what[0], "rb") as f:
        c.sock.sendall(f.read())
    try:
        while True:
            chunk = c.sock.recv(65536)
            if not chunk:
                print("[closed]")
                return
            sys.stdout.write(chunk.decode("latin-1"))
            sys.stdout.flush()
    except (TimeoutError, socket.timeout):
        print("[open]")
    except (ConnectionError, ssl.SSLError) as e:
        print("[reset: %s]" % e)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("command", choices=["credentials", "raw"])
    p.add_argument("what", nargs="+")
    p.add_argument("--server", default="198.51.100.10:443")
    p.add_argument("--name", default="sip.contoso.test")
    p.add_argument("--ca", required=True)
    p.add_argument("--cert")
    p.add_argument("--key")
    p.add_argument("--bind")
    p.add_argument("--password")
    p.add_argument("--domain", default="contoso.test")
    p.add_argument("--location", default="internet")
    p.add_argument("--minutes", type=int, default=480)
    p.add_argument("--wait", type=float, default=5)
    opts = p.parse_args()
    global DOMAIN
    DOMAIN = opts.domain
    {"credentials": credentials, "raw": raw}[opts.command](opts)


main()
