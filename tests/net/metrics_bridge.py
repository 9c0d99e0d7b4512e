"""The metrics of daemons on a TCP port, for a scraper that knows no Unix
sockets: /DAEMON gives what that daemon's bus answers to /metrics, with its
content type.

    metrics_bridge.py PORT RUN-DIR
"""
import http.client
import http.server
import socket
import sys


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("bus", timeout=5)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Bridge(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        connection = UnixConnection("%s%s.sock" % (sys.argv[2], self.path))
        try:
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            body = answer.read()
        except OSError as e:
            self.send_error(502, str(e))
            return
        finally:
            connection.close()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.getheader("Content-Type"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])),
                                Bridge).serve_forever()
