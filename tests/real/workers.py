# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Programs that use a library without pause: load-check with zlib and SQLite, and curl, which downloads
from a server in this process. The library is the one that was compiled from sources, found by
LD_LIBRARY_PATH. They are subjects as servers are, with a load that never ends: .load() begins to count.
"""

import http.server
import os
import subprocess
import threading

import servers


def with_library(program, folder, name):
    """The environment in which programs find the library by that name."""
    os.symlink(program, f"{folder}/{name}")
    return dict(os.environ, LD_LIBRARY_PATH=folder)


class Worker(servers.Subject):
    """load-check, which compares by itself."""

    def __init__(self, program, folder, kind, library):
        super().__init__(folder, [os.path.join(servers.HERE, "load-check"), kind],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                         env=with_library(program, folder, library))
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError(f"load-check {kind} has ended early")
        self.forget()

    def tell(self):
        self.process.stdin.write("tell\n")
        self.process.stdin.flush()
        return servers.checked(self.process.stdout.readline())

    def load(self):
        self.tell()
        return Counting(self.tell)


class Counting:
    """A load on something that works by itself."""

    def __init__(self, stop):
        self.stop = stop


class Pages(http.server.BaseHTTPRequestHandler):
    """The same page for all paths."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and page in one packet: curl would wait for the second one
    page = b"a page that is downloaded again and again\n" * 50

    def do_GET(self):  # pylint: disable=invalid-name
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.page)))
        self.send_header("Set-Cookie", "name=value; path=/")
        self.end_headers()
        self.wfile.write(self.page)

    def log_message(self, *words):  # pylint: disable=arguments-differ
        pass


class Curl(servers.Subject):
    """curl with a list of pages that has no end; each has to be the one that was sent."""

    def __init__(self, program, folder):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.seen = servers.Seen()
        with open(f"{folder}/stderr", "wb") as errors:
            super().__init__(folder, ["curl", "-q", "-sS", "-b", "a=b", "--noproxy", "*",
                                      f"http://127.0.0.1:{self.server.server_port}/[1-100000000]"],
                             stdout=subprocess.PIPE, stderr=errors,
                             env=with_library(program, folder, "libcurl.so.4"))
        self.log = f"{folder}/stderr"
        threading.Thread(target=self.read, daemon=True).start()
        servers.until(lambda: self.seen.requests, "curl downloads nothing")
        self.forget()

    def read(self):
        size = len(Pages.page)
        while True:
            page = self.process.stdout.read(size)
            if len(page) < size:
                return
            self.seen.requests += 1
            if page != Pages.page:
                self.seen.fail(f"another page: {page[:80]!r}")

    def tell(self):
        seen, self.seen = self.seen, servers.Seen()
        servers.until(lambda: self.seen.requests, "curl has stopped")
        return seen

    def load(self):
        self.tell()
        return Counting(self.tell)

    def stop(self):
        super().stop()
        self.server.shutdown()


WORKERS = {
    "curl": Curl,
    "sqlite3": lambda program, folder: Worker(program, folder, "sqlite3", "libsqlite3.so.0"),
    "zlib": lambda program, folder: Worker(program, folder, "zlib", "libz.so.1"),
}
