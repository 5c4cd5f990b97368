/* SPDX-License-Identifier: MIT */
/* Rows that a backend is excused from, and why. */

#ifndef MIO_CONFORMANCE_GATES_H
#define MIO_CONFORMANCE_GATES_H

struct gate {
	const char *row;      /* or a test's name, which has a '_' */
	const char *backends; /* a pattern as fnmatch(3) has it */
	const char *reason;
};

/* Ends with a NULL row. */
extern const struct gate gates[];

/* NULL: the row holds on this backend. */
const struct gate *gate_find(const char *row, const char *backend);

#endif
