"""One Allocate with a credential, in either dialect; prints the error code
of the last answer, or 0.

    turn_ask.py rfc|ms ADDRESS PORT USERNAME PASSWORD

A second implementation of the wire, by docs/protocol/turn.md and ms-turn.md.
"""
import base64
import hashlib
import hmac
import os
import socket
import struct
import sys

ALLOCATE = 3
COOKIE = 0x2112A442
USERNAME, INTEGRITY, ERROR, REALM, NONCE = 0x06, 0x08, 0x09, 0x14, 0x15
TRANSPORT, MS_VERSION, MAGIC_COOKIE = 0x19, 0x8008, 0x0F
NONCE_MS, REALM_MS = 0x14, 0x15


def attribute(kind, value, pads):
    return struct.pack(">HH", kind, len(value)) + value + \
        (bytes(-len(value) % 4) if pads else b"")


def message(dialect, attributes, key=None):
    body = b"".join(attribute(k, v, dialect == "rfc") for k, v in attributes)
    tid = os.urandom(16)
    if dialect == "rfc":
        tid = struct.pack(">I", COOKIE) + tid[4:]
    length = len(body) + (24 if key else 0)
    head = struct.pack(">HH", ALLOCATE, length) + tid
    if key is None:
        return head + body
    covered = head + body
    if dialect == "ms":  # filled up to a multiple of 64 before hashing
        covered += bytes(-len(covered) % 64)
    mac = hmac.new(key, covered, "sha1").digest()
    return head + body + attribute(INTEGRITY, mac, False)


def parse(dialect, data):
    found, at = {}, 20
    while at + 4 <= len(data):
        kind, length = struct.unpack(">HH", data[at:at + 4])
        found[kind] = data[at + 4:at + 4 + length]
        at += 4 + length + (-length % 4 if dialect == "rfc" else 0)
    return found


def ask(sock, dialect, data):
    sock.send(data)
    found = parse(dialect, sock.recv(2048))
    error = found.get(ERROR)
    return (error[2] * 100 + error[3] if error else 0), found


def main():
    dialect, address, port, user, password = sys.argv[1:]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(5)
    sock.connect((address, int(port)))
    if dialect == "rfc":
        wish = [(TRANSPORT, bytes([17, 0, 0, 0]))]
        name, secret = user.encode(), password.encode()
        nonce_kind, realm_kind = NONCE, REALM
    else:
        wish = [(MAGIC_COOKIE, bytes.fromhex("72c64bc6")),
                (MS_VERSION, bytes([0, 0, 0, 1]))]
        name, secret = base64.b64decode(user), base64.b64decode(password)
        nonce_kind, realm_kind = NONCE_MS, REALM_MS
    code, found = ask(sock, dialect, message(dialect, wish))
    if code != 401:
        sys.exit("no challenge: %d %r" % (code, found))
    realm, nonce = found[realm_kind], found[nonce_kind]
    key = hashlib.md5(name + b":" + realm + b":" + secret).digest()
    code, found = ask(sock, dialect, message(dialect, wish + [
        (USERNAME, name), (nonce_kind, nonce), (realm_kind, realm)], key))
    print(code)


if __name__ == "__main__":
    main()
