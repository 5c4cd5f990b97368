#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is claimed of the figures in a report of bench.py.

claims.py DIR      prints the lines that README and mio_performance(7) quote
claims.py DIR DIR  says whether both reports show each ordering that these
                   claim: exit status 1 if not
"""

import csv
import re
import sys

LIBMIO = ("libmio, shared", "libmio, static", "libmio, static LTO")
LIBMIO_POLL = ("libmio, poll", "libmio, poll, sources")
RIVALS_POLL = ("libev, poll", "libevent, poll")
OTHERS = ("Rust's mio", "libuv", "libev", "libevent")

# At most so much of the time of hand-written epoll: by group or by work.
TIMES = {"chain": 1.03, "idle": 1.03, "churn": 1.03, "wake-idle": 0.05,
         "wake-trip 1": 1.0, "wake-trip 2": 1.0}
# At most so many bytes of heap for a registration.
HEAP = {"epoll": 0, "poll": 48}

# Work, what tells, and peers from the least of it to the most.  README
# tells instructions, mio_performance(7) the rest.
ORDERINGS = (
    ("chain 1000/100", "instructions",
     "epoll", "libmio, shared", "libuv", "libev", "libevent"),
    ("idle 10", "instructions",
     "epoll", "libmio, shared", "libev", "libuv", "libevent"),
    ("chain 100/10", "ratio", "libmio, shared", "libuv"),
    ("chain 100/10", "ratio", "libmio, shared", "libev"),
    ("chain 100/10", "ratio", "libmio, shared", "libevent"),
    ("idle 10000", "ratio", "libmio, shared", "libuv"),
    ("idle 10000", "ratio", "libmio, shared", "libev"),
    ("idle 10000", "ratio", "libmio, shared", "libevent"),
    ("churn 0", "ratio", "libev", "libuv", "libmio, shared", "libevent"),
    ("churn-turns 0", "ratio", "libmio, shared", "libev", "libevent"),
    ("churn-turns 0", "ratio", "libmio, shared", "libuv"),
    ("wake-idle", "ratio",
     "libuv", "libmio, shared", "libev", "Rust's mio"),
    ("wake-idle", "ratio", "libmio, shared", "libevent", "epoll"),
    ("wake-trip 1", "ratio", "libmio, shared", "libev", "libevent", "libuv"),
    ("wake-trip 1", "ratio", "libmio, shared", "epoll, level"),
    ("poll: idle 1000", "ratio", "libmio, poll", "libev, poll"),
    ("poll: idle 1000", "ratio", "libmio, poll", "libevent, poll"),
    ("poll: chain 1000/100", "ratio",
     "libmio, poll, sources", "libev, poll"),
    ("poll: chain 1000/100", "ratio",
     "libmio, poll, sources", "libevent, poll"),
    ("poll: churn 1000", "ratio",
     "libev, poll", "libevent, poll", "libmio, poll"),
)

# The works of the page's table, as it calls them.
WORKS = {
    "chain 100/10": "100 pairs, 10 active",
    "chain 1000/100": "1000 pairs, 100 active",
    "idle 10000": "one event, 10,000 idle",
    "churn 0": "register to deregister",
    "churn-turns 0": "the same, with waits",
    "wake-idle": "a wake that repeats another",
    "wake-trip 1": "a wake and its answer",
}
# The peers of README's table, as it calls them.
PEERS = {
    "epoll": "hand-written epoll",
    "libmio, shared": "libmio",
    "libmio, static LTO": "libmio, static, -flto",
    "Rust's mio": "Rust's mio",
    "libuv": "libuv, uv_poll",
    "libev": "libev, ev_io",
    "libevent": "libevent, level-triggered",
}


def read(directory):
    with open(f"{directory}/summary.csv", encoding="ascii") as lines:
        return list(csv.DictReader(lines))


def column(rows, name):
    """By work and peer, where there is a value."""
    return {(row["work"], row["peer"]): float(row[name])
            for row in rows if row[name] != ""}


def registration(rows):
    """By peer the bytes of heap, the caller's own included."""
    sizes = {}
    for row in rows:
        match = re.fullmatch(r"(?:poll: )?idle (\d+)", row["work"])
        if match:
            sizes.setdefault(row["peer"], {})[int(match[1])] = int(
                row["heap"])
    return {peer: (heap[max(heap)] - heap[min(heap)]) /
                  (max(heap) - min(heap))
            for peer, heap in sizes.items() if len(heap) > 1}


def bar(name, limit, form, values):
    """A line: what, the bar, libmio's, and whether it holds."""
    verdict = "holds" if all(value <= limit for value in values) else \
        "does not hold"
    text = "".join(format(value, form).rjust(9) for value in values)
    return f"  {name:<30}<={format(limit, form).rjust(8)}{text:<29}{verdict}"


