/* SPDX-License-Identifier: MIT */
/* Runs cells in processes of their own, and shows how far it is. */

#include "config.h"

#include "run.h"

#include "harness.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t caught; /* a signal that ends the run */

static void
note(int signo)
{
	if (signo != SIGALRM)
		caught = signo;
}

/* Within the cell's process. */

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
keep(struct outcome *outcome, enum verdict verdict, const char *file,
    int line, const char *message)
{
	const char *slash = strrchr(file, '/');

	snprintf(outcome->file, sizeof(outcome->file), "%s",
	    slash != NULL ? slash + 1 : file);
	outcome->line = line;
	snprintf(outcome->message, sizeof(outcome->message), "%s", message);
	outcome->verdict = verdict;
}

static void
keep_result(struct outcome *outcome, TestResult *result)
{
	if (tr_rtype(result) != CK_PASS)
		keep(outcome, FAILED, tr_lfile(result), tr_lno(result),
		    tr_msg(result));
	else if (outcome->end_ns == 0)
		keep(outcome, FAILED, tr_lfile(result), tr_lno(result),
		    "the test did not come to its end");
	else
		outcome->verdict = outcome->gated ? GATED : PASSED;
}

/* Its exit status: 0 if each test has a verdict, or Check filtered all. */
static int
run_cell(const struct cell *cell)
{
	char title[100];
	Suite *suite = suite_create("libmio");
	SRunner *runner = srunner_create(suite);
	TestResult **results;
	TCase *tcase;
	size_t count = 0, ran;

	snprintf(title, sizeof(title), "%s.%s", cell_backend(cell),
	    cell->area->name);
	tcase = tcase_create(title);
	set_tags(tcase, cell_backend(cell), cell->area->name);
	tcase_set_timeout(tcase, 40);
	TESTS_FOREACH (test, cell) {
		tcase_add_loop_test(tcase, cell->area->tests[test],
		    cell->which, cell->which + 1);
		++count;
	}
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_SILENT);
	/* In the order that they were added in. */
	ran = (size_t)srunner_ntests_run(runner);
	results = srunner_results(runner);
	for (size_t i = 0; i < ran && ran == count; ++i)
		keep_result(cell_outcome(cell, i), results[i]);
	free(results);
	srunner_free(runner);
	return ran == count || ran == 0 ? 0 : 3;
}

static void
begin_cell(struct cell *cell)
{
	cell->begin_ns = now_ns();
	fflush(NULL);
	cell->pid = fork();
	if (cell->pid > 0)
		setpgid(cell->pid, cell->pid);
	if (cell->pid != 0)
		return;
	/* Check ends its whole group when it gets a signal. */
	setpgid(0, 0);
	signal(SIGALRM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	/* Several processes must not write the same file of Check's. */
	unsetenv("CK_LOG_FILE_NAME");
	unsetenv("CK_TAP_LOG_FILE_NAME");
	unsetenv("CK_XML_LOG_FILE_NAME");
	exit(run_cell(cell));
}

/* Back in the runner. */

static void
tell_failures(const struct cell *cell)
{
	TESTS_FOREACH (test, cell) {
		const struct outcome *outcome = cell_outcome(cell, test);

		if (outcome->verdict == FAILED)
			fprintf(stderr, "FAILED %s.%s %s\n  %s:%d: %s\n",
			    cell_backend(cell), cell->area->name,
			    cell->area->tests[test]->name, outcome->file,
			    outcome->line, outcome->message);
	}
}

static void
count_cell(struct cell *cell, struct counts *all)
{
	TESTS_FOREACH (test, cell) {
		switch (cell_outcome(cell, test)->verdict) {
		case PASSED:
			++cell->counts.passed;
			break;
		case FAILED:
			++cell->counts.failed;
			break;
		case GATED:
			++cell->counts.gated;
			break;
		case NOT_RUN:
			break;
		}
	}
	all->passed += cell->counts.passed;
	all->failed += cell->counts.failed;
	all->gated += cell->counts.gated;
}

/* The cell's process has ended, well or not. */
static void
end_cell(struct cell *cell, int status, struct counts *all)
{
	char why[80];

	cell->pid = 0;
	cell->over = true;
	cell->end_ns = now_ns();
	if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "the area's process died of %s",
		    strsignal(WTERMSIG(status)));
	else
		snprintf(why, sizeof(why),
		    "the area's process ended with status %d",
		    WEXITSTATUS(status));
	if (status != 0)
		TESTS_FOREACH (test, cell) {
			struct outcome *outcome = cell_outcome(cell, test);

			if (outcome->verdict == NOT_RUN)
				keep(outcome, FAILED,
				    cell->area->tests[test]->file,
				    cell->area->tests[test]->line, why);
		}
	count_cell(cell, all);
}

