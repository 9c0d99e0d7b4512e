"""WCE/1 as docs/protocol/webconf.md says it, a second implementation for
tests: clients and conferencing servers that misbehave in every way."""
import base64
import os
import socket
import ssl
import struct
import subprocess
import time

CODES = {"malformed": 1, "version": 2, "timeout": 3, "ticket": 0x101,
         "server": 0x102, "full": 0x103, "unregistered": 0x104,
         "duplicate": 0x105, "untrusted": 0x106, "draining": 0x201,
         "edge_full": 0x203}


def tlv(tag, value):
    return struct.pack(">HH", tag, len(value)) + value


def frame(kind, payload=b"", channel=0, version=1):
    return b"WE" + bytes([version, kind]) + struct.pack(
        ">II", channel, len(payload)) + payload


def fields(payload):
    out = {}
    while payload:
        tag, n = struct.unpack(">HH", payload[:4])
        out[tag] = payload[4:4 + n]
        payload = payload[4 + n:]
    return out


class Peer:
    """A TLS connection that speaks frames."""

    def __init__(self, sock):
        self.sock = sock
        self.room = b""
        self.kept = []  # frames that came while another was awaited

    def send(self, *frames):
        self.sock.sendall(b"".join(frames))

    def fill(self, n):
        while len(self.room) < n:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self.room += data

    def raw(self, n):
        self.fill(n)
        data, self.room = self.room[:n], self.room[n:]
        return data

    def frame(self):
        """(type, payload); PING is answered."""
        while True:
            head = self.raw(12)
            assert head[:3] == b"WE\x01", head
            kind, n = head[3], struct.unpack(">I", head[8:])[0]
            payload = self.raw(n)
            if kind != 0x30:
                return kind, payload
            self.send(frame(0x31, payload))

    def on_channel(self):
        """(type, channel, payload); PING is answered."""
        if self.kept:
            return self.kept.pop(0)
        while True:
            head = self.raw(12)
            assert head[:3] == b"WE\x01", head
            kind = head[3]
            channel, n = struct.unpack(">II", head[4:])
            payload = self.raw(n)
            if kind != 0x30:
                return kind, channel, payload
            self.send(frame(0x31, payload))

    def code(self):
        """The code of the ERROR that comes, None when the end comes."""
        try:
            kind, payload = self.frame()
        except (EOFError, OSError):
            return None
        assert kind == 3, kind
        return struct.unpack(">H", fields(payload)[0x20])[0]

    def is_closed(self, within=5):
        self.sock.settimeout(within)
        try:
            while self.sock.recv(65536):
                pass
            return True
        except socket.timeout:
            return False
        except OSError:
            return True

    def close(self):
        self.sock.close()


def dial(address, port, timeout=10, local=None):
    sock = socket.create_connection((address, port), timeout,
                                    (local, 0) if local else None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def client_tls(trust, name, address, port, local=None):
    context = ssl.create_default_context(cafile=trust)
    return Peer(context.wrap_socket(dial(address, port, local=local),
                                    server_hostname=name))


def server_tls(cert, trust, address, port=8057, role="client",
               name="edge.int.contoso.test"):
    """The inside server's end; role is who it is in TLS."""
    kind = ssl.PROTOCOL_TLS_CLIENT if role == "client" else \
        ssl.PROTOCOL_TLS_SERVER
    context = ssl.SSLContext(kind)
    context.check_hostname = role == "client"
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(trust)
    if cert:
        context.load_cert_chain(cert + ".crt", cert + ".key")
    sock = dial(address, port)
    if role == "client":
        return Peer(context.wrap_socket(sock, server_hostname=name))
    return Peer(context.wrap_socket(sock, server_side=True))


class Key:
    """An Ed25519 ticket key, made and used by openssl(1)."""

    def __init__(self, folder, number=7):
        self.path = os.path.join(folder, "py-%d.pem" % os.getpid())
        self.number = number
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out",
                        self.path], check=True)
        der = subprocess.run(["openssl", "pkey", "-in", self.path, "-pubout",
                              "-outform", "DER"], check=True,
                             capture_output=True).stdout
        self.public = der[-32:]

    def sign(self, data):
        with open(self.path + ".in", "wb") as f:
            f.write(data)
        return subprocess.run(
            ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.path,
             "-in", self.path + ".in"], check=True,
            capture_output=True).stdout


