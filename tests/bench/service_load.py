"""SERVICE requests over one kept TLS connection, eight on their way at once.

    service_load.py ADDRESS:PORT NAME CA CERTIFICATE KEY COUNT

Every request has its own branch, Call-ID and user, so that none is answered
from what was answered before. Prints the seconds it took.
"""
import socket
import ssl
import sys
import time

WINDOW = 8
BODY = (
    '<request requestID="%d" version="2.0" '
    'to="sip:edge.int.contoso.test@contoso.test;gruu;opaque=srvr:MRAS:a" '
    'from="sip:user%d@contoso.test" '
    'xmlns="http://schemas.microsoft.com/2006/09/sip/mrasp" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    '<credentialsRequest credentialsRequestID="%d">'
    '<identity>sip:user%d@contoso.test</identity>'
    '<location>internet</location><duration>480</duration>'
    '</credentialsRequest></request>')
HEAD = (
    'SERVICE sip:edge.int.contoso.test:5062;grid SIP/2.0\r\n'
    'Via: SIP/2.0/TLS 127.0.2.20:51022;branch=z9hG4bK%x.77;branched=FALSE\r\n'
    'Via: SIP/2.0/TLS 10.1.0.77:50100;branch=z9hG4bK0A.%x;'
    'ms-received-port=50100;ms-received-cid=2A00\r\n'
    'Record-Route: <sip:fe.int.contoso.test:5061;transport=tls;'
    'opaque=state:T;lr>;tag=AB12\r\n'
    'Max-Forwards: 69\r\n'
    'From: "User"<sip:user%d@contoso.test>;tag=91c%x;epid=0a1b2c3d4e\r\n'
    'To: <sip:edge.int.contoso.test@contoso.test;gruu;'
    'opaque=srvr:MRAS:a>\r\n'
    'Call-ID: 8d1b6f6be7e2%x\r\nCSeq: 1 SERVICE\r\n'
    'Contact: <sip:user%d@contoso.test;opaque=user:epid:xyz;gruu>\r\n'
    'User-Agent: UCCAPI/4.0.7577.0 OC/4.0.7577.0\r\n'
    'Content-Type: application/msrtc-media-relay-auth+xml\r\n'
    'Content-Length: %d\r\n\r\n')


def request(n):
    body = BODY % (n, n, n, n)
    return (HEAD % (n, n, n, n, n, n, len(body)) + body).encode()


def take_answer(data):
    """What is left behind one whole answer, or None."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = 0
    for line in data[:end].split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line[15:])
    if len(data) < end + 4 + length:
        return None
    if not data.startswith(b"SIP/2.0 200") or \
            (length and b'reasonPhrase="OK"' not in data[:end + 4 + length]):
        sys.exit("refused: %r" % data[:end + 4 + length])
    return data[end + 4 + length:]


def main():
    where, name, ca, certificate, key, count = sys.argv[1:]
    host, port = where.split(":")
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(certificate, key)
    raw = socket.create_connection((host, int(port)), 10)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s = context.wrap_socket(raw, server_hostname=name)
    start = time.monotonic()
    sent, answered, data = 0, 0, b""
    while answered < int(count):
        while sent < int(count) and sent - answered < WINDOW:
            s.sendall(request(sent))
            sent += 1
        chunk = s.recv(65536)
        if not chunk:
            sys.exit("closed after %d answers" % answered)
        data += chunk
        while True:
            rest = take_answer(data)
            if rest is None:
                break
            data = rest
            answered += 1
    print("%.3f" % (time.monotonic() - start))


if __name__ == "__main__":
    main()
