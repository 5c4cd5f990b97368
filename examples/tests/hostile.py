# SPDX-License-Identifier: MIT
"""hostile.py DIRECTORY BACKEND: peers that mean no good, for the servers of
the examples in DIRECTORY.  None may stop, leak, spin, buffer without bound or
let a well-behaved client wait meanwhile.  See test-hostile.sh."""

import contextlib
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

PATIENCE = 30  # seconds for what should take none
SLACK = 8 << 20  # bytes: every place of a server used once, and no more
LIMIT = 32  # descriptors, for the floods
FLOOD = 100
HOST = "127.0.0.1"
GARBAGE = os.urandom(65536)
bin_dir, backend = sys.argv[1:]
scratch = tempfile.mkdtemp(dir=".")
errors = open(scratch + "/err", "w+")


def wait_for(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(what)
        time.sleep(0.02)


class Process:
    """What /proc tells of one."""

    def __init__(self, pid):
        self.pid = pid
        self.proc = f"/proc/{pid}/"

    def descriptors(self):
        return len(os.listdir(self.proc + "fd"))

    def limit(self, descriptors=None):
        """As said, or to those that it has now."""
        highest = max(map(int, os.listdir(self.proc + "fd")))
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE,
                         (descriptors or highest + 1, LIMIT))

    def stat(self):
        with open(self.proc + "stat") as f:
            return f.read().rsplit(")", 1)[1].split()

    def cpu(self):
        return sum(map(int, self.stat()[11:13]))  # in ticks

    def pause(self):
        os.kill(self.pid, signal.SIGSTOP)
        wait_for("does not pause", lambda: self.stat()[0] == "T")

    def resume(self):
        os.kill(self.pid, signal.SIGCONT)

    def resident(self):
        with open(self.proc + "statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def is_quiet(self):
        before = self.cpu()
        time.sleep(0.25)
        return self.cpu() - before <= 1


class Server:
    kind = socket.SOCK_STREAM
    options = ("0",)
    before = ()
    said = ()  # what it answers, and how the answer ends
    answer = None

    def __init__(self, limit=None):
        command = [*self.before, f"{bin_dir}/{self.name}",
                   "--backend", backend, *self.options]
        if limit:
            command = ["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh",
                       *command]
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=errors, cwd=scratch)
        words = self.child.stdout.readline().split()
        if not words:
            raise AssertionError("does not start")
        self.address = (HOST, int(words[0].split(b":")[-1]))
        pids = {self.child.pid, *(int(word) for word in words[1:])}
        self.processes = [Process(pid) for pid in pids]
        threading.Thread(target=self.drain, daemon=True).start()

    def drain(self):
        while self.child.stdout.read1(65536):
            pass

    def connect(self):
        s = socket.socket(type=self.kind)
        s.settimeout(PATIENCE)
        s.connect(self.address)
        return s

    def talk(self, *lines):
        """Says something, and returns all that comes back till the end."""
        with self.connect() as s:
            for line in lines:
                s.sendall(line)
            s.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: s.recv(65536), b""))

    def serves(self):
        got = self.talk(b"a line\n", b"another\n")
        if not got.endswith(b"a line\nanother\n"):
            raise AssertionError(f"answers {got!r}")

    @contextlib.contextmanager
    def paused(self):
        for process in self.processes:
            process.pause()
        yield
        for process in self.processes:
            process.resume()

    def levels(self):
        return [p.descriptors() for p in self.processes]

    def memory(self):
        return sum(p.resident() for p in self.processes)

    def is_quiet(self):
        for process in self.processes:
            wait_for("spins", process.is_quiet)

    def stop(self):
        if self.child.poll() is not None:
            raise AssertionError(f"stopped by itself: {self.child.poll()}")
        self.child.send_signal(signal.SIGTERM)
        if self.child.wait(PATIENCE):
            raise AssertionError(f"exit status {self.child.returncode}")


class TcpEcho(Server):
    name = "tcp_echo"
    # Its buffer, a byte less and more, and several.
    said = tuple(GARBAGE[:n] for n in (1, 16383, 16384, 16385, 65536))


class FdPass(TcpEcho):
    name = "unix_fd_pass"


class GlibNested(TcpEcho):
    name = "glib_nested"


