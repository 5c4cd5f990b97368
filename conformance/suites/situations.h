/* SPDX-License-Identifier: MIT */
/*
 * The situations of the catalogue's Appendix A: performed by the tests of
 * the area "matrix", which note what came; shown by the report.
 */

#ifndef MIO_CONFORMANCE_SITUATIONS_H
#define MIO_CONFORMANCE_SITUATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scene;

struct golden {
	const char *selector;
	unsigned flags; /* at least these; read_closed ... error exactly */
	uint32_t native; /* as Linux has it; for the reader */
};

struct situation {
	const char *name;
	const char *row;
	const char *what;
	void (*setup)(struct scene *scene);
	unsigned interests;
	void (*action)(struct scene *scene);
	struct golden golden[2];
};

/* In the order of matrix_suite. */
extern const struct situation situations[];
extern const size_t situations_count;

/* NULL: the table says nothing of this selector. */
const struct golden *situation_golden(
    const struct situation *situation, const char *backend);
/* What decision 4 of the design makes of Appendix A's flags. */
unsigned golden_flags(const struct golden *golden);
/* Something is missing, or a hint that must not be false is. */
bool golden_differs(const struct golden *golden, unsigned delivered);

/* "R W E rc wc"; "-" for none. */
const char *flag_letters(unsigned flags, char *buf, size_t size);

#endif
