/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "run.h"

#include <stdlib.h>

#include "gates.h"
#include "harness.h"
#include "report.h"

const char *
cell_backend(const struct cell *cell)
{
	return mio_backends()[cell->which];
}

struct outcome *
cell_outcome(const struct cell *cell, size_t test)
{
	return outcome_of(cell->area->tests[test], cell->which);
}

int
counts_sum(const struct counts *counts)
{
	return counts->passed + counts->failed + counts->gated;
}

double
seconds_between(int64_t begin_ns, int64_t end_ns)
{
	return end_ns > begin_ns ? (double)(end_ns - begin_ns) / 1e9 : 0;
}

/* The list. */

static bool
lists(const struct options *options, const char *what)
{
	return strcmp(options->list, what) == 0 ||
	    strcmp(options->list, "all") == 0;
}

static void
list_suites(const struct options *options, const char *indent)
{
	for (size_t a = 0; a < areas_count; ++a) {
		size_t count = 0;

		if (!options->areas[a])
			continue;
		while (areas[a].tests[count] != NULL)
			++count;
		printf("%s%s: %zu tests\n", indent, areas[a].name, count);
	}
}

int
list(const struct options *options)
{
	bool all = strcmp(options->list, "all") == 0;
	const char *indent = all ? "  " : "";

	if (all)
		puts("backends");
	for (size_t i = 0; lists(options, "backends") && i < backends_count();
	     ++i)
		if (options->backends[i])
			printf("%s%s\n", indent, mio_backends()[i]);
	if (all)
		puts("suites");
	if (lists(options, "suites"))
		list_suites(options, indent);
	if (all)
		puts("tests: area, name, rows of the catalogue");
	for (size_t a = 0; lists(options, "tests") && a < areas_count; ++a)
		for (size_t t = 0;
		     options->areas[a] && areas[a].tests[t] != NULL; ++t)
			printf("%s%s %s\n", indent, areas[a].name,
			    areas[a].tests[t]->name);
	if (all)
		puts("gates: row, backends, reason");
	if (lists(options, "gates"))
		for (const struct gate *gate = gates; gate->row != NULL;
		     ++gate)
			printf("%s%s\t%s\t%s\n", indent, gate->row,
			    gate->backends, gate->reason);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("mio-conformance: standard output");
		return 2;
	}
	return 0;
}

/* Output. */

static int
write_to(const struct results *results, const char *file,
    void (*format)(const struct results *, FILE *))
{
	bool to_stdout = strcmp(file, "-") == 0;
	FILE *out = to_stdout ? stdout : fopen(file, "w");
	bool failed;

	if (out == NULL) {
		fprintf(stderr, "mio-conformance: %s: %s\n", file,
		    strerror(errno));
		return -1;
	}
	format(results, out);
	failed = fflush(out) != 0 || ferror(out);
	if (!to_stdout && fclose(out) != 0)
		failed = true;
	if (failed)
		fprintf(stderr, "mio-conformance: %s: cannot write: %s\n",
		    file, strerror(errno));
	return failed ? -1 : 0;
}

static bool
is_stdout(const char *file)
{
	return file != NULL && strcmp(file, "-") == 0;
}

static int
write_all(const struct results *results)
{
	const struct options *options = results->options;
	int status = 0;

	if (options->tap != NULL)
		status |= write_to(results, options->tap, results_tap);
	if (options->junit != NULL)
		status |= write_to(results, options->junit, results_junit);
	if (options->report != NULL)
		status |= write_to(results, options->output,
		    strcmp(options->report, "html") == 0 ? report_html :
			strcmp(options->report, "json") == 0 ? report_json :
			report_text);
	if (is_stdout(options->tap) || is_stdout(options->junit) ||
	    is_stdout(options->output))
		results_table(results, stderr);
	else
		status |= write_to(results, "-", results_table);
	/* Last: who finds it knows that the end was reached. */
	if (options->counts != NULL)
		status |= write_to(results, options->counts, results_counts);
	return status;
}

static size_t
make_cells(const struct options *options, struct cell *cells)
{
	size_t count = 0;

	for (size_t i = 0; i < backends_count(); ++i)
		for (size_t a = 0; a < areas_count; ++a)
			if (options->backends[i] && options->areas[a]) {
				cells[count].which = (int)i;
				cells[count++].area = &areas[a];
			}
	return count;
}

int
run(const struct options *options)
{
	struct results results = { .options = options };
	int64_t begin = now_ns();
	int status = 2;

	results.cells = calloc(
	    backends_count() * areas_count, sizeof(*results.cells));
	if (results.cells == NULL || !outcomes_open()) {
		perror("mio-conformance");
		free(results.cells);
		return 2;
	}
	results.cells_count = make_cells(options, results.cells);
	if (cells_run(&results)) {
		results.seconds = seconds_between(begin, now_ns());
		status = write_all(&results) < 0 ? 2 :
		    results.all.failed > 0 ? 1 : 0;
		if (counts_sum(&results.all) == 0) {
			fputs("mio-conformance: nothing to run\n", stderr);
			status = 2;
		}
	}
	free(results.cells);
	return status;
}
