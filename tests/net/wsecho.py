#!/usr/bin/env python3
"""A WebSocket echo server, and a client that checks it (RFC 6455).

usage: wsecho.py server ADDRESS PORT | wsecho.py client ADDRESS PORT
"""
import base64
import hashlib
import os
import socket
import struct
import sys
import threading

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def read_exactly(f, n):
    data = f.read(n)
    if data is None or len(data) < n:
        raise EOFError
    return data


def read_frame(f):
    first, second = read_exactly(f, 2)
    length = second & 0x7F
    if length == 126:
        length = struct.unpack(">H", read_exactly(f, 2))[0]
    elif length == 127:
        length = struct.unpack(">Q", read_exactly(f, 8))[0]
    mask = read_exactly(f, 4) if second & 0x80 else bytes(4)
    data = read_exactly(f, length)
    return first & 0x0F, bytes(b ^ mask[i % 4] for i, b in enumerate(data))


def frame(opcode, data, mask=False):
    head = bytes([0x80 | opcode])
    bit = 0x80 if mask else 0
    if len(data) < 126:
        head += bytes([bit | len(data)])
    else:
        head += bytes([bit | 126]) + struct.pack(">H", len(data))
    if not mask:
        return head + data
    key = os.urandom(4)
    return head + key + bytes(b ^ key[i % 4] for i, b in enumerate(data))


def read_headers(f):
    headers = {}
    first = f.readline()
    for line in iter(f.readline, b"\r\n"):
        if not line:
            raise EOFError
        name, value = line.split(b":", 1)
        headers[name.strip().lower()] = value.strip()
    return first, headers


def serve(conn):
    f = conn.makefile("rb")
    try:
        _, headers = read_headers(f)
        key = headers[b"sec-websocket-key"] + GUID
        accept = base64.b64encode(hashlib.sha1(key).digest())
        conn.sendall(b"HTTP/1.1 101 Switching Protocols\r\n"
                     b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        while True:
            opcode, data = read_frame(f)
            conn.sendall(frame(opcode, data))
            if opcode == 8:
                break
    except (EOFError, KeyError, OSError):
        pass
    conn.close()


def server(address, port):
    with socket.create_server((address, port)) as listener:
        while True:
            conn, _ = listener.accept()
            threading.Thread(target=serve, args=(conn,), daemon=True).start()


def client(address, port):
    conn = socket.create_connection((address, port), 10)
    f = conn.makefile("rb")
    conn.sendall(b"GET /ws HTTP/1.1\r\nHost: inside\r\n"
                 b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
                 b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                 + base64.b64encode(os.urandom(16)) + b"\r\n\r\n")
    first, _ = read_headers(f)
    assert b" 101 " in first, first
    for size in (1, 100, 1000, 60000):
        text = os.urandom(size).hex()[:size].encode()
        conn.sendall(frame(1, text, mask=True))
        opcode, data = read_frame(f)
        assert (opcode, data) == (1, text), (opcode, len(data))
    conn.sendall(frame(8, b"", mask=True))
    assert read_frame(f)[0] == 8
    print("echoed")


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](
        sys.argv[2], int(sys.argv[3]))
