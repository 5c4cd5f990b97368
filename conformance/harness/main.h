/* SPDX-License-Identifier: MIT */
/* Between the runners' files and harness.c. */

#ifndef MIO_CONFORMANCE_MAIN_H
#define MIO_CONFORMANCE_MAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "framework.h"

/* What a situation brought. */
struct seen {
	unsigned flags;
	uint32_t native;
	unsigned events;
};

enum verdict { NOT_RUN, PASSED, FAILED, GATED };

/*
 * A test on a backend.  Shared memory: the test's own process fills the
 * first part, the runner's the second.
 */
struct outcome {
	int64_t begin_ns; /* 0: has not begun */
	int64_t end_ns;   /* 0: did not come to its end */
	bool gated; /* or skipped */
	bool skipped;
	bool observed;
	struct seen seen;
	char reason[200];

	enum verdict verdict;
	int line;
	char file[60];
	char message[600];
};

struct area {
	const char *name;
	const TTest *const *tests; /* NULL-ended */
};

extern const struct area areas[];
extern const size_t areas_count;

size_t backends_count(void);
/* All outcomes, zeroed; false and errno if there is no memory for them. */
bool outcomes_open(void);
struct outcome *outcome_of(const TTest *test, int which);

/* As many descriptors as there may be, up to 1024: OpenBSD gives 128. */
void descriptors_raise(void);

/* For situations.c. */
void test_saw(const struct seen *seen);

#endif
