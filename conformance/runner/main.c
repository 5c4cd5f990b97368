/* SPDX-License-Identifier: MIT */
/* Where it begins: see mio-conformance(1). */

#include "config.h"

#include "harness.h"
#include "main.h"
#include "options.h"
#include "run.h"

#include <stdlib.h>
#include <sys/mman.h>

static struct outcome *outcomes; /* tests by backends */

bool
outcomes_open(void)
{
	size_t count = 0;

	for (size_t a = 0; a < areas_count; ++a)
		for (size_t t = 0; areas[a].tests[t] != NULL; ++t)
			++count;
	outcomes = mmap(NULL,
	    sizeof(*outcomes) * (count * backends_count() + 1),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return outcomes != MAP_FAILED;
}

struct outcome *
outcome_of(const TTest *test, int which)
{
	size_t place = (size_t)which;

	for (size_t a = 0; a < areas_count; ++a)
		for (size_t t = 0; areas[a].tests[t] != NULL; ++t) {
			if (areas[a].tests[t] == test)
				return &outcomes[place];
			place += backends_count();
		}
	abort();
}

int
main(int argc, char **argv)
{
	struct options options;
	int status = options_read(&options, argc, argv);

	if (status >= 0)
		return status;
	descriptors_raise();
	return options.list != NULL ? list(&options) : run(&options);
}
