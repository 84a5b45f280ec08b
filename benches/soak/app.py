#!/usr/bin/env python3
"""A small shop in one process, with incidents at known times: what a soak has to find.

    app.py PORT SECONDS

`/search` computes a little, `/checkout` takes one of eight connections of a pool. A full processor makes both slow. Of SECONDS, counted from the first
request, three parts are bad: see INCIDENTS. `/metrics` is what the shop says of itself, for Prometheus.
"""
import http.server
import sys
import threading
import time
import urllib.parse

#: From and to, as parts of the time.
INCIDENTS = {"search": (0.25, 0.35), "pool": (0.5, 0.6), "items": (0.75, 0.8)}
POOL = 8


class Shop:
    def __init__(self, seconds):
        self.seconds, self.first = seconds, None
        self.pool = threading.Semaphore(POOL)
        self.in_use = self.served = 0
        self.lock = threading.Lock()

    def is_bad(self, incident):
        begin, end = INCIDENTS[incident]
        return begin <= (time.monotonic() - self.first) / self.seconds < end

    def count(self, **added):
        with self.lock:
            for name, number in added.items():
                setattr(self, name, getattr(self, name) + number)

    def search(self, _):
        # Sixty times a second, 15 ms of a processor are nearly all that one interpreter lock has.
        until = time.thread_time() + (0.015 if self.is_bad("search") else 0.001)
        while time.thread_time() < until:
            pass
        return 200, "found"

    def checkout(self, query):
        item = int(query["item"][0])
        if self.is_bad("items") and item >= 900:
            return 503, "no such shelf"
        with self.pool:
            self.count(in_use=1)
            time.sleep(0.6 if self.is_bad("pool") else 0.01)
            self.count(in_use=-1)
        return 200, "sold"

    def metrics(self, _):
        return 200, ("# TYPE shop_pool_in_use gauge\n" f"shop_pool_in_use {self.in_use}\n"
                     "# TYPE shop_requests_total counter\n" f"shop_requests_total {self.served}\n")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url, shop = urllib.parse.urlsplit(self.path), self.server.shop
        if shop.first is None and url.path != "/metrics":
            shop.first = time.monotonic()
        page = {"/search": shop.search, "/checkout": shop.checkout, "/metrics": shop.metrics}.get(url.path)
        status, text = page(urllib.parse.parse_qs(url.query)) if page else (404, "no such page")
        if url.path != "/metrics":
            shop.count(served=1)
        body = text.encode()
        head = f"HTTP/1.1 {status} -\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 128


if __name__ == "__main__":
    server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
    server.shop = Shop(float(sys.argv[2]))
    server.serve_forever()