static void
show_progress(const struct results *results, bool terminal)
{
	size_t over = 0, begun = 0, tests = 0;
	const struct cell *running = NULL;

	if (!terminal)
		return;
	CELLS_FOREACH (cell, results) {
		over += cell->over;
		if (cell->pid != 0)
			running = cell;
		TESTS_FOREACH (test, cell) {
			++tests;
			begun += cell_outcome(cell, test)->begin_ns != 0;
		}
	}
	fprintf(stderr, "\r\033[K%zu of %zu tests, %zu of %zu cells, %d "
			"failed",
	    begun, tests, over, results->cells_count, results->all.failed);
	if (running != NULL)
		fprintf(stderr, ": %s.%s", cell_backend(running),
		    running->area->name);
}

static void
tell_cell(
    const struct results *results, const struct cell *cell, bool terminal)
{
	size_t over = 0;

	if (terminal)
		fputs("\r\033[K", stderr);
	tell_failures(cell);
	if (terminal || counts_sum(&cell->counts) == 0)
		return;
	CELLS_FOREACH (other, results)
		over += other->over;
	fprintf(stderr,
	    "%zu of %zu: %s.%s: %d passed, %d failed, %d gated, %.1f s\n",
	    over, results->cells_count, cell_backend(cell), cell->area->name,
	    cell->counts.passed, cell->counts.failed, cell->counts.gated,
	    seconds_between(cell->begin_ns, cell->end_ns));
}

static void
set_signals(struct sigaction *before, bool on)
{
	static const int signals[] = { SIGALRM, SIGHUP, SIGINT, SIGTERM };
	/* No SA_RESTART: they end a waitpid. */
	struct sigaction action = { .sa_handler = note };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < LEN(signals); ++i)
		sigaction(signals[i], on ? &action : &before[i],
		    on ? &before[i] : NULL);
}

static void
set_timer(int ms)
{
	struct itimerval timer = { { 0, ms * 1000 }, { 0, ms * 1000 } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Starts cells while there are fewer than `jobs`; false if it cannot. */
static bool
begin_cells(struct results *results, size_t *next, int *running)
{
	while (*next < results->cells_count &&
	    *running < results->options->jobs) {
		struct cell *cell = &results->cells[*next];

		begin_cell(cell);
		if (cell->pid < 0) {
			perror("mio-conformance: fork");
			cell->pid = 0;
			return false;
		}
		++*next;
		++*running;
	}
	return true;
}

static struct cell *
cell_of(struct results *results, pid_t pid)
{
	for (size_t i = 0; i < results->cells_count; ++i)
		if (results->cells[i].pid == pid)
			return &results->cells[i];
	return NULL;
}

static bool
run_all(struct results *results, bool terminal)
{
	size_t next = 0;
	int running = 0;

	while (next < results->cells_count || running > 0) {
		struct cell *cell;
		int status;
		pid_t pid;

		if (caught != 0 || !begin_cells(results, &next, &running))
			return false;
		show_progress(results, terminal);
		pid = waitpid(-1, &status, 0);
		if (pid < 0 && errno != EINTR) {
			perror("mio-conformance: waitpid");
			return false;
		}
		if (pid < 0 || (cell = cell_of(results, pid)) == NULL)
			continue;
		--running;
		end_cell(cell, status, &results->all);
		tell_cell(results, cell, terminal);
	}
	return true;
}

bool
cells_run(struct results *results)
{
	bool terminal = isatty(STDERR_FILENO);
	struct sigaction before[4];
	bool done;

	set_signals(before, true);
	if (terminal)
		set_timer(200);
	done = run_all(results, terminal);
	set_timer(0);
	if (terminal)
		fputs("\r\033[K", stderr);
	if (!done)
		CELLS_FOREACH (cell, results)
			if (cell->pid != 0) {
				/* Check passes it on to the test. */
				kill(cell->pid, SIGTERM);
				waitpid(cell->pid, NULL, 0);
			}
	set_signals(before, false);
	if (caught != 0)
		raise(caught);
	return done;
}