def bars(rows):
    """What is asked of libmio: shown, but nothing fails by it."""
    ratio, made = column(rows, "ratio"), column(rows, "system_calls")
    heap = registration(rows)
    groups = {row["work"]: row["group"] for row in rows}

    def of(values, work, peers):
        return [values[work, peer] for peer in peers
                if (work, peer) in values]

    lines = []
    for work, group in groups.items():
        limit = TIMES.get(work, TIMES.get(group))
        values = of(ratio, work, LIBMIO)
        if limit and values:
            lines.append(bar(f"{work}: time", limit, ".3f", values))
    # By hand, too, the waker need not be read; who does is "epoll, level".
    reads = ratio.get(("wake-trip 1", "epoll, level"))
    if reads:
        lines.append(bar("wake-trip 1: of one that reads", 1.0, ".3f",
                         [value / reads for value in
                          of(ratio, "wake-trip 1", LIBMIO)]))
    for work, group in groups.items():
        values = of(made, work, LIBMIO)
        # Those of servers hang on how far strace holds them up.
        if (work, "epoll") in made and values and group != "serve":
            lines.append(bar(f"{work}: calls", made[work, "epoll"], ".2f",
                             values))
    for work in groups:
        theirs = of(ratio, work, RIVALS_POLL)
        values = of(ratio, work, LIBMIO_POLL)
        if theirs and values and re.search(r" 1000\b", work):
            lines.append(bar(f"{work}: time", min(theirs), ".3f", values))
    for level, peers in (("epoll", LIBMIO), ("poll", LIBMIO_POLL)):
        values = [heap[peer] for peer in peers if peer in heap]
        if values:
            lines.append(bar(f"{level}: heap, a registration", HEAP[level],
                             ".0f", values))
    if lines:
        yield ("Bars                                  bar   shared   static"
               "      LTO")
        yield from lines
        yield ("Of poll, shared: registered by number, and as sources; its "
               "time beside")
        yield "the faster of libev and libevent."


def quoted(rows):
    ratio, ns = column(rows, "ratio"), column(rows, "ns")
    instructions = column(rows, "instructions")
    heap = registration(rows)

    yield "README:"
    for peer, name in PEERS.items():
        numbers = [instructions.get((work, peer))
                   for work in ("chain 1000/100", "idle 10")]
        if None not in numbers:
            yield "    {:<33}{:>7.0f}{:>13.0f}     2 + wait".format(
                name, *numbers)
    for peer in ("libmio, shared", "epoll"):
        if ("churn 0", peer) in instructions:
            yield (f"register, reregister, deregister, {PEERS[peer]}: "
                   f"{instructions['churn 0', peer]:.0f} instructions")
    yield ""
    yield "mio_performance(7):"
    for work, name in WORKS.items():
        numbers = [ratio.get((work, peer))
                   for peer in ("libmio, shared", *OTHERS)]
        if None not in numbers:
            yield f".It {name} " + " ".join(f"Ta {n:.2f}" for n in numbers)
    again = [row for row in rows if row["peer"] == "epoll, again" and
             row["clock"] == "cpu"]
    if again:
        yield ("epoll against itself, processor time: {:.2f} to {:.2f}, "
               "median of {} rounds").format(
            min(float(row["ratio"]) for row in again),
            max(float(row["ratio"]) for row in again), again[0]["rounds"])
    for peer in ("libuv", "libmio, shared"):
        if ("wake-idle", peer) in ns:
            yield f"a repeated wake, {peer}: {ns['wake-idle', peer]:.0f} ns"
    for work in dict.fromkeys(row["work"] for row in rows
                              if row["level"] == "poll"):
        yield f"{work}: " + "; ".join(
            f"{peer} {ratio[work, peer]:.2f}"
            for peer in (*RIVALS_POLL, *LIBMIO_POLL)
            if (work, peer) in ratio)
    yield "bytes a registration: " + "; ".join(
        f"{peer} {size:.0f}" for peer, size in heap.items()
        if "again" not in peer)


def agree(directories):
    """Prints a line for each ordering of two peers."""
    reports = [read(directory) for directory in directories]
    good = True
    for work, metric, *peers in ORDERINGS:
        for less, more in zip(peers, peers[1:]):
            verdicts = []
            for rows in reports:
                values = column(rows, metric)
                pair = values.get((work, less)), values.get((work, more))
                if None in pair:
                    verdicts.append("not measured")
                elif pair[0] < pair[1]:
                    verdicts.append("holds")
                else:
                    verdicts.append("DOES NOT HOLD: %g, %g" % pair)
            good &= all(verdict == "holds" for verdict in verdicts)
            print(f"{work}, {metric}: {less} < {more}: "
                  f"{' | '.join(verdicts)}")
    return good


def main():
    if len(sys.argv) == 2:
        for line in quoted(read(sys.argv[1])):
            print(line)
    elif len(sys.argv) == 3:
        sys.exit(not agree(sys.argv[1:]))
    else:
        sys.exit("usage: claims.py DIR [DIR]")


if __name__ == "__main__":
    main()
