#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compare.py KERNEL RAW RAW2: holds the models against that kernel.

Runs the two programs on the model (MODEL_KERNEL) and compares what they print
with what they printed on the kernel, line by line.  What is not compared, or
not in full, is said here with its reason, and is printed.
"""

import difflib
import os
import re
import subprocess
import sys

# What differs by its nature is written in one way.
SAME = [
    (r"\bid \d+", "id"),
    (r"filt (-1|0)\b", "filt READ"),
    (r"filt (-2|1)\b", "filt WRITE"),
    (r"filt (-11|8)\b", "filt USER"),
    # Buffers have this machine's sizes, files its numbers.
    (r"data [1-9]\d*", "data N"),
    (r"mode (\d\d)\d*", r"mode \1"),
    (r"ino [1-9a-f][0-9a-f]*", "ino N"),
    (r"(fstat pipe: dev) (?!0 )[0-9a-f]+", r"\1 N"),
    (r"SO_ERROR (54|104)", "SO_ERROR ECONNRESET"),
    (r"SO_ERROR (61|111)", "SO_ERROR ECONNREFUSED"),
    (r"(Socket|Transport endpoint) is (already|not) connected",
     r"socket is \2 connected"),
    (r"Protocol (option )?not available", "no such option"),
    (r"Can't assign requested address|Cannot assign requested address",
     "EADDRNOTAVAIL"),
    (r"queue full after \d+", "queue full after some"),
]

# The time of 20 short waits: with a clock's ticks, or without.
TICKS = re.compile(r"(20 waits of 1 [mn]s): (\d+) (ms|us)")

# Lines that begin so are not compared, and why.
APART = {
    "Unix peer SHUT_RD": "Linux' writes fail then, and wake the writer",
    "full: poll": "Linux waits for room in a datagram queue",
    "drained": "Linux tells that there is room again",
    "accept from a named": "Linux ends a bound path with a NUL, and counts it",
    "getpeername: len": "Linux ends a bound path with a NUL, and counts it",
    "fstat kqueue": "the model's kqueue is an epoll descriptor",
    "timer add": "the model has no EVFILT_TIMER",
    "wait of a day": "the model has no EVFILT_TIMER",
    "connect to a bound": "Linux refuses at once",
    "backlog 0": "Linux has room for one more, and drops what follows",
    "UDP loopback": "Linux' loopback delivers before sendto returns",
    "a in b": "Linux' epoll takes no circles",
    "join v6": "whether it may join twice, and where, is Linux' to say",
    "first Unix socket": "the numbers of the kernel's boot",
    "user ": "the header has EVFILT_USER, whether the kernel has or not",
    "again": "the same",
    "trigger of": "the same",
}
# But of these.
KEEP = {"freebsd": ("user ", "again", "trigger of"),
        "netbsd": ("user ", "again", "trigger of"),
        "openbsd": ("accept from a named", "getpeername: len")}
# For one kernel.
FULL = "writes of 4096 fill Linux' pipe, and leave some room in this one"
APART_OF = {
    "netbsd": {"reader closed": FULL, "re-add W": FULL},
    "openbsd": {"reader closed": FULL, "re-add W": FULL},
}


def lines(text, kernel):
    """Normalized; the first run of those that the file has."""
    found, skip_then = [], False
    for line in text.splitlines():
        line = re.sub(r"sonewconn: .*", "", line)
        keep = KEEP[kernel]
        reason = next((why for start, why in APART.items()
                       if line.startswith(start) and start not in keep), None)
        reason = reason or next(
            (why for start, why in APART_OF.get(kernel, {}).items()
             if line.startswith(start)), None)
        if skip_then and line.startswith(" then"):
            continue
        skip_then = reason is not None
        if line == "done":
            break
        if reason is not None or not line or line.startswith(", poll"):
            continue
        for pattern, text_ in SAME:
            line = re.sub(pattern, text_, line)
        ticks = TICKS.match(line)
        if ticks:
            us = int(ticks[2]) * (1000 if ticks[3] == "ms" else 1)
            line = f"{ticks[1]}: {'ticks' if us > 150000 else 'no ticks'}"
        found.append(line)
    return found


def main():
    kernel, programs = sys.argv[1], sys.argv[2:4]
    facts = os.path.dirname(os.path.abspath(__file__))
    status = 0
    for program, name in zip(programs, ("raw", "raw2")):
        recorded = [file for file in os.listdir(facts)
                    if file.startswith(kernel)
                    and file.endswith(f".{name}.txt")]
        if not recorded:
            print(f"{kernel}, {name}: nothing recorded")
            continue
        with open(os.path.join(facts, recorded[0]), encoding="utf8") as file:
            want = lines(file.read(), kernel)
        ran = subprocess.run(
            [program], env={**os.environ, "MODEL_KERNEL": kernel},
            stdout=subprocess.PIPE, timeout=120, check=False)
        got = lines(ran.stdout.decode("utf8", "replace"), kernel)
        different = [line for line in difflib.unified_diff(
            want, got, recorded[0], "the model", lineterm="", n=0)]
        for line in different:
            print(line)
        print(f"{kernel}, {name}: {len(want)} lines"
              f"{' differ' if different else ' are those of the kernel'}")
        if different or ran.returncode != 0 or len(want) < 8:
            status = 1
    for start, why in {**APART, **APART_OF.get(kernel, {})}.items():
        if start not in KEEP[kernel]:
            print(f"not compared: {start!r}: {why}")
    return status


sys.exit(main())
