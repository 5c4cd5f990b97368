/* SPDX-License-Identifier: MIT */
/* The table, TAP, JUnit's XML. */

#include "config.h"

#include "run.h"

#include "harness.h"
#include "text.h"

static const struct cell *
find_cell(const struct results *results, size_t which, size_t area)
{
	CELLS_FOREACH (cell, results)
		if (cell->which == (int)which && cell->area == &areas[area])
			return cell;
	return NULL;
}

static void
print_counts(FILE *out, const struct counts *counts, int width)
{
	char text[40] = "-";

	if (counts_sum(counts) > 0)
		snprintf(text, sizeof(text), "%d/%d/%d", counts->passed,
		    counts->failed, counts->gated);
	fprintf(out, "  %*s", width, text);
}

static void
add(struct counts *sum, const struct counts *counts)
{
	sum->passed += counts->passed;
	sum->failed += counts->failed;
	sum->gated += counts->gated;
}

static int
column_width(const char *name)
{
	return strlen(name) > 9 ? (int)strlen(name) : 9;
}

static void
table_row(const struct results *results, FILE *out, size_t area,
    struct counts *sums)
{
	struct counts row = { 0, 0, 0 };

	fprintf(out, "  %-8s", areas[area].name);
	for (size_t i = 0; i < backends_count(); ++i) {
		const struct cell *cell = find_cell(results, i, area);
		struct counts none = { 0, 0, 0 };

		if (!results->options->backends[i])
			continue;
		print_counts(out, cell != NULL ? &cell->counts : &none,
		    column_width(mio_backends()[i]));
		if (cell == NULL)
			continue;
		add(&row, &cell->counts);
		add(&sums[i], &cell->counts);
	}
	print_counts(out, &row, 11);
	fputs("\n", out);
}

/* Each reason once, with where it held. */
static void
print_gated(const struct results *results, FILE *out)
{
	CELLS_FOREACH (cell, results)
		TESTS_FOREACH (test, cell) {
			const struct outcome *outcome =
			    cell_outcome(cell, test);

			if (outcome->verdict == GATED)
				fprintf(out, "gated: %s.%s %s\n  %s\n",
				    cell_backend(cell), cell->area->name,
				    cell->area->tests[test]->name,
				    outcome->reason);
		}
}

static void
print_passed(const struct results *results, FILE *out)
{
	CELLS_FOREACH (cell, results)
		TESTS_FOREACH (test, cell) {
			const struct outcome *outcome =
			    cell_outcome(cell, test);

			if (outcome->verdict == PASSED)
				fprintf(out, "passed: %s.%s %s %.2f s\n",
				    cell_backend(cell), cell->area->name,
				    cell->area->tests[test]->name,
				    seconds_between(outcome->begin_ns,
					outcome->end_ns));
		}
}

static void
print_failed(const struct results *results, FILE *out)
{
	CELLS_FOREACH (cell, results)
		TESTS_FOREACH (test, cell) {
			const struct outcome *outcome =
			    cell_outcome(cell, test);

			if (outcome->verdict == FAILED)
				fprintf(out, "FAILED: %s.%s %s\n  %s:%d: %s\n",
				    cell_backend(cell), cell->area->name,
				    cell->area->tests[test]->name,
				    outcome->file, outcome->line,
				    outcome->message);
		}
}

void
results_counts_table(const struct results *results, FILE *out)
{
	struct counts sums[BACKENDS_MAX] = { { 0, 0, 0 } };

	fprintf(out, "  %-8s", "");
	for (size_t i = 0; i < backends_count(); ++i)
		if (results->options->backends[i])
			fprintf(out, "  %*s", column_width(mio_backends()[i]),
			    mio_backends()[i]);
	fprintf(out, "  %11s\n", "all");
	for (size_t a = 0; a < areas_count; ++a)
		if (results->options->areas[a])
			table_row(results, out, a, sums);
	fprintf(out, "  %-8s", "all");
	for (size_t i = 0; i < backends_count(); ++i)
		if (results->options->backends[i])
			print_counts(out, &sums[i],
			    column_width(mio_backends()[i]));
	print_counts(out, &results->all, 11);
	fprintf(out,
	    "\n  passed/failed/gated: %d tests in %.0f s, %d passed, %d "
	    "failed, %d gated\n",
	    counts_sum(&results->all), results->seconds, results->all.passed,
	    results->all.failed, results->all.gated);
}

