#!/bin/sh
# SPDX-License-Identifier: MIT
# headers.sh for C++11.

compiler=${CXX:-c++}
if ! command -v "${compiler%% *}" >/dev/null; then
	echo "no C++ compiler"
	exit 77
fi
std=c++11
suffix=cc
# Not -Wshadow: mio_poll is a struct and a function, as stat is.
warnings='-Wall -Wextra -Wpedantic -Wconversion'
. "$(dirname "$0")/headers.sh"
