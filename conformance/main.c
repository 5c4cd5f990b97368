/* SPDX-License-Identifier: MIT */
/* Runs the conformance suites; see HACKING. */

#include "config.h"

#include "gates.h"
#include "harness.h"
#include "main.h"

#include <stdlib.h>
#include <sys/mman.h>

#define AREA(name)                                                           \
	{                                                                    \
		#name, name##_suite                                          \
	}

extern const TTest *const udp_suite[];
extern const TTest *const uds_suite[];
extern const TTest *const udg_suite[];

static const struct {
	const char *name;
	const TTest *const *tests;
} areas[] = {
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
};

static struct outcome *outcomes; /* backends by tests */
static int backends_max;

enum { BACKENDS_MAX = 32, TITLE_SIZE = 64 };
static char titles[BACKENDS_MAX][LEN(areas)][TITLE_SIZE];

static size_t
tests_count(void)
{
	size_t count = 0;

	for (size_t a = 0; a < LEN(areas); ++a)
		for (size_t t = 0; areas[a].tests[t] != NULL; ++t)
			++count;
	return count;
}

struct outcome *
outcome_of(const TTest *test, int which)
{
	size_t place = (size_t)which;

	for (size_t a = 0; a < LEN(areas); ++a)
		for (size_t t = 0; areas[a].tests[t] != NULL; ++t) {
			if (areas[a].tests[t] == test)
				return &outcomes[place];
			place += (size_t)backends_max;
		}
	abort();
}

static int
list_tests(void)
{
	for (size_t a = 0; a < LEN(areas); ++a)
		for (size_t t = 0; areas[a].tests[t] != NULL; ++t)
			printf("%s %s\n", areas[a].name,
			    areas[a].tests[t]->name);
	return 0;
}

static int
list_gates(void)
{
	for (const struct gate *gate = gates; gate->row != NULL; ++gate)
		printf("%s\t%s\t%s\n", gate->row, gate->backends,
		    gate->reason);
	return 0;
}

static int
list_backends(void)
{
	for (const char *const *name = mio_backends(); *name != NULL; ++name)
		puts(*name);
	return 0;
}

/* The selector "poll" and the area "poll" need tags that differ. */
static void
set_tags(TCase *tcase, const char *name, const char *area)
{
	char tags[200];
	const char *plus = strchr(name, '+');
	int len = plus != NULL ? (int)(plus - name) : (int)strlen(name);

	snprintf(tags, sizeof(tags), "%s %s selector=%.*s waker=%s", name,
	    area, len, name, plus != NULL ? plus + 1 : "none");
	tcase_set_tags(tcase, tags);
}

static void
add_backend(Suite *suite, int which)
{
	const char *name = mio_backends()[which];

	for (size_t a = 0; a < LEN(areas); ++a) {
		/* Check keeps the pointer. */
		char *title = titles[which][a];
		TCase *tcase;

		snprintf(title, TITLE_SIZE, "%s.%s", name, areas[a].name);
		tcase = tcase_create(title);
		set_tags(tcase, name, areas[a].name);
		tcase_set_timeout(tcase, 40);
		for (size_t t = 0; areas[a].tests[t] != NULL; ++t)
			tcase_add_loop_test(
			    tcase, areas[a].tests[t], which, which + 1);
		suite_add_tcase(suite, tcase);
	}
}

struct counts {
	int passed, failed, gated;
};

/* Passed and failed of one test case; gated ones are among the passed. */
static struct counts
count_results(SRunner *runner, const char *title)
{
	struct counts counts = { 0, 0, 0 };
	TestResult **results = srunner_results(runner);

	for (int i = 0; i < srunner_ntests_run(runner); ++i)
		if (strcmp(tr_tcname(results[i]), title) != 0)
			continue;
		else if (tr_rtype(results[i]) == CK_PASS)
			++counts.passed;
		else
			++counts.failed;
	free(results);
	return counts;
}

static int
report(SRunner *runner, const char *only, FILE *out)
{
	int run = 0;

	for (int which = 0; which < backends_max; ++which) {
		const char *name = mio_backends()[which];

		if (only != NULL && strcmp(only, name) != 0)
			continue;
		for (size_t a = 0; a < LEN(areas); ++a) {
			char title[100];
			struct counts counts;

			snprintf(title, sizeof(title), "%s.%s", name,
			    areas[a].name);
			counts = count_results(runner, title);
			if (counts.passed + counts.failed == 0)
				continue;
			run += counts.passed + counts.failed;
			for (size_t t = 0; areas[a].tests[t] != NULL; ++t) {
				const TTest *test = areas[a].tests[t];
				const struct outcome *outcome =
				    outcome_of(test, which);

				if (!outcome->gated || !outcome->ended)
					continue;
				++counts.gated;
				--counts.passed;
				printf("gated: %s: %s: %s\n", title,
				    test->name, outcome->reason);
			}
			if (out != NULL)
				fprintf(out, "%s %s %d %d %d\n", name,
				    areas[a].name, counts.passed,
				    counts.failed, counts.gated);
		}
	}
	return run;
}

static int
run(const char *only, const char *counts)
{
	Suite *suite = suite_create("libmio");
	SRunner *runner;
	FILE *out = NULL;
	size_t size;
	int ran, failed, known = 0;

	while (backends_max < BACKENDS_MAX &&
	    mio_backends()[backends_max] != NULL)
		++backends_max;
	size = sizeof(*outcomes) * (size_t)backends_max * (tests_count() + 1);
	outcomes = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (outcomes == MAP_FAILED) {
		perror("mmap");
		return 99;
	}
	for (int which = 0; which < backends_max; ++which)
		if (only == NULL || strcmp(only, mio_backends()[which]) == 0) {
			add_backend(suite, which);
			++known;
		}
	if (known == 0) {
		fprintf(stderr, "no backend %s in this library\n", only);
		return 99;
	}
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	if (counts != NULL && (out = fopen(counts, "w")) == NULL) {
		perror(counts);
		return 99;
	}
	ran = report(runner, only, out);
	if (out != NULL && fclose(out) != 0) {
		perror(counts);
		return 99;
	}
	srunner_free(runner);
	munmap(outcomes, size);
	/* 77: the tags or the case asked for left nothing to run. */
	return failed > 0 ? 1 : ran == 0 ? 77 : 0;
}

int
main(int argc, char **argv)
{
	const char *only = NULL, *counts = NULL;

	for (int i = 1; i < argc; ++i) {
		if (strcmp(argv[i], "--list") == 0)
			return list_tests();
		if (strcmp(argv[i], "--gates") == 0)
			return list_gates();
		if (strcmp(argv[i], "--backends") == 0)
			return list_backends();
		if (strcmp(argv[i], "--backend") == 0 && i + 1 < argc) {
			only = argv[++i];
		} else if (strcmp(argv[i], "--counts") == 0 && i + 1 < argc) {
			counts = argv[++i];
		} else {
			fprintf(stderr,
			    "usage: conformance [--backend NAME] "
			    "[--counts FILE] | --list | --gates | "
			    "--backends\n");
			return 99;
		}
	}
	return run(only, counts);
}
