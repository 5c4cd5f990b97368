/* SPDX-License-Identifier: MIT */
/*
 * The seeded runner.
 *
 *	run [--seed N] [--operations N] [--seconds N] [--length N]
 *	    [--backend NAME] [FILE...]
 *
 * Files hold operations, four bytes each, as fuzzers make them.  What is
 * found is made as short as it gets and printed as a C program.
 */

#include "config.h"
#include "fuzz.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST = 16384 };

static struct op ops[LONGEST];
static const char *backend;

/* splitmix64, Vigna 2015. */
static uint64_t
random64(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void
from_seed(uint64_t seed, size_t count)
{
	uint64_t few = 2 + seed % (SLOTS - 1);
	bool alike = seed / SLOTS % 2 != 0;
	uint8_t kind = (uint8_t)(seed / SLOTS / 2 % KINDS);

	for (size_t i = 0; i < count; i++) {
		uint64_t bits = random64(&seed);

		memcpy(&ops[i], &bits, sizeof(ops[i]));
		/* Few files, or nothing happens to any of them. */
		ops[i].slot = (uint8_t)(ops[i].slot % few);
		/* Of one kind at first, in every other run of ten. */
		if (alike && i < few)
			ops[i] = (struct op){ 0, (uint8_t)i, kind, ops[i].b };
	}
}

static void
show(size_t count, struct finding *finding, uint64_t done)
{
	printf("FOUND in operation %" PRIu64 ": %s\n", done + finding->at + 1,
	    finding->text);
	fflush(stdout);
	fuzz_patience = 200 * MIO_MSEC;
	count = shrink(ops, count, finding);
	printf("%zu operations are left: %s\n", count, finding->text);
	for (size_t i = 0; i < count; i++)
		printf("  %02x%02x%02x%02x %s, slot %d\n", ops[i].code,
		    ops[i].slot, ops[i].a, ops[i].b, world_op_name(&ops[i]),
		    ops[i].slot % SLOTS);
	printf("---- this program shows it:\n");
	fuzz(ops, count, backend, finding, stdout, finding->world);
	printf("----\n");
}

static int
try_file(const char *name)
{
	FILE *file = fopen(name, "rb");
	struct finding finding;
	size_t count;

	if (file == NULL) {
		perror(name);
		return 2;
	}
	count = fread(ops, sizeof(ops[0]), LONGEST, file);
	fclose(file);
	if (fuzz(ops, count, backend, &finding, NULL, 0) == NONE)
		return 0;
	show(count, &finding, 0);
	return 1;
}

static uint64_t
number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (*end == '\0' && end != text)
		return value;
	fprintf(stderr, "no number: %s\n", text);
	exit(2);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "operations", required_argument, NULL, 'o' },
		{ "seconds", required_argument, NULL, 't' },
		{ "length", required_argument, NULL, 'l' },
		{ "backend", required_argument, NULL, 'b' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t seed = (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;
	uint64_t operations = UINT64_MAX, done = 0;
	uint64_t seconds = UINT64_MAX, length = 300, runs = 0;
	time_t start = time(NULL);
	struct finding finding;
	int option, result = 0;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			return 2;
		if (option == 's')
			seed = number(optarg);
		if (option == 'o')
			operations = number(optarg);
		if (option == 't')
			seconds = number(optarg);
		if (option == 'l')
			length = number(optarg);
		if (option == 'b')
			backend = optarg;
	}
	if (length == 0 || length > LONGEST)
		length = LONGEST;
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (optind < argc) {
		for (; optind < argc; optind++)
			result |= try_file(argv[optind]);
		return result;
	}
	if (operations == UINT64_MAX && seconds == UINT64_MAX)
		operations = 100000;
	printf("seed %#" PRIx64 "\n", seed);
	while (done < operations && (uint64_t)(time(NULL) - start) < seconds) {
		from_seed(seed + runs, (size_t)length);
		if (fuzz(ops, (size_t)length, backend, &finding, NULL, 0) !=
		    NONE) {
			show((size_t)length, &finding, done);
			/* Last, where the end of a log has it. */
			printf("again: run --seed %#" PRIx64
			       " --length %" PRIu64 "\n",
			    seed + runs, length);
			return 1;
		}
		done += length;
		runs++;
		if (done / 1000000 != (done - length) / 1000000)
			printf("%" PRIu64 " operations ...\n", done);
	}
	printf("%" PRIu64 " operations on each backend in %" PRIu64
	       " runs and %jd s: nothing found\n",
	    done, runs, (intmax_t)(time(NULL) - start));
	return 0;
}
