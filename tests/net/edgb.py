#!/usr/bin/env python3
"""Bundles by other hands: the .edgb format in Python and openssl alone.

edgb.py name FILE                             the bundle's name
edgb.py manifest FILE                         its manifest
edgb.py head KEY.pem FILE [LIFE_S]            a head for that bundle, to stdout
"""
import hashlib
import json
import struct
import subprocess
import sys
import tempfile
import time

MAGIC = b"EDGB\x00\x01\r\n"


def manifest(path):
    data = open(path, "rb").read()
    assert data[:8] == MAGIC, "not a bundle"
    length = struct.unpack(">I", data[8:12])[0]
    return data[12:12 + length]


def openssl(*args):
    return subprocess.run(("openssl",) + args, check=True,
                          stdout=subprocess.PIPE).stdout


def sign(key, text):
    raw = openssl("pkey", "-in", key, "-pubout", "-outform", "DER")[-32:]
    with tempfile.NamedTemporaryFile() as f:
        f.write(b"edge-bundle-v1\x00" + hashlib.sha256(text).digest())
        f.flush()
        signature = openssl("pkeyutl", "-sign", "-rawin", "-inkey", key,
                            "-in", f.name)
    return hashlib.sha256(raw).digest() + b"\x01\x00" + signature


def head(key, path, life_s):
    text = manifest(path)
    of = json.loads(text)
    now = int(time.time())
    new = json.dumps({
        "type": "head", "deployment": of["deployment"],
        "epoch": of["epoch"], "serial": of["serial"], "schema": of["schema"],
        "created": now, "expires": now + life_s, "prev_sha256": "",
        "publisher": of["publisher"], "reason": "",
        "of": hashlib.sha256(text).hexdigest(),
    }, sort_keys=True, separators=(",", ":")).encode()
    return (MAGIC + struct.pack(">I", len(new)) + new + b"\x01" +
            sign(key, new) + struct.pack(">Q", 0))


def main(verb, *args):
    if verb == "name":
        print(hashlib.sha256(manifest(args[0])).hexdigest())
    elif verb == "manifest":
        print(manifest(args[0]).decode())
    elif verb == "head":
        life_s = int(args[2]) if len(args) > 2 else 3600
        sys.stdout.buffer.write(head(args[0], args[1], life_s))


main(*sys.argv[1:])
