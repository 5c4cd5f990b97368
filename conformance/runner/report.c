/* SPDX-License-Identifier: MIT */
/* The report as text and as JSON, and what the matrix is made of. */

#include "config.h"

#include "report.h"

#include "gates.h"
#include "harness.h"
#include "kinds.h"
#include "show.h"

extern const TTest *const matrix_suite[];

bool
matrix_ran(const struct results *results)
{
	CELLS_FOREACH (cell, results)
		if (cell->area->tests == matrix_suite &&
		    counts_sum(&cell->counts) > 0)
			return true;
	return false;
}

const struct outcome *
matrix_outcome(size_t situation, size_t which)
{
	return outcome_of(matrix_suite[situation], (int)which);
}

enum look
matrix_look(size_t situation, size_t which)
{
	const struct outcome *outcome = matrix_outcome(situation, which);
	const struct golden *golden =
	    situation_golden(&situations[situation], mio_backends()[which]);

	if (outcome->verdict == FAILED)
		return DIFFERS;
	if (outcome->verdict != PASSED || !outcome->observed)
		return MISSING;
	if (golden != NULL && golden->native != outcome->seen.native)
		return OTHER_NATIVE;
	return AS_EXPECTED;
}

bool
matrix_differs(const struct results *results, size_t situation,
    const char *selector)
{
	for (size_t i = 0; i < backends_count(); ++i)
		if (matrix_column(results, i, selector) &&
		    matrix_look(situation, i) == DIFFERS)
			return true;
	return false;
}

bool
matrix_column(
    const struct results *results, size_t which, const char *selector)
{
	const char *name = mio_backends()[which];
	size_t len = strlen(selector);

	return results->options->backends[which] &&
	    strncmp(name, selector, len) == 0 &&
	    (name[len] == '+' || name[len] == '\0');
}

bool
matrix_selector(
    const struct results *results, size_t which, char *selector)
{
	const char *name = mio_backends()[which];

	if (!results->options->backends[which])
		return false;
	snprintf(selector, SELECTOR_SIZE, "%.*s", (int)strcspn(name, "+"),
	    name);
	for (size_t i = 0; i < which; ++i)
		if (matrix_column(results, i, selector))
			return false;
	return true;
}

/* Text. */

static void
text_gates(const struct results *results, FILE *out)
{
	fputs("\nGates: rows that a backend is excused from\n", out);
	for (const struct gate *gate = gates; gate->row != NULL; ++gate)
		fprintf(out, "  %-10s %-9s %s\n", gate->row, gate->backends,
		    gate->reason);
	fputs("\nGated in this run\n", out);
	if (results->all.gated == 0)
		fputs("  nothing\n", out);
	CELLS_FOREACH (cell, results)
		TESTS_FOREACH (test, cell)
			if (cell_outcome(cell, test)->verdict == GATED)
				fprintf(out, "  %s.%s %s\n    %s\n",
				    cell_backend(cell), cell->area->name,
				    cell->area->tests[test]->name,
				    cell_outcome(cell, test)->reason);
}

/* The last of what is said about failures: what to make of them. */
static void
text_kinds(const struct results *results, FILE *out)
{
	static struct failure failures[1000];
	size_t count = 0;
	int backends = 0;

	for (size_t i = 0; i < backends_count(); ++i)
		backends += results->options->backends[i];
	CELLS_FOREACH (cell, results)
		TESTS_FOREACH (test, cell) {
			const struct outcome *outcome =
			    cell_outcome(cell, test);

			if (outcome->verdict != FAILED ||
			    count == LEN(failures))
				continue;
			failures[count].test = cell->area->tests[test]->name;
			failures[count].which = cell->which;
			failures[count++].set_up =
			    kinds_set_up(outcome->file, outcome->message);
		}
	kinds_print(out, "  ", failures, count, backends);
}