class Chat(Server):
    name = "chat"
    said = (b"", b"a line\n", b"half a line", b"\n" * 512)
    answer = b""

    def serves(self):
        with self.connect() as one, self.connect() as other:
            # Both read, as who falls behind has to leave.
            found, deadline = b"", time.monotonic() + PATIENCE
            while b"\na line\n" not in found:
                if time.monotonic() > deadline:
                    raise AssertionError("no line arrives")
                one.sendall(b"\na line\n")
                for s in select.select([one, other], [], [], 0.1)[0]:
                    got = s.recv(1 << 20)
                    if s is other:
                        found = found[-20:] + got

    def stop(self):
        if self.child.poll() is not None:
            raise AssertionError(f"stopped by itself: {self.child.poll()}")
        self.child.stdin.close()
        if self.child.wait(PATIENCE):
            raise AssertionError(f"exit status {self.child.returncode}")


class Http(Server):
    name = "http_hello"
    options = ("--timeout", "1", "--connections", "150", "0")
    request = b"GET /bytes/99999999 HTTP/1.1\r\nHost: a\r\n\r\n"
    said = (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",)
    answer = b"hello, world\n"

    def serves(self):
        got = self.talk(b"GET / HTTP/1.0\r\n", b"\r\n")
        if not got.endswith(b"hello, world\n"):
            raise AssertionError(f"answers {got!r}")


class ListenFds(Server):
    name = "listen_fds"
    options = ()

    def __init__(self, limit=None):
        self.before = (f"{bin_dir}/launch", f"socket{limit}")
        super().__init__(limit)

    def serves(self):
        got = self.connect().recv(100)
        if not got.startswith(b"socket 0 of process"):
            raise AssertionError(f"answers {got!r}")


class UdpEcho(Server):
    name = "udp_echo"
    kind = socket.SOCK_DGRAM

    def serves(self):
        with self.connect() as s:
            s.settimeout(0.5)
            for _ in range(2 * PATIENCE):  # datagrams may be lost
                s.send(b"a datagram")
                try:
                    if s.recv(100) == b"a datagram":
                        return
                except TimeoutError:
                    pass
            raise AssertionError("does not answer")


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def send(s, data, flags=0):
    """As much as goes; the server may have had enough."""
    try:
        return s.send(data, flags)
    except (BlockingIOError, TimeoutError, ConnectionError):
        return 0


# Each gets a fresh connection, and does with it what it likes; what is not
# closed is held.


def idle(server, s):
    pass


def slow(server, s):
    send(s, b"G")


def half_closed(server, s):
    s.shutdown(socket.SHUT_WR)


def deaf(server, s):
    s.shutdown(socket.SHUT_RD)
    send(s, b"a line\n")


def garbage(server, s):
    s.setblocking(False)
    send(s, GARBAGE)


def urgent(server, s):
    send(s, b"a", socket.MSG_OOB)
    send(s, b"bc\n")
    send(s, b"d", socket.MSG_OOB)


def reset_at_once(server, s):
    reset(s)


def reset_after_data(server, s):
    send(s, GARBAGE[:3000])
    reset(s)


def reset_half_closed(server, s):
    send(s, b"a line\n")
    s.shutdown(socket.SHUT_WR)
    reset(s)


def reset_unread(server, s):
    s.settimeout(0.05)
    send(s, getattr(server, "request", b"a line\n"))
    try:
        s.recv(1)
    except OSError:
        pass
    reset(s)


def closed_at_once(server, s):
    s.close()


def closed_unread(server, s):
    s.setblocking(False)
    send(s, GARBAGE)
    s.close()


HOLD = (idle, slow, half_closed, deaf, garbage, urgent)
GO = (reset_at_once, reset_after_data, reset_half_closed, reset_unread,
      closed_at_once, closed_unread)


def hear(s, answer):
    got = b""
    while answer not in got:
        if not (piece := s.recv(65536)):
            raise AssertionError(f"ends after {len(got)} bytes")
        got += piece
    return got


def hear_the_end(s, answer, got=b""):
    got += b"".join(iter(lambda: s.recv(65536), b""))
    if not got.endswith(answer):
        raise AssertionError(f"ends after {len(got)} bytes")


def ends(server):
    """The server hears of a client's end, whether that is told with the last
    data, be the connection new or old, or after they were read."""
    for said in server.said:
        answer = said if server.answer is None else server.answer
        with server.paused():
            s = server.connect()
            s.sendall(said)
            s.shutdown(socket.SHUT_WR)
        hear_the_end(s, answer)
        s.close()
        for together in (False, True):
            s = server.connect()
            s.sendall(said)
            hear(s, answer)
            if together:
                with server.paused():
                    s.sendall(said)
                    s.shutdown(socket.SHUT_WR)
            else:
                s.shutdown(socket.SHUT_WR)
            hear_the_end(s, answer if together else b"")
            s.close()


def urgent_ends(server):
    """Urgent data ends a read early: the rest comes with more, or the end."""
    for more in (b"more\n", b""):
        with server.connect() as s:
            s.sendall(b"a line\n")
            hear(s, b"a line\n")
            with server.paused():
                s.sendall(b"before")
                s.send(b"!", socket.MSG_OOB)
                s.sendall(b"behind\n")
            got = hear(s, b"before")
            s.sendall(more)
            s.shutdown(socket.SHUT_WR)
            hear_the_end(s, b"beforebehind\n" + more, got)


def never_reads(server):
    """Sends for as long as it is taken, and reads nothing."""
    s = server.connect()
    s.setblocking(False)
    send(s, getattr(server, "request", b""))
    left = 32 << 20
    for _ in range(3):
        while left > 0 and (n := send(s, GARBAGE)):
            left -= n
        time.sleep(0.02)
    return s


def close_all(held):
    for s in held:
        s.close()


def tcp_attacks(server):
    ends(server)
    if server.said and server.answer is None:
        urgent_ends(server)
    held = []
    for attack in HOLD * 4 + GO * 10:
        s = server.connect()
        try:
            attack(server, s)
        except OSError:
            pass  # the server was quicker
        held.append(s)
    server.serves()
    server.is_quiet()
    held += [never_reads(server) for _ in range(4)]
    server.serves()
    server.is_quiet()
    # Slow ones go on, and nobody minds.
    for s in held[1::6]:
        if s.fileno() != -1:
            send(s, b"E")
    # Sends for ever, as fast as it can.
    hose = subprocess.Popen(
        [f"{bin_dir}/load", "-g", "-c", "1", "-b", "1000000000000",
         "%s:%d" % server.address], stderr=subprocess.DEVNULL)
    time.sleep(0.1)
    try:
        server.serves()
    finally:
        hose.kill()
        hose.wait()
    close_all(held)


def udp_attacks(server):
    held = []
    for length in (0, 1, 8192, 8193, 65507) * 40:
        s = server.connect()
        s.setblocking(False)
        send(s, GARBAGE[:length])
        if length % 2:
            s.close()  # its answer meets nobody
        held.append(s)
    for _ in range(3000):
        send(held[0], b"flood")
    server.serves()
    server.is_quiet()
    close_all(held)


def look(server, attacks):
    server.serves()
    for process in server.processes:
        wait_for("is not quiet at first", process.is_quiet)
    descriptors, memory = server.levels(), server.memory()
    attacks(server)
    wait_for(f"{server.levels()} descriptors, {descriptors} before",
             lambda: server.levels() == descriptors)
    server.serves()
    server.is_quiet()
    grown = server.memory() - memory
    if grown > SLACK and not os.environ.get("MIO_SANITIZERS"):
        raise AssertionError(f"{grown} bytes more than before")
    server.stop()


def flood(server):
    """More clients than descriptors: they wait, and it rests."""
    held = []
    # First none at all.
    for process in server.processes:
        process.limit()
    for _ in range(3):
        held.append(server.connect())
    server.is_quiet()
    for process in server.processes:
        process.limit(LIMIT)
    server.serves()
    for _ in range(FLOOD):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(server.address)
        held.append(s)
    server.is_quiet()
    if server.name in ("http_hello", "listen_fds"):
        server.serves()  # the others' time is over soon
    close_all(held)


def test(make):
    server = None
    try:
        server = make()
        look(server, tcp_attacks if make.kind == socket.SOCK_STREAM
             else udp_attacks)
        if make.kind == socket.SOCK_STREAM:
            server = make(LIMIT)
            look(server, flood)
    except Exception as error:
        failures.append(f"{make.name}: {type(error).__name__}: {error}")
    finally:
        if server and server.child.poll() is None:
            server.child.kill()


failures = []
servers = [TcpEcho, Chat, Http, FdPass, ListenFds, UdpEcho]
if not backend.startswith("poll"):
    servers.append(GlibNested)  # which needs a selector that is a descriptor
threads = [threading.Thread(target=test, args=(server,)) for server in servers
           if os.access(f"{bin_dir}/{server.name}", os.X_OK)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
if failures:
    errors.seek(0)
    print(errors.read()[-500:])
for failure in failures:
    print(f"FAIL {backend}: {failure}")
sys.exit(bool(failures))
