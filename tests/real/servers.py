# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Servers on the loopback, each below a folder of its own, and clients that keep them busy: nginx with
wrk, redis with redis-benchmark, and beside each the client that knows the answers. What a load saw
comes back as a Seen. Nothing here knows of patches.
"""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DEADLINE_S = 30

NGINX = """\
worker_processes 4;
daemon off;
user root;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 512; }}
http {{
	access_log {folder}/access.log combined buffer=64k;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	types {{ text/plain txt; }}
	upstream behind {{ server unix:{folder}/behind; keepalive 8; }}
	map $uri $mapped {{ ~^/(?<name>[a-z]+)$ $name; default none; }}
	server {{
		listen 127.0.0.1:{port} backlog=1024;
		root {folder}/www;
		keepalive_requests 1000000;
		add_header X-Mapped $mapped;
		error_page 404 =200 /small.txt;
		log_not_found off;
		location /missing {{ }}
		location ~ ^/regex/(.*)$ {{ rewrite ^/regex/(.*)$ /$1?args=$1 last; }}
		location /charset {{
			charset utf-8;
			source_charset koi8-r;
			override_charset on;
			alias {folder}/www/small.txt;
			default_type text/plain;
		}}
		location /proxy {{
			proxy_pass http://behind;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
		}}
	}}
	server {{
		listen unix:{folder}/behind backlog=1024;
		location /proxy {{ alias {folder}/www/small.txt; default_type text/plain; }}
	}}
	charset_map koi8-r utf-8 {{ C0 D18E; C1 D0B0; }}
}}
"""

PATHS = ("/small.txt", "/missing", "/regex/small.txt", "/charset", "/proxy")

WRK = """\
local paths, texts, next_one = {{{paths}}}, {{}}, 0
function init(args)
	for i, path in ipairs(paths) do
		texts[i] = wrk.format("GET", path, {{ ["Host"] = "localhost", {headers} }})
	end
end
function request()
	next_one = next_one % #texts + 1
	return texts[next_one]
end
function done(summary, latency, requests)
	local e = summary.errors
	io.write(string.format('\\n{{"requests":%d,"failures":%d,"max":%f,"p99":%f,"p999":%f}}\\n',
		summary.requests, e.connect + e.read + e.write + e.status + e.timeout,
		latency.max / 1000, latency:percentile(99) / 1000, latency:percentile(99.9) / 1000))
end
"""

# What redis-benchmark asks for in turn: how often, and the command.
BENCHMARKS = (
    (1000, ("PFADD", "sketch:__rand_int__", "__rand_int__")),
    (2000, ("SET", "key:__rand_int__", "value")),
    (2000, ("GET", "key:__rand_int__")),
    (500, ("PFCOUNT", "sketch:000000000001", "sketch:000000000002")),
    (1000, ("EVAL", "local t={} for i=1,50 do t[i]=i end return #t", "0")),
)


class Seen:
    """What clients saw: requests, how many failed and why, latencies in milliseconds."""

    def __init__(self):
        self.requests = self.failures = 0
        self.reasons = []
        self.max = self.p99 = self.p999 = 0.0

    def add(self, other):
        self.requests += other.requests
        self.failures += other.failures
        self.reasons += other.reasons
        for name in ("max", "p99", "p999"):
            setattr(self, name, max(getattr(self, name), getattr(other, name)))

    def fail(self, reason):
        self.failures += 1
        self.reasons.append(reason)


def checked(text):
    """What load-check tells."""
    said = json.loads(text)
    seen = Seen()
    seen.requests, seen.failures = said["answers"], said["wrong"]
    seen.reasons += [said["first"]] if said["wrong"] else []
    seen.max = said["worst"] * 1000
    return seen


def free_port():
    with socket.socket() as connection:
        connection.bind(("127.0.0.1", 0))
        return connection.getsockname()[1]


def until(claim, what):
    """Wait until @claim returns something true, which is returned."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        result = claim()
        if result:
            return result
        time.sleep(0.02)
    raise RuntimeError(f"{what}: not within {DEADLINE_S} s")


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def start_time(pid):
    """Tells a process from a later one that got its number; a dead one has none."""
    try:
        words = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    except OSError:
        return None
    return None if words[0] in "ZX" else words[19]


class Clients:
    """Programs that ask until they are told to stop, and the one that knows the answers."""

    def __init__(self, check):
        command = [os.path.join(HERE, "load-check"), *check]
        self.check = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.check.stdout.readline() != "ready\n":
            raise RuntimeError("load-check has ended early")

    def stop(self):
        text, _ = self.check.communicate("tell\n", timeout=DEADLINE_S)
        return checked(text)


