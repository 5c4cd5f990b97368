/* SPDX-License-Identifier: MIT */
/* Runs what the options ask for and hands the results to the writers. */

#ifndef MIO_CONFORMANCE_RUN_H
#define MIO_CONFORMANCE_RUN_H

#include <stdio.h>
#include <sys/types.h>

#include "main.h"
#include "options.h"

struct counts {
	int passed, failed, gated;
};

/* An area on a backend: what one process runs. */
struct cell {
	int which; /* the backend, by place in mio_backends() */
	const struct area *area;
	pid_t pid; /* 0: not begun, or over */
	bool over;
	int64_t begin_ns, end_ns;
	struct counts counts;
};

struct results {
	const struct options *options;
	struct cell *cells; /* by backend, then area */
	size_t cells_count;
	struct counts all;
	double seconds;
};

int list(const struct options *options);
int run(const struct options *options);

const char *cell_backend(const struct cell *cell);
struct outcome *cell_outcome(const struct cell *cell, size_t test);
/* All its tests together. */
int counts_sum(const struct counts *counts);
double seconds_between(int64_t begin_ns, int64_t end_ns);

/*
 * For each test of the cells; `test` is declared, a place in area->tests.
 */
#define CELLS_FOREACH(each, results)                                         \
	for (const struct cell *each = (results)->cells;                     \
	     each != (results)->cells + (results)->cells_count; ++each)
#define TESTS_FOREACH(test, cell)                                            \
	for (size_t test = 0; (cell)->area->tests[test] != NULL; ++test)

/* cells.c: runs them all; false if that was not possible. */
bool cells_run(struct results *results);

/* results.c */
void results_table(const struct results *results, FILE *out);
/* Without what was gated and what failed. */
void results_counts_table(const struct results *results, FILE *out);
void results_tap(const struct results *results, FILE *out);
void results_junit(const struct results *results, FILE *out);
void results_counts(const struct results *results, FILE *out);

#endif