void
results_table(const struct results *results, FILE *out)
{
	if (results->options->verbose)
		print_passed(results, out);
	print_gated(results, out);
	/* Standard error had them at once. */
	if (out != stderr)
		print_failed(results, out);
	results_counts_table(results, out);
}

void
results_counts(const struct results *results, FILE *out)
{
	CELLS_FOREACH (cell, results)
		if (counts_sum(&cell->counts) > 0)
			fprintf(out, "%s %s %d %d %d\n", cell_backend(cell),
			    cell->area->name, cell->counts.passed,
			    cell->counts.failed, cell->counts.gated);
}

/* A reason on TAP's line: no line end, and no second "#". */
static void
tap_reason(FILE *out, const char *text)
{
	fputs(" # SKIP ", out);
	for (; *text != '\0'; ++text)
		putc(*text == '\n' || *text == '#' ? ' ' : *text, out);
}

void
results_tap(const struct results *results, FILE *out)
{
	int number = 0;

	fprintf(out, "TAP version 13\n1..%d\n", counts_sum(&results->all));
	CELLS_FOREACH (cell, results)
		TESTS_FOREACH (test, cell) {
			const struct outcome *outcome =
			    cell_outcome(cell, test);

			if (outcome->verdict == NOT_RUN)
				continue;
			fprintf(out, "%sok %d - %s.%s %s",
			    outcome->verdict == FAILED ? "not " : "",
			    ++number, cell_backend(cell), cell->area->name,
			    cell->area->tests[test]->name);
			if (outcome->verdict == GATED)
				tap_reason(out, outcome->reason);
			fputs("\n", out);
			if (outcome->verdict != FAILED)
				continue;
			/* YAML, of which JSON's strings are a part. */
			fputs("  ---\n  message: ", out);
			text_json(out, outcome->message);
			fprintf(out, "\n  at: %s:%d\n  ...\n", outcome->file,
			    outcome->line);
		}
}

static void
junit_attribute(FILE *out, const char *name, const char *text)
{
	fprintf(out, " %s=\"", name);
	text_xml(out, text);
	fputs("\"", out);
}

static void
junit_test(FILE *out, const struct cell *cell, size_t test)
{
	const struct outcome *outcome = cell_outcome(cell, test);
	char title[100], place[100];

	snprintf(title, sizeof(title), "%s.%s", cell_backend(cell),
	    cell->area->name);
	fputs("    <testcase", out);
	junit_attribute(out, "classname", title);
	junit_attribute(out, "name", cell->area->tests[test]->name);
	fprintf(out, " time=\"%.3f\"",
	    seconds_between(outcome->begin_ns, outcome->end_ns));
	if (outcome->verdict == PASSED) {
		fputs("/>\n", out);
		return;
	}
	if (outcome->verdict == GATED) {
		fputs(">\n      <skipped", out);
		junit_attribute(out, "message", outcome->reason);
		fputs("/>\n    </testcase>\n", out);
		return;
	}
	snprintf(
	    place, sizeof(place), "%s:%d: ", outcome->file, outcome->line);
	fputs(">\n      <failure", out);
	junit_attribute(out, "message", outcome->message);
	fputs(">", out);
	text_xml(out, place);
	text_xml(out, outcome->message);
	fputs("</failure>\n    </testcase>\n", out);
}

void
results_junit(const struct results *results, FILE *out)
{
	fprintf(out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites"
	    " name=\"libmio\" tests=\"%d\" failures=\"%d\" skipped=\"%d\""
	    " time=\"%.3f\">\n",
	    counts_sum(&results->all), results->all.failed,
	    results->all.gated, results->seconds);
	CELLS_FOREACH (cell, results) {
		if (counts_sum(&cell->counts) == 0)
			continue;
		fprintf(out,
		    "  <testsuite name=\"%s.%s\" tests=\"%d\" failures=\"%d\""
		    " skipped=\"%d\" time=\"%.3f\">\n",
		    cell_backend(cell), cell->area->name,
		    counts_sum(&cell->counts), cell->counts.failed,
		    cell->counts.gated,
		    seconds_between(cell->begin_ns, cell->end_ns));
		TESTS_FOREACH (test, cell)
			if (cell_outcome(cell, test)->verdict != NOT_RUN)
				junit_test(out, cell, test);
		fputs("  </testsuite>\n", out);
	}
	fputs("</testsuites>\n", out);
}
