#!/bin/sh
# SPDX-License-Identifier: MIT
# mio-conformance: its options, its lists, its results in each format.  It
# runs small areas only; that the tests fail where they should is for
# test-faulty.sh.

set -eu
LC_ALL=C
export LC_ALL
unset MIO_BACKEND CK_RUN_CASE CK_INCLUDE_TAGS CK_EXCLUDE_TAGS CK_FORK
program=$top_builddir/tools/mio-conformance
backend=${MIO_BACKENDS%% *}
case $backend in
epoll+*) ;;
*)
	echo 'knows the gates and the native events of epoll'
	exit 77
	;;
esac
skipped=
. "$top_srcdir/tools/testing.sh"

# The command line.
run 0 --version
has "^mio-conformance $PACKAGE_VERSION\$"
run 0 --help
has '^usage: mio-conformance '
refused()
{
	text=$1
	shift
	run 2 "$@"
	has "$text" err
	[ ! -s "$tmp/out" ] || fail "$*: words on standard output"
}
refused "unknown option '--jbs'" --jbs 2
refused "unknown argument 'wak'" wak
refused "no backend 'epol'" --backend epol
refused "no area 'waker'" --area waker
refused '--area needs a value' --area
refused '--output: the value is empty' --output=
refused '--jobs 0: say a number' --jobs 0
refused '--jobs 2x: say a number' --jobs=2x
refused '--verbose takes no value' --verbose=yes
refused '--list=rows is not known' --list=rows
refused '--report=xml is not known' --report=xml
refused '--output is for --report' --output "$tmp/x"
refused 'standard output is for one' --tap --junit
refused 'standard output is for one' --report --tap=-

# Lists.
run 0 --list=backends
[ "$(cat "$tmp/out")" = "$(echo "$MIO_BACKENDS" | tr ' ' '\n')" ] ||
	fail "--list=backends: $(cat "$tmp/out")"
run 0 --list=suites
for area in poll reg wak tcps udp uds udg regr matrix; do
	has "^$area: [1-9][0-9]* tests\$"
done
run 0 --list=suites --area lim --area wak
[ "$(wc -l <"$tmp/out")" -eq 2 ] || fail '--list=suites --area'
run 0 --list=tests --area matrix
has '^matrix matrix_tcp_reset \[A-05\]$'
run 0 --list=gates
has '^wak-08	\*+pipe	a pipe has'
run 0 --list
has '^  wak: '
has '^  epoll\|^  poll'

# A run: two cells, every format.
run 0 --backend "$backend" --area int --area matrix --jobs 2 \
	--tap="$tmp/tap" --junit="$tmp/junit" --counts "$tmp/counts" \
	--report=json --output "$tmp/json"
has "^  matrix  *[1-9][0-9]*/0/0  *[1-9][0-9]*/0/0\$"
has 'passed/failed/gated: [1-9][0-9]* tests'
has "of 2: $backend.int: [1-9][0-9]* passed, 0 failed" err
has "^$backend matrix [1-9][0-9]* 0 0\$" counts
[ "$(wc -l <"$tmp/counts")" -eq 2 ] || fail 'counts of other cells, too'
[ "$(head -n 1 "$tmp/tap")" = 'TAP version 13' ] || fail 'no TAP'
tests=$(sed -n 's/^1\.\.//p' "$tmp/tap")
[ "$tests" = "$(grep -c '^ok ' "$tmp/tap")" ] || fail "TAP: 1..$tests"
grep -o '^ok [0-9]*' "$tmp/tap" | cut -d ' ' -f 2 >"$tmp/numbers"
seq "$tests" | cmp -s - "$tmp/numbers" || fail 'TAP counts otherwise'
[ "$tests" = "$(awk '{ n += $3 } END { print n }' "$tmp/counts")" ] ||
	fail "TAP has $tests tests, counts differ"
has "^ok [0-9]* - $backend.matrix matrix_waker \[A-23\]\$" tap
if grep -n '^not ok' "$tmp/tap"; then
	fail 'TAP says not ok'
fi
[ "$tests" = "$(grep -c '<testcase ' "$tmp/junit")" ] ||
	fail 'JUnit has other tests than TAP'

# Gated ones, alone on their area.
run 0 --area wak --backend "$backend" --tap
has ' # SKIP wak-0[89]: '
has '^ok '
has 'gated: .*\.wak wak_' err
has 'passed/failed/gated: ' err

# The same cells from Check's variables; nothing at all is no success.
CK_RUN_CASE=$backend.int
export CK_RUN_CASE
run 0 --verbose
has '^passed: [a-z+]*\.int int_'
has '^  int '
if grep '^passed: ' "$tmp/out" | grep -v '\.int '; then
	fail 'CK_RUN_CASE and more'
fi
CK_RUN_CASE=nothing
run 2
has 'nothing to run' err
unset CK_RUN_CASE
run 2 --area int --backend "$backend" --report --output "$tmp/no/such/file"
has 'no/such/file: ' err

# The report.
run 0 --area matrix --jobs 4 --report
has '^libmio '
has '^Matrix: '
has '^  TCP: peer RST  *R W E rc wc 0x201d  '
has '^  wak-08 '
has ' matrix .*/0/0' err
expand "$tmp/out" |
	awk 'length($0) > 110 && !/^  (compiler|configure|kernel)/' \
	>"$tmp/long"
[ ! -s "$tmp/long" ] || {
	cat "$tmp/long"
	fail 'lines too long to read'
}
if grep '^[*]' "$tmp/out"; then
	fail 'the matrix differs'
fi
run 0 --area int --backend "$backend" --report=html
has '^<!DOCTYPE html>'
has '^</html>'
has 'It was not run'
if grep -n -i -e '<script' -e '<link' -e 'src=' -e '://' "$tmp/out"; then
	fail 'the page needs something else'
fi

# Text of unknown origin.
MIO_BACKEND='<i>"&\'
export MIO_BACKEND
run 0 --area int --backend "$backend" --report=html
has 'EINVAL, by MIO_BACKEND=&lt;i&gt;&quot;&amp;\\<'
run 0 --area int --backend "$backend" --report=json
has '"MIO_BACKEND": "<i>\\"&\\\\"'
unset MIO_BACKEND

# Those who parse.
if command -v jq >/dev/null; then
	jq -e --arg backend "$backend" '
		.conformance.passed == ([.conformance.cells[].passed] | add)
		and .conformance.failed == 0
		and (.matrix | length > 20)
		and all(.matrix[].backends[]; .backend == $backend and
			.result != "differs" and .result != "missing")
		and (.conformance.gates | length > 0)
		and .system.release != ""' "$tmp/json" >/dev/null ||
		fail 'the JSON report says something else'
elif command -v python3 >/dev/null; then
	python3 -c 'import json, sys
assert json.load(sys.stdin)["conformance"]["failed"] == 0' <"$tmp/json" ||
		fail 'the JSON report'
else
	skipped="$skipped jq"
fi
if command -v xmllint >/dev/null; then
	xmllint --noout "$tmp/junit" || fail 'JUnit is no XML'
elif command -v python3 >/dev/null; then
	python3 -c 'import sys, xml.dom.minidom
xml.dom.minidom.parse(sys.argv[1])' "$tmp/junit" || fail 'JUnit is no XML'
else
	skipped="$skipped xmllint"
fi
if [ -n "$skipped" ]; then
	echo "not parsed, for want of:$skipped (or python3)"
	[ $status -ne 0 ] || status=77
fi
exit $status