static void
text_failures(const struct results *results, FILE *out)
{
	if (results->all.failed == 0)
		return;
	fputs("\nFailed\n", out);
	CELLS_FOREACH (cell, results)
		TESTS_FOREACH (test, cell) {
			const struct outcome *outcome =
			    cell_outcome(cell, test);

			if (outcome->verdict != FAILED)
				continue;
			fprintf(out, "  %s.%s %s\n    %s:%d: %s\n",
			    cell_backend(cell), cell->area->name,
			    cell->area->tests[test]->name, outcome->file,
			    outcome->line, outcome->message);
		}
	text_kinds(results, out);
}

/* Twenty columns, a mark before them. */
static void
text_cell(FILE *out, char mark, unsigned flags, uint32_t native)
{
	char letters[40];

	fprintf(out, " %c%-11s %#6x", mark,
	    flag_letters(flags, letters, sizeof(letters)), (unsigned)native);
}

static void
text_golden(FILE *out, const struct golden *golden)
{
	if (golden == NULL)
		fprintf(out, "  %-18s", "not known");
	else
		text_cell(
		    out, ' ', golden_flags(golden), golden->native);
}

static void
text_outcome(FILE *out, size_t situation, size_t which)
{
	static const char marks[] = { ' ', ' ', '~', '*' };
	const struct outcome *outcome = matrix_outcome(situation, which);
	enum look look = matrix_look(situation, which);

	if (!outcome->observed)
		fprintf(out, " %c%-18s", marks[look],
		    look == DIFFERS ? "failed" : "-");
	else
		text_cell(out, marks[look], outcome->seen.flags,
		    outcome->seen.native);
}

static void
text_selector(
    const struct results *results, FILE *out, const char *selector)
{
	int gap = 12;

	fprintf(out, "\n  %-32s  expected", selector);
	for (size_t i = 0; i < backends_count(); ++i)
		if (matrix_column(results, i, selector)) {
			fprintf(out, "%*s%s", gap, "", mio_backends()[i]);
			gap = 20 - (int)strlen(mio_backends()[i]);
		}
	fputs("\n", out);
	for (size_t s = 0; s < situations_count; ++s) {
		fprintf(out, "%c %-32s",
		    matrix_differs(results, s, selector) ? '*' : ' ',
		    situations[s].what);
		text_golden(out, situation_golden(&situations[s], selector));
		for (size_t i = 0; i < backends_count(); ++i)
			if (matrix_column(results, i, selector))
				text_outcome(out, s, i);
		fputs("\n", out);
	}
}

static void
text_matrix(const struct results *results, FILE *out)
{
	char selector[SELECTOR_SIZE];

	fputs("\nMatrix: what each situation delivered\n", out);
	if (!matrix_ran(results)) {
		fputs("  was not run; it is the area matrix\n", out);
		return;
	}
	fputs("  R readable, W writable, E error, P priority, rc read_closed,"
	      " wc write_closed;\n"
	      "  native flags: 1 IN, 2 PRI, 4 OUT, 8 ERR, 10 HUP, 2000"
	      " RDHUP.  Interests are R and W\n"
	      "  where none are named.  * differs from what is expected; ~"
	      " only the native flags\n"
	      "  are others than Linux 6.18's.\n",
	    out);
	for (size_t i = 0; i < backends_count(); ++i)
		if (matrix_selector(results, i, selector))
			text_selector(results, out, selector);
}

void
report_text(const struct results *results, FILE *out)
{
	static struct probe probe;

	probe_run(&probe);
	show_text(out, &probe);
	fputs("\nConformance\n", out);
	results_counts_table(results, out);
	text_failures(results, out);
	text_gates(results, out);
	text_matrix(results, out);
}

/* JSON. */

static void
json_counts(struct json *json, const struct counts *counts)
{
	json_number(json, "passed", counts->passed);
	json_number(json, "failed", counts->failed);
	json_number(json, "gated", counts->gated);
}

static void
json_cells(struct json *json, const struct results *results)
{
	json_open(json, "cells", '[');
	CELLS_FOREACH (cell, results) {
		if (counts_sum(&cell->counts) == 0)
			continue;
		json_open(json, NULL, '{');
		json_text(json, "backend", cell_backend(cell));
		json_text(json, "area", cell->area->name);
		json_counts(json, &cell->counts);
		json_close(json, '{');
	}
	json_close(json, '[');
}

