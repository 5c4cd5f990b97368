/* SPDX-License-Identifier: MIT */
/* Between main.c and harness.c. */

#ifndef MIO_CONFORMANCE_MAIN_H
#define MIO_CONFORMANCE_MAIN_H

#include <check.h>
#include <stdbool.h>

/* What a test's own process tells the runner; shared memory. */
struct outcome {
	bool ended;
	bool gated;
	char reason[200];
};

struct outcome *outcome_of(const TTest *test, int which);

#endif
