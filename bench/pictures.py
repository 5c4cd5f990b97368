#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws the pictures of a report of bench.py: pictures.py DIRECTORY."""

import csv
import re
import shutil
import subprocess
import sys

COLOURS = {
    "epoll, level": "#888888",
    "epoll, short reads": "#bbbbbb",
    "libmio, shared": "#08519c",
    "libmio, static": "#3182bd",
    "libmio, static LTO": "#9ecae1",
    "Rust's mio": "#b7410e",
    "libuv": "#31a354",
    "libuv, uv_tcp": "#a1d99b",
    "libev": "#8856a7",
    "libevent": "#e6a700",
    "epoll": "#000000",
    "poll(2)": "#000000",
    "libmio, poll": "#08519c",
    "libmio, poll, sources": "#3182bd",
    "libev, poll": "#8856a7",
    "libevent, poll": "#e6a700",
}
TICS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 1, 1.25, 1.5, 2,
        3, 5, 10, 20, 50, 100, 200, 500)
# What would lie upon others in the curves.
APART = {"epoll, level", "libmio, static", "libmio, static LTO"}
TITLES = {
    "chain": "Events of many socket pairs",
    "idle": "Events of one socket beside idle descriptors",
    "churn": "Register, reregister, deregister",
    "wake": "Wakes by other threads",
    "timed": "Waits with a timeout",
    "serve": "Servers under the same load",
    "poll": "Events, with poll(2) instead of epoll",
    "poll-churn": "Register, reregister, deregister, with poll(2)",
}
# What stands beside a block of bars; {} are the work's numbers.
LABELS = {
    "chain": "{} pairs,\\n{} active",
    "idle": "{} idle,\\n1 active",
    "churn": "one after the other",
    "poll: churn": "one after the other,\\n{} idle",
    "churn-turns": "a wait after each",
    "poll: churn-turns": "a wait after each,\\n{} idle",
    "wake-idle": "nobody waits",
    "wake-trip": "there and back,\\nprocessors: {}",
    "wake-many": "four threads\\nat once",
    "timed": "an event ready,\\n{} ns",
    "timed-trip": "there and back,\\n{} ns",
    "echo": "echo, {}\\nconnections",
    "accept": "accept, echo\\nonce, close",
    "http": "HTTP, {}\\nconnections",
}


def gnuplot(script, path, width, height):
    """The same as SVG and as PNG."""
    for terminal, suffix in (
            (f"svg size {width},{height} dynamic background '#ffffff' "
             "font 'Helvetica,14'", "svg"),
            (f"pngcairo size {width},{height} background '#ffffff' "
             "font 'Helvetica,11'", "png")):
        subprocess.run(["gnuplot"], text=True, check=True, input=(
            f"set terminal {terminal}\nset output '{path}.{suffix}'\n" +
            script))


def label(work):
    match = re.fullmatch(r"((?:poll: )?)(.*?)([ /0-9]*)", work)
    text = LABELS.get(match[1] + match[2], LABELS[match[2]])
    return text.format(*re.findall("[0-9]+", match[3]), "")


