/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "harness.h"
#include "main.h"

#define AREA(name)                                                           \
	{                                                                    \
		#name, name##_suite                                          \
	}

extern const TTest *const udp_suite[];
extern const TTest *const uds_suite[];
extern const TTest *const udg_suite[];
extern const TTest *const regr_suite[];
extern const TTest *const random_suite[];
extern const TTest *const addr_suite[];
extern const TTest *const matrix_suite[];
extern const TTest *const more_suite[];
extern const TTest *const level_suite[];

const struct area areas[] = {
	AREA(poll),
	AREA(reg),
	AREA(evt),
	AREA(int),
	AREA(wak),
	AREA(tcpl),
	AREA(tcps),
	AREA(udp),
	AREA(uds),
	AREA(udg),
	AREA(pipe),
	AREA(fd),
	AREA(close),
	AREA(lim),
	AREA(level),
	AREA(addr),
	AREA(regr),
	AREA(more),
	AREA(random),
	AREA(matrix),
};
const size_t areas_count = LEN(areas);

size_t
backends_count(void)
{
	size_t count = 0;

	while (mio_backends()[count] != NULL)
		++count;
	return count;
}
