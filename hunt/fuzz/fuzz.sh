#!/bin/sh
# SPDX-License-Identifier: MIT
#
#	fuzz.sh SECONDS
#
# Fixed seeds, a fresh one, libFuzzer and AFL++, each for a part of the time.
# What finds something prints a program that shows it.  MIO_FUZZ_ALL=1: no
# tool may be missing.

set -eu
LC_ALL=C
export LC_ALL
seconds=$1
run=$top_builddir/hunt/fuzz/run
work=$(mktemp -d "${TMPDIR:-/tmp}/mio-fuzz.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

sources=
for file in $LIBRARY $(echo "$BACKENDS" | sed 's,/mio-,/,g') \
    hunt/fuzz/fuzz.c hunt/fuzz/make.c hunt/fuzz/target.c hunt/fuzz/trace.c hunt/fuzz/world.c; do
	case $file in
	*.c) sources="$sources $top_srcdir/$file" ;;
	esac
done

# target NAME COMPILER...: with the library compiled in, so that they see it.
target()
{
	name=$1
	shift
	# shellcheck disable=SC2086 # these are lists
	"$@" -g -O1 -DHAVE_CONFIG_H $CPPFLAGS -I"$top_srcdir/include" \
		-I"$top_builddir/lib" -I"$top_builddir" -I"$top_srcdir/lib" \
		-I"$top_srcdir/hunt/fuzz" -pthread -o "$work/$name" $sources
}

# there COMPILER...: it can build a fuzzer.
there()
{
	echo 'int LLVMFuzzerTestOneInput(const char *, long);
int LLVMFuzzerTestOneInput(const char *s, long n)
{ return s == 0 && n != 0; }' >"$work/try.c"
	"$@" -o "$work/try" "$work/try.c" >"$work/try.log" 2>&1 && return
	echo "no fuzzer by $1"
	if [ -n "${MIO_FUZZ_ALL-}" ]; then
		cat "$work/try.log"
		exit 1
	fi
	return 1
}

"$top_builddir/hunt/fuzz/addr" 1 $((seconds * 20000))
"$top_builddir/hunt/fuzz/addr"
"$run" --seed 1 --seconds $((seconds / 5))
"$run" --seconds $((seconds * 2 / 5))

mkdir "$work/corpus" "$work/found" "$work/in"
head -c 400 /dev/urandom >"$work/in/one"
head -c 1200 /dev/urandom >"$work/in/two"

if there clang -fsanitize=fuzzer,address,undefined; then
	target libfuzzer clang -fsanitize=fuzzer,address,undefined
	"$work/libfuzzer" -max_total_time=$((seconds / 5)) -max_len=2400 \
		-len_control=0 -print_final_stats=1 -timeout=60 \
		-artifact_prefix="$work/found/" "$work/corpus" "$work/in" \
		>"$work/libfuzzer.log" 2>&1 || {
		tail -n 60 "$work/libfuzzer.log"
		"$run" "$work"/found/* || :
		grep 'INFO: Seed' "$work/libfuzzer.log"
		exit 1
	}
	grep -e 'INFO: Seed' -e 'number_of_executed' -e 'new_units' \
		"$work/libfuzzer.log"
fi
if there afl-clang-fast -fsanitize=fuzzer >"$work/there" 2>&1; then
	target afl afl-clang-fast -fsanitize=fuzzer >"$work/afl.log" 2>&1 || {
		cat "$work/afl.log"
		exit 1
	}
	AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_NO_UI=1 \
		AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
		afl-fuzz -V $((seconds / 5)) -t 10000 -i "$work/in" \
		-o "$work/out" "$work/afl" >"$work/afl.log" 2>&1 || {
		tail -n 40 "$work/afl.log"
		exit 1
	}
	grep -e execs_done -e corpus_count -e saved_crashes -e saved_hangs \
		"$work/out/default/fuzzer_stats"
	for crash in "$work"/out/default/crashes/id*; do
		[ -e "$crash" ] || continue
		"$run" "$crash" || :
		base64 "$crash" # it may be there only as AFL++ built it
		exit 1
	done
else
	cat "$work/there"
	[ -z "${MIO_FUZZ_ALL-}" ]
fi
