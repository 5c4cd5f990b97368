#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test-hostile.sh [BACKEND...]
#
# The examples that are servers against peers that mean no good: hostile.py.

. "${top_srcdir:=$(dirname "$0")/../..}/examples/tests/testing.sh"
need tcp_echo python3
within 200 "$@"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
	echo "no Python 3.10"
	exit 77
}
[ -d /proc/self/fd ] || {
	echo "no /proc: nothing tells of descriptors and time"
	exit 77
}
script=$(cd "$top_srcdir/examples/tests" && pwd)/hostile.py

test_backend()
{
	python3 "$script" "$bin" "$backend" || fail "see above"
}

run_backends "$@"
