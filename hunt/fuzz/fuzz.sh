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

code=
for file in $LIBRARY $(echo "$BACKENDS" | sed 's,/mio-,/,g'); do
	case $file in
	*.c) code="$code $top_srcdir/$file" ;;
	esac
done
hunt=$top_srcdir/hunt/fuzz
world="$hunt/fuzz.c $hunt/make.c $hunt/target.c $hunt/trace.c $hunt/world.c"

# target NAME SOURCES COMPILER...: with the library compiled in, so that they
# see it.
target()
{
	name=$1
	sources=$2
	shift 2
	# shellcheck disable=SC2086 # these are lists
	"$@" -g -O1 -DHAVE_CONFIG_H -DFUZZER $CPPFLAGS \
		-I"$top_srcdir/include" -I"$top_builddir/lib" \
		-I"$top_builddir" -I"$top_srcdir/lib" -I"$hunt" \
		-pthread -o "$work/$name" $sources $code
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
"$run" --seconds $((seconds / 5))

mkdir "$work/in-world" "$work/in-addr"
head -c 400 /dev/urandom >"$work/in-world/one"
head -c 1200 /dev/urandom >"$work/in-world/two"
printf %s 't[fe80::1%1]:80' >"$work/in-addr/text"
printf %s 'i10123456789abcdef0123456' >"$work/in-addr/inet"
printf %s 'u@/x' >"$work/in-addr/unix"

# by_libfuzzer NAME SOURCES SECONDS LENGTH
by_libfuzzer()
{
	target "libfuzzer-$1" "$2" clang -fsanitize=fuzzer,address,undefined
	mkdir "$work/corpus-$1" "$work/found-$1"
	"$work/libfuzzer-$1" -max_total_time="$3" -max_len="$4" \
		-len_control=0 -print_final_stats=1 -timeout=60 \
		-artifact_prefix="$work/found-$1/" "$work/corpus-$1" \
		"$work/in-$1" >"$work/libfuzzer.log" 2>&1 || {
		tail -n 60 "$work/libfuzzer.log"
		[ "$1" = addr ] || "$run" "$work/found-$1"/* || :
		base64 "$work/found-$1"/*
		grep 'INFO: Seed' "$work/libfuzzer.log"
		exit 1
	}
	grep -e 'INFO: Seed' -e 'number_of_executed' -e 'new_units' \
		"$work/libfuzzer.log"
}

# by_afl NAME SOURCES SECONDS
by_afl()
{
	target "afl-$1" "$2" afl-clang-fast -fsanitize=fuzzer \
		>"$work/afl.log" 2>&1 || {
		cat "$work/afl.log"
		exit 1
	}
	AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_NO_UI=1 \
		AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
		afl-fuzz -V "$3" -t 10000 -i "$work/in-$1" \
		-o "$work/out-$1" "$work/afl-$1" >"$work/afl.log" 2>&1 || {
		tail -n 40 "$work/afl.log"
		exit 1
	}
	grep -e execs_done -e corpus_count -e saved_crashes -e saved_hangs \
		"$work/out-$1/default/fuzzer_stats"
	for crash in "$work/out-$1"/default/crashes/id*; do
		[ -e "$crash" ] || continue
		[ "$1" = addr ] || "$run" "$crash" || :
		base64 "$crash" # it may be there only as AFL++ built it
		exit 1
	done
}

if there clang -fsanitize=fuzzer,address,undefined; then
	by_libfuzzer addr "$hunt/addr.c" $((seconds / 10)) 121
	by_libfuzzer world "$world" $((seconds / 5)) 2400
fi
if there afl-clang-fast -fsanitize=fuzzer >"$work/there" 2>&1; then
	by_afl addr "$hunt/addr.c" $((seconds / 10))
	by_afl world "$world" $((seconds / 5))
else
	cat "$work/there"
	[ -z "${MIO_FUZZ_ALL-}" ]
fi