def sha256(data):
    import hashlib
    return hashlib.sha256(data).digest()


def ticket(key, server, uri, audience, life=(-10, 300), flags=1, alg=1,
           ident=None, rate=0):
    now = int(time.time())
    body = b"WCT1" + struct.pack(
        ">BBHQQ", alg, flags, key.number, now + life[0], now + life[1])
    body += (ident or os.urandom(16)) + server + sha256(uri.lower().encode())
    body += bytes(32) + struct.pack(">HHH", rate, 0, len(audience))
    body += audience.encode()
    return body + key.sign(b"edge-webconf-ticket-v1\0" + body)


def hello(tick, uri, extra=b""):
    return frame(1, tlv(1, tick) + tlv(2, uri.encode()) +
                 tlv(3, os.urandom(16)) + extra)


class Server:
    """A conferencing server that speaks WCE/1 natively."""

    def __init__(self, cert, trust, address, key, ident=None, epoch=None,
                 sessions=1000, role="client", capabilities=0):
        self.args = (cert, trust, address)
        self.role = role
        self.capabilities = capabilities
        self.key = key
        self.ident = ident or os.urandom(16)
        self.epoch = epoch or int(time.time() * 1000)
        self.sessions = sessions
        self.control = None

    def connect(self):
        return server_tls(*self.args, role=self.role)

    def register_frame(self):
        return frame(0x10, tlv(0x30, self.ident) + tlv(0x31, b"pool.test") +
                     tlv(0x32, struct.pack(">I", self.capabilities)) +
                     tlv(0x33, struct.pack(">HB", self.key.number, 1) +
                         self.key.public) +
                     tlv(0x37, struct.pack(">I", self.sessions)) +
                     tlv(0x38, struct.pack(">Q", self.epoch)))

    def register(self):
        self.control = self.connect()
        self.control.send(self.register_frame())
        kind, payload = self.control.frame()
        assert kind in (3, 0x11), kind
        if kind == 3:
            return struct.unpack(">H", fields(payload)[0x20])[0]
        return fields(payload)

    def slot(self):
        peer = self.connect()
        peer.send(frame(0x12, tlv(0x30, self.ident) +
                        tlv(0x38, struct.pack(">Q", self.epoch)) +
                        tlv(0x46, os.urandom(8))))
        return peer

    def trunk(self, channels=100):
        """A connection that carries so many clients; or a code."""
        peer = self.connect()
        peer.send(frame(0x12, tlv(0x30, self.ident) +
                        tlv(0x38, struct.pack(">Q", self.epoch)) +
                        tlv(0x46, os.urandom(8)) +
                        tlv(0x47, struct.pack(">I", channels))),
                  frame(0x30, b"standing"))
        early = []
        while True:
            came = peer.on_channel()
            if came[0] == 3:
                return struct.unpack(">H", fields(came[2])[0x20])[0]
            if came == (0x31, 0, b"standing"):
                peer.kept = early
                return peer
            early.append(came)

    @staticmethod
    def opened(trunk):
        """Wait for CH_OPEN; its channel and fields."""
        kind, channel, payload = trunk.on_channel()
        while kind == 0x23: # credit for another one
            kind, channel, payload = trunk.on_channel()
        assert kind == 0x20, kind
        return channel, fields(payload)

    @staticmethod
    def answer(trunk, channel, credit=262144):
        trunk.send(frame(0x21, tlv(0x70, struct.pack(">I", credit)), channel))

    @staticmethod
    def take(peer):
        """Wait for PAIR on a slot; its fields."""
        kind, payload = peer.frame()
        assert kind == 0x13, kind
        return fields(payload)

    @staticmethod
    def accept(peer, pair):
        peer.send(frame(0x14, tlv(0x10, pair[0x10])))

    @staticmethod
    def reject(peer, pair, code):
        peer.send(frame(0x15, tlv(0x10, pair[0x10]) +
                        tlv(0x20, struct.pack(">H", code))))


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
