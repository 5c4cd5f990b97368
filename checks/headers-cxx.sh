#!/bin/sh
# SPDX-License-Identifier: MIT
# headers.sh for C++, by each compiler that is there, from C++11 on.

set -eu
suffix=cc
warnings='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wold-style-cast
	-Wzero-as-null-pointer-constant'
tried=' '
for compiler in "${CXX:-c++}" g++ clang++; do
	command -v "${compiler%% *}" >/dev/null || continue
	case $tried in
	*" $compiler "*) continue ;;
	esac
	tried="$tried$compiler "
	for std in c++11 c++14 c++17 c++20; do
		echo 'int main() { return 0; }' | $compiler -std=$std -x c++ \
			-o /dev/null - 2>/dev/null || continue
		# shellcheck disable=SC1091
		(. "$(dirname "$0")/headers.sh") || {
			echo "FAIL: by $compiler as $std"
			exit 1
		}
		echo "$compiler: $std"
	done
done
[ "$tried" != ' ' ] || {
	echo 'no C++ compiler'
	exit 77
}