static void
json_tests(struct json *json, const struct results *results,
    const char *name, enum verdict verdict)
{
	json_open(json, name, '[');
	CELLS_FOREACH (cell, results)
		TESTS_FOREACH (test, cell) {
			const struct outcome *outcome =
			    cell_outcome(cell, test);
			char place[100];

			if (outcome->verdict != verdict)
				continue;
			json_open(json, NULL, '{');
			json_text(json, "backend", cell_backend(cell));
			json_text(json, "area", cell->area->name);
			json_text(json, "test",
			    cell->area->tests[test]->name);
			if (verdict == FAILED) {
				snprintf(place, sizeof(place), "%s:%d",
				    outcome->file, outcome->line);
				json_text(json, "at", place);
				json_text(json, "message", outcome->message);
			} else {
				json_text(json, "reason", outcome->reason);
			}
			json_close(json, '{');
		}
	json_close(json, '[');
}

static void
json_gates(struct json *json)
{
	json_open(json, "gates", '[');
	for (const struct gate *gate = gates; gate->row != NULL; ++gate) {
		json_open(json, NULL, '{');
		json_text(json, "row", gate->row);
		json_text(json, "backends", gate->backends);
		json_text(json, "reason", gate->reason);
		json_close(json, '{');
	}
	json_close(json, '[');
}

static void
json_flags(
    struct json *json, const char *name, unsigned flags, uint32_t native)
{
	char text[40];

	json_open(json, name, '{');
	json_text(json, "flags", flag_letters(flags, text, sizeof(text)));
	snprintf(text, sizeof(text), "%#x", (unsigned)native);
	json_text(json, "native", text);
	json_close(json, '{');
}

static void
json_delivered(struct json *json, size_t situation, size_t which)
{
	static const char *const looks[] = { "missing", "as expected",
		"native flags differ", "differs" };
	const struct outcome *outcome = matrix_outcome(situation, which);
	const struct golden *golden =
	    situation_golden(&situations[situation], mio_backends()[which]);

	json_open(json, NULL, '{');
	json_text(json, "backend", mio_backends()[which]);
	json_text(json, "result", looks[matrix_look(situation, which)]);
	if (outcome->observed)
		json_flags(json, "delivered", outcome->seen.flags,
		    outcome->seen.native);
	else
		json_text(json, "delivered", NULL);
	if (golden != NULL)
		json_flags(json, "expected", golden_flags(golden),
		    golden->native);
	else
		json_text(json, "expected", NULL);
	json_close(json, '{');
}

static void
json_matrix(struct json *json, const struct results *results)
{
	char text[40];

	json_open(json, "matrix", '[');
	for (size_t s = 0; matrix_ran(results) && s < situations_count; ++s) {
		json_open(json, NULL, '{');
		json_text(json, "name", situations[s].name);
		json_text(json, "row", situations[s].row);
		json_text(json, "situation", situations[s].what);
		json_text(json, "interests",
		    flag_letters(
			situations[s].interests, text, sizeof(text)));
		json_open(json, "backends", '[');
		for (size_t i = 0; i < backends_count(); ++i)
			if (results->options->backends[i])
				json_delivered(json, s, i);
		json_close(json, '[');
		json_close(json, '{');
	}
	json_close(json, '[');
}

void
report_json(const struct results *results, FILE *out)
{
	static struct probe probe;
	struct json json = { .out = out };

	probe_run(&probe);
	json_open(&json, NULL, '{');
	show_json(&json, &probe);
	json_open(&json, "conformance", '{');
	json_counts(&json, &results->all);
	json_number(&json, "seconds", (intmax_t)results->seconds);
	json_cells(&json, results);
	json_tests(&json, results, "failures", FAILED);
	json_gates(&json);
	json_tests(&json, results, "gated_tests", GATED);
	json_close(&json, '{');
	json_matrix(&json, results);
	json_close(&json, '{');
}