def ratios(rows, group, path):
    """
    Bars from 1, a block for each work, whiskers for quartiles, and behind
    them how far those of hand-written code against itself are from 1.
    """
    rows = [row for row in rows if row["group"] == group and
            row["peer"] not in ("epoll", "poll(2)")]
    noise = {row["work"]: row for row in rows if "again" in row["peer"]}
    rows = [row for row in rows if "again" not in row["peer"]]
    if not rows:
        return
    works = list(dict.fromkeys(row["work"] for row in rows))
    peers = sorted({row["peer"] for row in rows},
                   key=list(COLOURS).index)
    base = "poll(2)" if group.startswith("poll") else "epoll"
    blocks, tics, y = {}, [], 0.0
    script, plots = ["$noise << EOD"], []
    for work in works:
        mine = [row for row in rows if row["work"] == work]
        tics.append(f'"{label(work)}" {y + (len(mine) - 1) / 2}')
        if work in noise:
            far = max(1 / float(noise[work]["ratio_q1"]),
                      float(noise[work]["ratio_q3"]))
            script.append(f"{1 / far} {far} {y - 0.5} {y + len(mine) - 0.5}")
        for row in mine:
            blocks.setdefault(row["peer"], []).append((y, row))
            y += 1
        y += 1.2
    values = [float(row[key]) for row in rows
              for key in ("ratio_q1", "ratio_q3")]
    low = min(0.5, min(values) * 0.8)
    high = max(2, max(values) * 1.7)
    script.append("EOD")
    if noise:
        plots.append("$noise using (($1+$2)/2):(($3+$4)/2):1:2:3:4 with "
                     "boxxyerror fill solid 1 noborder lc rgb '#d9d9d9' "
                     f"title \"{base}, again\"")
    for number, peer in enumerate(peers):
        script.append(f"$p{number} << EOD")
        for place, row in blocks[peer]:
            script.append(" ".join((str(place), row["ratio"], row["ratio_q1"],
                                    row["ratio_q3"])))
        script.append("EOD")
        plots.append(
            f"$p{number} using (($2+1)/2):1:(1):2:($1-0.42):($1+0.42) with "
            f"boxxyerror fill solid 0.9 noborder lc rgb '{COLOURS[peer]}' "
            f"title \"{peer}\" noenhanced")
    for number, _ in enumerate(peers):
        plots.append(f"$p{number} using 2:1:3:4 with xerrorbars pt 0 lw 1 "
                     "lc rgb '#333333' notitle")
        # The number, beyond the whisker.
        plots.append(
            f"$p{number} using ($4>1?$4*1.03:1.03):1:"
            "(sprintf($2 < 0.1 ? '%.3f' : '%.2f', $2)) with labels left "
            "font ',9' tc rgb '#333333' notitle")
    script += [
        f"set title \"{TITLES[group]}\\n{{/*0.85 bars: medians of the "
        "rounds; whiskers: quartiles; grey, the noise: hand-written "
        f"{base} against itself}}\"",
        "set xlabel 'faster  <  time as a multiple of "
        f"hand-written {base}  >  slower'",
        "set logscale x 2",
        f"set xrange [{low}:{high}]",
        f"set yrange [{y - 0.6}:-1]",
        "set format x '%g'",
        "set xtics (" + ", ".join(
            str(tic) for tic in TICS if low <= tic <= high and
            (high / low < 20 or tic not in (0.8, 1.25, 1.5))) + ")",
        f"set ytics ({', '.join(tics)}) scale 0",
        "set grid xtics lt 1 lc rgb '#eeeeee'",
        "set arrow from 1, graph 0 to 1, graph 1 nohead lw 2 "
        "lc rgb '#000000' front",
        "set key outside right top reverse Left samplen 1.5 spacing 1.2",
        "set border 1",
        "set xtics nomirror",
        "plot " + ", \\\n".join(plots),
    ]
    gnuplot("\n".join(script) + "\n", path, 960,
            max(340, 170 + int(19 * y)))


def curves(rows, path):
    """Time of an event against how many are registered, on log axes."""
    points = {}
    for row in rows:
        match = re.fullmatch(r"(?:poll: )?idle (\d+)", row["work"])
        if match and "again" not in row["peer"] and row["peer"] not in APART:
            points.setdefault(row["peer"], []).append(
                (int(match[1]), row["ns"], row["ns_q1"], row["ns_q3"]))
    points = {peer: line for peer, line in points.items() if len(line) > 1}
    if not points:
        return
    script, plots = [], []
    for number, (peer, line) in enumerate(points.items()):
        script.append(f"$p{number} << EOD")
        script += [" ".join(map(str, point)) for point in sorted(line)]
        script.append("EOD")
        dashes = "dt 2 pt 6" if "poll" in peer.replace("epoll", "") \
            else "dt 1 pt 7"
        plots.append(f"$p{number} using 1:2:3:4 with yerrorlines {dashes} "
                     f"ps 0.8 lw 2 lc rgb '{COLOURS[peer]}' "
                     f"title \"{peer}\" noenhanced")
    script += [
        "set title \"What an event costs while N others are idle\\n"
        "{/*0.85 processor time with the caller's read and write; "
        "dashed: the backends for poll(2)}\"",
        "set logscale xy",
        "set xlabel 'idle descriptors registered'",
        "set ylabel 'nanoseconds an event'",
        "set format y '%.0f'",
        "set xrange [8:13000]",
        "set grid lt 1 lc rgb '#eeeeee'",
        "set key outside right top reverse Left samplen 2.5 spacing 1.2",
        "plot " + ", \\\n".join(plots),
    ]
    gnuplot("\n".join(script) + "\n", path, 960, 560)


def draw(directory):
    if shutil.which("gnuplot") is None:
        print("no gnuplot: no pictures", file=sys.stderr)
        return
    with open(f"{directory}/summary.csv", encoding="ascii") as lines:
        rows = list(csv.DictReader(lines))
    for group in TITLES:
        ratios(rows, group, f"{directory}/ratio-{group}")
    curves(rows, f"{directory}/scaling")


if __name__ == "__main__":
    draw(sys.argv[1])
