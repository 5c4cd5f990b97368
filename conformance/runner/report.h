/* SPDX-License-Identifier: MIT */
/* What this system is and how its backends behave: --report. */

#ifndef MIO_CONFORMANCE_REPORT_H
#define MIO_CONFORMANCE_REPORT_H

#include <stdio.h>

#include "run.h"
#include "situations.h"

void report_text(const struct results *results, FILE *out);
void report_html(const struct results *results, FILE *out);
void report_json(const struct results *results, FILE *out);

/* The matrix, situations by backends, that the area of that name left. */
bool matrix_ran(const struct results *results);
const struct outcome *matrix_outcome(size_t situation, size_t which);

enum look {
	MISSING,      /* was not run, or is gated */
	AS_EXPECTED,
	OTHER_NATIVE, /* only the native flags are others than Linux's */
	DIFFERS
};
enum look matrix_look(size_t situation, size_t which);
/* A DIFFERS somewhere in the row. */
bool matrix_differs(const struct results *results, size_t situation,
    const char *selector);

/*
 * The matrix is shown by selector: it is true for the first wanted backend
 * of each, whose selector's name it gives.
 */
enum { SELECTOR_SIZE = 40 };
bool matrix_selector(
    const struct results *results, size_t which, char *selector);
/* A wanted backend of that selector. */
bool matrix_column(
    const struct results *results, size_t which, const char *selector);

#endif
