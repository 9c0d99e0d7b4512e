"""A web server that answers and never ends: drip.py ADDRESS PORT OCTETS
sends so many octets each second, of a file that it says is large."""
import http.server
import sys
import time

ADDRESS, PORT, OCTETS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


class Drip(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(100000))
        self.end_headers()
        try:
            for _ in range(300):
                self.wfile.write(b"E" * OCTETS)
                self.wfile.flush()
                time.sleep(1)
        except OSError:
            print(f"hung up on {self.path}", flush=True)


http.server.ThreadingHTTPServer((ADDRESS, PORT), Drip).serve_forever()
