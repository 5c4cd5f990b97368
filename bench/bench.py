#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures libmio and its peers at the same work, and reports.

Runs in the build directory, by make bench or make bench-quick.  A round runs
each peer at each work once, the peers of a work one right after the other in
an order drawn anew, so that what else the machine does falls on all of them;
a ratio is of two runs of the same round.  Writes to the output directory:

  report.txt    where, how, and the tables
  quoted.txt    the lines of README and mio_performance(7), from this report
  summary.csv   a line for each work and peer
  samples.csv   a line for each run
  *.svg, *.png  pictures of these, if there is gnuplot
"""

import argparse
import csv
import json
import os
import platform
import queue
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import claims
import pictures

# Time is processor time where the work is one thread's and never sleeps:
# it does not count what other processes do meanwhile.
Work = namedtuple("Work", "group name arguments clock level counted quick")
Peer = namedtuple("Peer", "name program backend level")

WORKS = [Work(*row) for row in (
    # group   name   arguments   clock  level    counted quick
    ("chain", "chain", "100 10", "cpu", "epoll", True, False),
    ("chain", "chain", "1000 100", "cpu", "epoll", True, True),
    ("chain", "chain", "8000 100", "cpu", "epoll", False, False),
    ("chain", "chain", "1000 1", "cpu", "epoll", True, False),
    ("idle", "idle", "10", "cpu", "epoll", True, True),
    ("idle", "idle", "100", "cpu", "epoll", False, False),
    ("idle", "idle", "1000", "cpu", "epoll", True, True),
    ("idle", "idle", "10000", "cpu", "epoll", True, False),
    ("churn", "churn", "0", "cpu", "epoll", True, True),
    ("churn", "churn-turns", "0", "cpu", "epoll", True, False),
    ("wake", "wake-idle", "", "cpu", "epoll", True, True),
    ("wake", "wake-trip", "1", "wall", "epoll", False, False),
    ("wake", "wake-trip", "2", "wall", "epoll", False, True),
    ("wake", "wake-many", "", "wall", "epoll", False, False),
    ("timed", "timed", "5000000", "cpu", "epoll", True, True),
    # Valgrind knows no epoll_pwait2.
    ("timed", "timed", "5000100", "cpu", "epoll", False, False),
    ("timed", "timed-trip", "5000000", "wall", "epoll", False, False),
    ("timed", "timed-trip", "5000100", "wall", "epoll", False, False),
    ("serve", "echo", "1", "wall", "epoll", True, False),
    ("serve", "echo", "50", "wall", "epoll", True, True),
    ("serve", "echo", "500", "wall", "epoll", True, False),
    ("serve", "accept", "", "wall", "epoll", True, True),
    ("serve", "http", "50", "wall", "epoll", False, True),
    ("poll", "idle", "10", "cpu", "poll", False, False),
    ("poll", "idle", "100", "cpu", "poll", True, False),
    ("poll", "idle", "1000", "cpu", "poll", True, True),
    ("poll", "idle", "5000", "cpu", "poll", False, False),
    ("poll", "chain", "100 10", "cpu", "poll", True, False),
    ("poll", "chain", "1000 100", "cpu", "poll", True, True),
    ("poll", "chain", "5000 500", "cpu", "poll", False, False),
    ("poll-churn", "churn", "1000", "cpu", "poll", True, False),
    ("poll-churn", "churn-turns", "1000", "cpu", "poll", False, False),
)]

# The first of each level is what the others are compared with.
PEERS = [Peer(*row) for row in (
    ("epoll", "epoll", "default", "epoll"),
    ("epoll, again", "epoll", "default", "epoll"),
    ("epoll, level", "epoll", "level", "epoll"),
    ("epoll, short reads", "epoll", "short", "epoll"),
    ("libmio, shared", "mio", "default", "epoll"),
    ("libmio, static", "mio-static", "default", "epoll"),
    ("libmio, static LTO", "mio-lto", "default", "epoll"),
    ("Rust's mio", "mio-rs", "default", "epoll"),
    ("libuv", "libuv", "default", "epoll"),
    ("libuv, uv_tcp", "libuv", "tcp", "epoll"),
    ("libev", "libev", "default", "epoll"),
    ("libevent", "libevent", "default", "epoll"),
    ("poll(2)", "poll", "default", "poll"),
    ("poll(2), again", "poll", "default", "poll"),
    ("libmio, poll", "mio", "poll+eventfd", "poll"),
    ("libmio, poll, sources", "mio", "sources", "poll"),
    ("libev, poll", "libev", "poll", "poll"),
    ("libevent, poll", "libevent", "poll", "poll"),
)]
CLOCKS = {"cpu": "processor", "wall": "wall"}
BASE = {"epoll": "epoll", "poll": "poll(2)"}
# Peers that do not do all the work.
ONLY = {
    # Of interest where there are events to take.
    "epoll, level": {"chain", "idle", "wake-trip", "echo", "accept", "http"},
    # It ends at a read that gave less than asked, as libmio's servers do.
    "epoll, short reads": {"echo", "http"},
    # An event of theirs needs no fstat.
    "libmio, poll, sources": {"chain"},
    # It differs where there is something to read.
    "libuv, uv_tcp": {"echo", "http"},
}
# Work that these alone do.
TIMED = {"epoll", "epoll, again", "libmio, shared", "libmio, static",
         "libmio, static LTO"}
COUNTS = 1000   # operations that are counted
BEGAN = time.monotonic()


class Skipped(Exception):
    """A program says that it cannot do this here."""


def elapsed():
    return time.monotonic() - BEGAN


def say(text):
    print(f"{elapsed():5.0f} s  {text}", file=sys.stderr, flush=True)


def command(work, peer, count):
    return [f"bench/bench-{peer.program}", peer.backend, work.name,
            *work.arguments.split(), str(count)]


def run(argv, limit=120):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=limit,
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode == 77:
        raise Skipped(done.stderr.strip())
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: exit status "
                           f"{done.returncode}\n{done.stderr}")
    return done.stdout


def sample(work, peer, count):
    return json.loads(run(command(work, peer, count)))


def calibrate(work, peer, seconds):
    """The count that takes about so long."""
    if work.name == "http":
        return max(1, round(seconds))
    count = 200
    for _ in range(4):
        result = sample(work, peer, count)
        factor = seconds / max(result[work.clock], 1e-7)
        count = max(20, int(count * min(factor, 50)))
        if factor < 2:
            break
    return count


def per_operation(result, clock):
    return result[clock] / result["operations"] * 1e9


def callgrind(argv):
    with tempfile.NamedTemporaryFile() as out:
        run(["valgrind", "--tool=callgrind",
             f"--callgrind-out-file={out.name}", *argv])
        text = out.read().decode()
    return {"": int(re.search(r"^(?:summary|totals): (\d+)", text,
                              re.MULTILINE)[1])}


def strace(argv):
    """Calls by name, of a server without those of the load on it."""
    follow = ["-f"] if argv[2].startswith("wake") else []
    with tempfile.NamedTemporaryFile("r") as out:
        run(["strace", *follow, "-c", "-U", "name,calls", "-o", out.name,
             *argv])
        pairs = (line.split() for line in out)
        return {pair[0]: int(pair[1]) for pair in pairs
                if len(pair) == 2 and pair[1].isdigit() and
                pair[0] != "total"}


def counted(count, work, peer):
    """What an operation takes: by the difference of N and 2N."""
    # A tenth more of each, to warm up.
    one, two = (count(command(work, peer, n * COUNTS)) for n in (1, 2))
    return {name: (two[name] - one.get(name, 0)) / (1.1 * COUNTS)
            for name in two}


def tool_works(argv):
    try:
        subprocess.run(argv, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def quartiles(values):
    if len(values) == 1:
        return values * 3
    return statistics.quantiles(values, n=4, method="inclusive")


class Bench:
    def __init__(self, options):
        self.options = options
        self.rounds = 0     # done
        self.notes = []     # what was cut short
        self.peers = [peer for peer in PEERS if self.wanted_peer(peer)]
        self.works = [work for work in WORKS if self.wanted_work(work)]
        self.skipped = []
        self.samples = []   # (work, peer, round, result)
        self.counts = {}    # (work, peer): operations of a run
        self.numbers = {}   # (work, peer): instructions, system calls

    def wanted_peer(self, peer):
        if not os.access(f"bench/bench-{peer.program}", os.X_OK):
            return False
        return peer.name in BASE.values() or not self.options.peer or any(
            text in peer.name for text in self.options.peer)

    def wanted_work(self, work):
        if self.options.work:
            return any(text in title(work) for text in self.options.work)
        return work.quick or not self.options.quick

    def pairs(self):
        for work in self.works:
            for peer in self.peers:
                if peer.level != work.level or work.name not in ONLY.get(
                        peer.name, {work.name}):
                    continue
                if work.group != "timed" or peer.name in TIMED:
                    yield work, peer

    def time_for(self, seconds):
        limit = self.options.limit
        return not limit or elapsed() + seconds <= limit

    def prepare(self):
        for work, peer in self.pairs():
            say(f"calibrating {title(work)}, {peer.name}")
            # What else runs disturbs wall time more.
            seconds = self.options.time * (2 if work.clock == "wall" else 1)
            try:
                self.counts[work, peer] = calibrate(work, peer, seconds)
            except Skipped as reason:
                self.skipped.append((work, peer, str(reason)))

    def measure(self):
        order = random.Random(1)
        took = 0    # the last round, but for http
        for turn in range(self.options.rounds):
            if turn and not self.time_for(took):
                self.notes.append(f"{turn} of {self.options.rounds} rounds "
                                  f"in {self.options.limit:.0f} s")
                return
            began = elapsed()
            self.rounds = turn + 1
            for work in self.works:
                if work.name == "http":
                    continue
                self.once(work, turn, order)
            took = elapsed() - began
            for work in self.works:
                if work.name == "http" and turn < self.options.http_rounds:
                    self.once(work, turn, order)

    def once(self, work, turn, order):
        peers = [p for w, p in self.counts if w == work]
        order.shuffle(peers)
        say(f"round {turn + 1} of {self.options.rounds}: {title(work)}")
        for peer in peers:
            result = sample(work, peer, self.counts[work, peer])
            self.samples.append((work, peer, turn, result))

    def count(self):
        """As many at a time as there are processors: nothing is timed."""
        tools = [(tool, count) for tool, probe, count in (
            ("valgrind", ["valgrind", "--tool=none", "true"], callgrind),
            ("strace", ["strace", "-o", os.devnull, "true"], strace))
            if tool_works(probe)]
        # The load on a server would be counted as its instructions.
        jobs = [(work, peer, tool, count)
                for work, peer in self.counts
                if work.counted and not peer.name.endswith(", again")
                for tool, count in tools
                if tool != "valgrind" or work.group != "serve"]
        processors = queue.SimpleQueue()
        for number in os.sched_getaffinity(0):
            processors.put(number)

        def do(job):
            work, peer, tool, count = job
            if not self.time_for(self.options.limit * 0.4):
                return
            say(f"counting {title(work)}, {peer.name}: {tool}")
            numbers = counted(count, work, peer)
            self.numbers.setdefault((work, peer), {})[tool] = numbers

        with ThreadPoolExecutor(processors.qsize(), initializer=lambda:
                os.sched_setaffinity(0, {processors.get()})) as pool:
            list(pool.map(do, jobs))
        done = sum(len(numbers) for numbers in self.numbers.values())
        if done < len(jobs):
            self.notes.append(f"{done} of {len(jobs)} counts in "
                              f"{self.options.limit:.0f} s")

    def summary(self):
        rows = []
        for work, peer in self.counts:
            base = self.times(work, BASE[work.level])
            mine = self.times(work, peer.name)
            times = quartiles(list(mine.values()))
            ratios = quartiles([mine[turn] / base[turn] for turn in mine])
            results = [result for w, p, _, result in self.samples
                       if (w, p) == (work, peer)]
            numbers = self.numbers.get((work, peer), {})
            rows.append({
                "level": work.level,
                "group": work.group,
                "work": title(work),
                "peer": peer.name,
                "clock": work.clock,
                "rounds": len(mine),
                "operations": statistics.median_low(
                    [result["operations"] for result in results]),
                "ns_q1": f"{times[0]:.1f}",
                "ns": f"{times[1]:.1f}",
                "ns_q3": f"{times[2]:.1f}",
                "ratio_q1": f"{ratios[0]:.4f}",
                "ratio": f"{ratios[1]:.4f}",
                "ratio_q3": f"{ratios[2]:.4f}",
                "cpu_ns": "%.1f" % statistics.median(
                    [per_operation(result, "cpu") for result in results]),
                "instructions": "".join(
                    "%.1f" % numbers[tool][""] for tool in ("valgrind",)
                    if tool in numbers),
                "system_calls": "".join(
                    "%.2f" % abs(sum(numbers[tool].values()))
                    for tool in ("strace",) if tool in numbers),
                "heap": statistics.median_low(
                    [result["heap"] for result in results]),
                "rss_kib": statistics.median_low(
                    [result["rss"] for result in results]),
            })
        return rows

    def times(self, work, name):
        return {turn: per_operation(result, work.clock)
                for w, p, turn, result in self.samples
                if w == work and p.name == name}

    def complete(self):
        """Every peer that is there, at every work, in every round."""
        want = sum(min(self.rounds, self.options.http_rounds)
                   if work.name == "http" else self.rounds
                   for work, _ in self.pairs())
        return not self.skipped and len(self.samples) == want


def title(work):
    arguments = work.arguments.replace(" ", "/")
    prefix = "poll: " if work.level == "poll" else ""
    return f"{prefix}{work.name} {arguments}".rstrip()


def first_line(argv):
    try:
        return run(argv).splitlines()[0]
    except (OSError, IndexError, RuntimeError):
        return "not there"


def processor():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
        match = re.search(r"^model name\s*: (.*)$", info.read(), re.MULTILINE)
    return match[1] if match else platform.machine()


def distribution():
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def header(bench):
    yield f"system      {distribution()}, Linux {platform.release()}"
    yield f"machine     {processor()}, {os.cpu_count()} processors"
    yield "load        %.2f %.2f %.2f at the end" % os.getloadavg()
    yield (f"compiler    {first_line([os.environ.get('CC', 'cc'), '--version'])}"
           f", {os.environ.get('CFLAGS', '')}")
    yield f"libc        {' '.join(platform.libc_ver())}"
    seen = set()
    for peer in bench.peers:
        if peer.program not in seen and peer.name not in BASE.values():
            seen.add(peer.program)
            version = first_line([f"bench/bench-{peer.program}", "version"])
            yield f"{peer.program:<11} {version}"
    options = bench.options
    yield (f"rounds      {bench.rounds}, of {options.time * 1000:.0f} ms of "
           f"processor time or {options.time * 2000:.0f} ms of wall time; "
           f"http {min(bench.rounds, options.http_rounds)}, of 1 s")
    yield f"took        {elapsed():.0f} s"
    for note in bench.notes:
        yield f"cut short   {note}"
    for work, peer, reason in bench.skipped:
        yield f"skipped     {title(work)}, {peer.name}: {reason}"


def table(rows):
    """A block for each work."""
    form = "  {:<22}{:>9}{:>8}{:>15}{:>10}{:>8}{:>10}"
    for name in dict.fromkeys(row["work"] for row in rows):
        block = [row for row in rows if row["work"] == name]
        clock = CLOCKS[block[0]["clock"]]
        yield ""
        yield f"{name}, {clock} time of an operation"
        yield form.format("", "ns", "ratio", "quartiles", "instr.", "calls",
                          "peak KiB")
        for row in block:
            spread = f"{float(row['ratio_q1']):.2f}-" \
                     f"{float(row['ratio_q3']):.2f}"
            yield form.format(row["peer"], row["ns"],
                              f"{float(row['ratio']):.3f}", spread,
                              row["instructions"], row["system_calls"],
                              row["rss_kib"])


def noise(rows):
    """Hand-written against itself: what a ratio is worth."""
    for base in BASE.values():
        for clock, name in CLOCKS.items():
            ratios = [float(row["ratio"]) for row in rows
                      if row["peer"] == f"{base}, again" and
                      row["clock"] == clock]
            if ratios:
                yield (f"  {base:<8} {name:<10} medians from "
                       f"{min(ratios):.3f} to {max(ratios):.3f}")


def calls(bench):
    for (work, peer), numbers in bench.numbers.items():
        made = {name: n for name, n in numbers.get("strace", {}).items()
                if n >= 0.005}
        if made:
            text = ", ".join(f"{n:.2f} {name}" for name, n in sorted(
                made.items(), key=lambda item: -item[1]))
            yield f"  {title(work):<21}{peer.name:<22}{text}"


def report(bench, rows):
    yield "libmio and its peers at the same work"
    yield ""
    yield from header(bench)
    yield ""
    yield "Noise: hand-written against itself"
    yield from noise(rows)
    yield ""
    yield from claims.bars(rows)
    yield from table(rows)
    yield ""
    yield "Bytes of heap for a registration"
    for peer, size in claims.registration(rows).items():
        yield f"  {peer:<22}{size:9.0f}"
    yield ""
    yield "System calls of an operation; of servers, which strace slows:"
    yield "more messages are there at a wait than without it"
    yield from calls(bench)


def write_csv(path, rows):
    with open(path, "w", newline="", encoding="ascii") as out:
        writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="bench/report", metavar="DIR")
    parser.add_argument("--quick", action="store_true",
                        help="a selection of the work, few and short rounds")
    parser.add_argument("--rounds", type=int, help="40, or 5 if quick")
    parser.add_argument("--time", type=float, metavar="SECONDS",
                        help="of a run, twice that where it is wall time: "
                        "0.025, or 0.01 if quick")
    parser.add_argument("--limit", type=float, metavar="SECONDS",
                        help="end with fewer rounds after that; 0, which is "
                        "none, or 90 if quick")
    parser.add_argument("--http-rounds", type=int, metavar="ROUNDS",
                        help="of http, a second each: 5, or 1 if quick")
    parser.add_argument("--work", action="append", metavar="TEXT",
                        help="work with this in its name only")
    parser.add_argument("--peer", action="append", metavar="TEXT",
                        help="peers with this in their name only")
    parser.add_argument("--no-counts", action="store_true",
                        help="neither instructions nor system calls")
    parser.add_argument("--all", action="store_true",
                        help="fail if any peer or work is missing")
    options = parser.parse_args()
    options.rounds = options.rounds or (5 if options.quick else 40)
    options.time = options.time or (0.01 if options.quick else 0.025)
    if options.limit is None:
        options.limit = 90 if options.quick else 0
    options.http_rounds = options.http_rounds or (1 if options.quick else 5)
    return options


def main():
    options = parse()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.makedirs(options.output, exist_ok=True)
    bench = Bench(options)
    if options.all and len(bench.peers) < len(PEERS):
        there = [peer.name for peer in bench.peers]
        sys.exit("not there: " + ", ".join(
            peer.name for peer in PEERS if peer.name not in there))
    if not bench.works:
        sys.exit("no such work")
    if shutil.which("wrk") is None:
        bench.works = [w for w in bench.works if w.name != "http"]
    bench.prepare()
    # First, so that a limit costs rounds rather than whole columns.
    if not options.no_counts:
        bench.count()
    bench.measure()
    rows = bench.summary()
    write_csv(f"{options.output}/summary.csv", rows)
    write_csv(f"{options.output}/samples.csv", [
        {"work": title(work), "peer": peer.name, "round": turn + 1, **result}
        for work, peer, turn, result in bench.samples])
    for name, lines in (("report", report(bench, rows)),
                        ("quoted", claims.quoted(rows))):
        with open(f"{options.output}/{name}.txt", "w",
                  encoding="ascii") as out:
            out.writelines(line + "\n" for line in lines)
    pictures.draw(options.output)
    with open(f"{options.output}/report.txt", encoding="ascii") as text:
        print(text.read(), end="")
    if options.all and not bench.complete():
        sys.exit("not every peer did all the work")


if __name__ == "__main__":
    main()