class Wrk(Clients):
    def __init__(self, check, folder, port):
        super().__init__(check)
        self.runs = []
        for name, headers in (("keep", ""), ("close", '["Connection"] = "close"')):
            script = f"{folder}/{name}.lua"
            write(script, WRK.format(paths=",".join(f'"{path}"' for path in PATHS), headers=headers))
            command = ["wrk", "-t1", "-c8", "-d600s", "--timeout", "20s", "-s", script,
                       f"http://127.0.0.1:{port}/"]
            self.runs.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))

    def stop(self):
        seen = super().stop()
        # The checking client's time is of a whole round: wrk has those of single requests.
        seen.max = 0
        for run in self.runs:
            run.send_signal(signal.SIGINT)
        for run in self.runs:
            text, _ = run.communicate(timeout=DEADLINE_S)
            if run.returncode != 0:
                seen.fail(f"wrk ended with {run.returncode}: {text}")
                continue
            said = json.loads(text.strip().splitlines()[-1])
            one = Seen()
            one.__dict__.update(said)
            if one.failures:
                one.reasons.append(" ".join(text.split("Latency")[0].split()))
            seen.add(one)
        return seen


class RedisBenchmark(Clients):
    def __init__(self, check, port):
        super().__init__(check)
        self.port, self.seen, self.ending = port, Seen(), False
        self.counts = {}
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        number = 0
        while not self.ending:
            count, words = BENCHMARKS[number % len(BENCHMARKS)]
            number += 1
            command = ["redis-benchmark", "-p", str(self.port), "-c", "16", "-n", str(count),
                       "-P", "2", "-r", "500", *words]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            self.note(done, count)

    def note(self, done, count):
        if done.returncode != 0 or "rror" in done.stdout + done.stderr:
            self.seen.fail(f"redis-benchmark: {done.returncode} {done.stderr[-200:]}")
            return
        self.seen.requests += count
        before = 0
        for line in re.findall(r"% <= ([\d.]+) milliseconds \(cumulative count (\d+)\)",
                               done.stdout.partition("Cumulative")[0]):
            self.counts[float(line[0])] = self.counts.get(float(line[0]), 0) + int(line[1]) - before
            before = int(line[1])

    def percentile(self, share):
        left = share * sum(self.counts.values())
        for value in sorted(self.counts):
            left -= self.counts[value]
            if left <= 0:
                return value
        return 0.0

    def stop(self):
        self.ending = True
        self.thread.join()
        others = super().stop()
        self.seen.max = max(self.counts, default=0.0)
        self.seen.p99, self.seen.p999 = self.percentile(0.99), self.percentile(0.999)
        others.max = 0
        self.seen.add(others)
        return self.seen


class Subject:
    """A running process, its children, and the log they write: .load() begins a load on it."""

    def __init__(self, folder, command, **options):
        self.folder, self.log = folder, f"{folder}/error.log"
        self.pids = []
        write(self.log, "")
        self.process = subprocess.Popen(command, **options)

    def find_pids(self):
        return [self.process.pid]

    def forget(self):
        """What is so now is what it has to be like later."""
        self.pids = self.find_pids()
        self.times = {pid: start_time(pid) for pid in self.pids}
        self.logged = read(self.log)

    def differences(self):
        """What has changed: processes, the log."""
        gone = [pid for pid in self.pids if start_time(pid) != self.times[pid]]
        words = [f"process {pid} is gone" for pid in gone]
        if self.find_pids() != self.pids:
            words.append("other processes")
        more = read(self.log)[len(self.logged):]
        return words + [f"logged: {line}" for line in more.splitlines()[:3]]

    def stop(self):
        for pid in [self.process.pid, *self.pids]:
            if start_time(pid):
                os.kill(pid, signal.SIGTERM)
        try:
            self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Server(Subject):
    """One that answers at a port."""

    def __init__(self, folder, command):
        super().__init__(folder, command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        try:
            until(lambda: answers(self.port) and self.find_pids(), f"{command[0]} does not answer")
        except RuntimeError:
            self.stop()
            raise
        self.forget()

    def children(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            return sorted(map(int, file.read().split()))


class Nginx(Server):
    def __init__(self, program, folder):
        self.port = free_port()
        os.makedirs(f"{folder}/www")
        write(f"{folder}/www/small.txt", "a small page\n" * 20)
        write(f"{folder}/nginx.conf", NGINX.format(folder=folder, port=self.port))
        super().__init__(folder, [program, "-p", folder, "-c", f"{folder}/nginx.conf"])

    def find_pids(self):
        pids = [self.process.pid, *self.children()]
        return pids if len(pids) == 5 else []

    def load(self):
        pages = [f"{path}={self.folder}/www/small.txt" for path in PATHS]
        return Wrk(["http", str(self.port), *pages], self.folder, self.port)

    def reload(self):
        """New workers, from the master as it is now: they are children of it, and patched as it is."""
        old = self.find_pids()
        os.kill(self.process.pid, signal.SIGHUP)
        until(lambda: self.find_pids() and not set(old[1:]) & set(self.find_pids()), "no new workers")
        self.forget()


class Redis(Server):
    def __init__(self, program, folder):
        self.port = free_port()
        settings = {"port": self.port, "bind": "127.0.0.1", "dir": folder, "save": "", "io-threads": 2,
                    "logfile": f"{folder}/error.log", "loglevel": "notice", "maxclients": 200}
        words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        super().__init__(folder, [program, *words])

    def load(self):
        return RedisBenchmark(["redis", str(self.port)], self.port)


SERVERS = {"nginx": Nginx, "redis": Redis}
