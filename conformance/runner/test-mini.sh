#! /bin/sh
# SPDX-License-Identifier: MIT
#
# mini: its words and its exit status; that its results are Check's, where
# Check is; and that it is built by the line in HACKING, without make.  That
# it fails where it should is for tools/test-faulty.sh.

set -eu
LC_ALL=C
export LC_ALL
unset MIO_BACKEND CK_RUN_CASE CK_INCLUDE_TAGS CK_EXCLUDE_TAGS CK_FORK
program=$top_builddir/conformance/mini
check=$top_builddir/tools/mio-conformance
backend=${MIO_BACKENDS%% *}
. "$top_srcdir/tools/testing.sh"

run 2 poll-00
has "'poll-00' is no backend, area, test or row" err
run 2 epol+pipe
run 0 --help
has '^usage: mini'
run 77 pipe_across_fork
has '^ok 1 - .* pipe_across_fork \[pipe-12\] # SKIP needs a process of its own$'
has '^# mini: 0 ok, 0 not ok, 0 gated, [1-9][0-9]* skipped$'
run 0 "$backend" wak-08 wak-09
has "^ok [12] - $backend wak_.* # SKIP gate wak-0[89]: "
run 0 '*+*' int_bits_are_distinct
[ "$(grep '^ok' "$tmp/out" | cut -d ' ' -f 4 | grep -c +)" = \
	"$(echo "$MIO_BACKENDS" | wc -w)" ] || fail 'not on every backend'
run 0 --list lim 'wak_in_*'
has '^wak wak_in_a_signal_handler \[wak-01 poll-06\], needs signals$'
if grep -v '^lim \|^wak wak_in_' "$tmp/out"; then
	fail '--list lim and more'
fi
run 0 lim-02 "$backend"
has '^1\.\.1$'
has "^# $backend: lim, 1\$"
if grep '^# .*mio_porting' "$tmp/out"; then
	fail 'kinds of failures, and none failed'
fi
has "^ok 1 - $backend lim_.* \[.*lim-02.*\]\$"
if grep -v '^ok .*[[ ]lim-02[] ]\|^# \|^1\.\.' "$tmp/out"; then
	fail 'lim-02 and more'
fi

# All of it, several at a time.
areas=$("$program" --list | cut -d ' ' -f 1 | uniq)
part()
{
	# shellcheck disable=SC2046,SC2086
	$MIO_EXEC "$program" "$backend" $(echo "$areas" |
		awk -v part="$1" 'NR % 4 == part') >"$tmp/part.$1" 2>&1 ||
		echo "exit status $?" >>"$tmp/part.$1"
}
part 0 &
part 1 &
part 2 &
part 3 &
wait
sed '/^exit/s/^/not ok /' "$tmp"/part.? >"$tmp/mini"
if grep '^not ok' "$tmp/mini"; then
	fail 'mini fails'
fi

# "VERDICT NAME", without what mini cannot run, which is little.
sed -n 's/^ok \(.*\) # SKIP needs .*/lacks \1/
	s/^\([a-z]*\) [0-9]* - [^ ]* \([^ ]*\) \[.*/\1 \2/p' "$tmp/mini" |
	sort >"$tmp/results"
sed -n 's/^lacks //p' "$tmp/results" >"$tmp/lacking"
all=$("$program" --list | wc -l)
[ "$(wc -l <"$tmp/results")" -eq "$all" ] || fail "not $all results"
[ $(($(wc -l <"$tmp/lacking") * 100)) -lt $((all * 15)) ] || {
	cat "$tmp/lacking"
	fail 'mini lacks too much'
}

# The command of HACKING, which is for Linux.
linux='epoll+eventfd epoll+pipe poll+eventfd poll+pipe'
if [ "$MIO_BACKENDS" = "$linux" ] && [ -z "$MIO_SANITIZERS" ]; then
	mkdir "$tmp/tree"
	for file in conformance include lib; do
		cp -R "$top_srcdir/$file" "$tmp/tree/$file"
	done
	chmod -R u+w "$tmp/tree"
	cp "$top_builddir/config.h" "$tmp/tree"
	cp "$top_builddir/lib/backends.def" "$tmp/tree/lib"
	cc="$CC $CPPFLAGS $CFLAGS -O0 $LDFLAGS"
	sed -n '/^    cc -DMIO_MINI/,/[^\\]$/p' "$top_srcdir/HACKING" |
		sed "s|^    cc |$cc |" >"$tmp/tree/cc.sh"
	(cd "$tmp/tree" && sh ./cc.sh) >"$tmp/out" 2>&1 || {
		cat "$tmp/tree/cc.sh" "$tmp/out"
		fail 'the command in HACKING'
	}
	$MIO_EXEC "$tmp/tree/mini" "$backend" int >"$tmp/out" 2>&1 || {
		cat "$tmp/out"
		fail 'mini by the command in HACKING'
	}
fi

if [ ! -x "$check" ]; then
	echo 'no mio-conformance to compare with'
	exit $status
fi
# shellcheck disable=SC2086
$MIO_EXEC "$check" --backend "$backend" --jobs 4 --tap="$tmp/tap" \
	>"$tmp/out" 2>&1 || {
	cat "$tmp/out"
	fail 'mio-conformance fails'
}
sed -n 's/^\([a-z ]*\) [0-9]* - [^ ]* \([^ ]*\) \[.*/\1 \2/p' "$tmp/tap" |
	sort >"$tmp/wanted"
sed 's/^lacks/ok/' "$tmp/results" | sort | diff "$tmp/wanted" - ||
	fail 'mini and Check differ'
# What is gated, too.
sed -n 's/^ok [0-9]* - [^ ]* \(.*\) # SKIP gate \(.*\)/\1: \2/p' "$tmp/mini" |
	sort >"$tmp/gates"
sed -n 's/^ok [0-9]* - [^ ]* \(.*\) # SKIP/\1:/p' "$tmp/tap" | sort |
	comm -13 - "$tmp/gates" | grep . && fail 'mini gates more than Check'
exit $status
