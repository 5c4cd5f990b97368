/* SPDX-License-Identifier: MIT */
/*
 * The conformance suites without Check, fork and exec, for systems where these
 * do not exist; see `usage`.
 */

#include "config.h"

#define MIO_MINI_ITSELF
#include "harness.h"
#include "kinds.h"
#include "main.h"

#include <fnmatch.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

struct thread {
	void *(*run)(void *);
	void *arg;
	pthread_t id;
	unsigned generation;
	atomic_bool ended;
	struct thread *next;
};

/* What tests change; as it was before the first. */
static struct {
	char dir[4096];
	sigset_t mask;
	struct rlimit limit;
	const char *environment;
} base;

static const struct {
	unsigned needs;
	const char *what;
} names_of_needs[] = {
	{ NEEDS_PROCESS, "a process of its own" },
	{ NEEDS_THREADS, "threads" },
	{ NEEDS_SIGNALS, "signals" },
	{ NEEDS_LIMITS, "a limit of descriptors" },
};

static unsigned lacking = NEEDS_PROCESS;
static int passed, failed, gated, skipped;
static struct failure failures[1000];

static const char usage[] =
    "usage: mini [--list] [WORD...]\n"
    "Runs the conformance suites of libmio, and prints TAP: a line for each\n"
    "test and backend, and before each area a comment.\n"
    "  WORD    with a '+' a backend, else an area, a test or a row of the\n"
    "          catalogue; patterns as fnmatch(3) has them\n"
    "  --list  the tests, and what they need\n"
    "  CK_TIMEOUT_MULTIPLIER=N in the environment: how much slower it is here\n"
    "Exit status: 0, 1 a test failed, 2 a word that is nothing, 77 nothing\n"
    "was to run.\n";

/*
 * The running test.  It has a thread of its own, where there are threads: one
 * that does not end is left to itself, with its stack, descriptors and
 * threads, and the next one runs.
 */
static const TTest *running;
static int running_on; /* which backend */
static struct outcome outcome;
static struct fds fds_before;
static jmp_buf test_over;

static atomic_uint generation; /* counts tests */
static _Thread_local unsigned mine;
static _Thread_local bool is_test; /* not one of its threads */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
/* Under `lock`. */
static enum progress { RUNNING, OVER, STUCK } state;
static struct thread *threads; /* not joined yet */

struct outcome *
outcome_of(const TTest *test, int which)
{
	(void)test;
	(void)which;
	return &outcome;
}

/* Threads. */

/* For who is left to itself: what it uses may be another test's now. */
static void
keep_out(void)
{
	while (mine != atomic_load(&generation))
		pause_ms(1000);
}

static void
thread_ended(void *arg)
{
	struct thread *thread = arg;

	atomic_store(&thread->ended, true);
}

static void *
thread_run(void *arg)
{
	struct thread *thread = arg;
	void *result;

	mine = thread->generation;
	pthread_cleanup_push(thread_ended, thread);
	result = thread->run(thread->arg);
	pthread_cleanup_pop(1);
	return result;
}

int
mini_thread_create(pthread_t *id, const pthread_attr_t *attr,
    void *(*run)(void *), void *arg)
{
	struct thread *thread;
	int error;

	keep_out();
	ck_assert_msg((running->needs & NEEDS_THREADS) != 0,
	    "a thread, but the test is not marked NEEDS_THREADS");
	thread = calloc(1, sizeof(*thread));
	if (thread == NULL)
		return ENOMEM;
	thread->run = run;
	thread->arg = arg;
	thread->generation = mine;
	pthread_mutex_lock(&lock);
	error = pthread_create(&thread->id, attr, thread_run, thread);
	if (error == 0) {
		*id = thread->id;
		thread->next = threads;
		threads = thread;
	}
	pthread_mutex_unlock(&lock);
	if (error != 0)
		free(thread);
	return error;
}

int
mini_thread_join(pthread_t id, void **result)
{
	struct thread **place, *thread;
	int error = pthread_join(id, result);

	pthread_mutex_lock(&lock);
	for (place = &threads; (thread = *place) != NULL;
	     place = &thread->next)
		if (pthread_equal(thread->id, id)) {
			*place = thread->next;
			break;
		}
	pthread_mutex_unlock(&lock);
	free(thread);
	return error;
}

/* Waits for all of them; false if one does not end. */
static bool
threads_end(int seconds)
{
	int64_t end = now_ns() + (int64_t)(seconds * 1e9 * slowness());

	for (struct thread *thread = threads; thread != NULL;
	     thread = thread->next)
		while (!atomic_load(&thread->ended)) {
			if (now_ns() >= end)
				return false;
			pause_ms(1);
		}
	while (threads != NULL)
		mini_thread_join(threads->id, NULL);
	return true;
}

pid_t
mini_fork(void)
{
	mini_fail(__FILE__, __LINE__,
	    "fork, but the test is not marked NEEDS_PROCESS");
}

/* The end of a test. */

static void
print_result(const char *verdict)
{
	printf("%s %d - %s %s", verdict, passed + failed + gated + skipped,
	    mio_backends()[running_on], running->name);
	if (outcome.verdict == FAILED)
		printf(": %s:%d: %s", outcome.file, outcome.line,
		    outcome.message);
	else if (outcome.gated)
		printf(" # SKIP %s%s", outcome.skipped ? "" : "gate ",
		    outcome.reason);
	putchar('\n');
	fflush(stdout);
}

static void
note_kind(void)
{
	if ((size_t)failed >= LEN(failures))
		return;
	failures[failed].test = running->name;
	failures[failed].which = running_on;
	failures[failed].set_up =
	    kinds_set_up(outcome.file, outcome.message);
}

#ifdef __GNUC__
__attribute__((format(printf, 3, 0)))
#endif
static void
note_failure(const char *file, int line, const char *format, va_list args)
{
	const char *slash = strrchr(file, '/');

	pthread_mutex_lock(&lock);
	if (outcome.verdict != FAILED) {
		snprintf(outcome.file, sizeof(outcome.file), "%s",
		    slash != NULL ? slash + 1 : file);
		outcome.line = line;
		vsnprintf(outcome.message, sizeof(outcome.message), format,
		    args);
		for (char *c = outcome.message; *c != '\0'; ++c)
			if (*c == '\n')
				*c = ' ';
		outcome.verdict = FAILED;
	}
	pthread_mutex_unlock(&lock);
}

/* What they wait for may never come now: wakes them; false if that fails. */
static bool
stop_threads(void)
{
	int fd;
	struct fds seen = fds_before;

	while (fds_since(&seen, &fd, 1) == 1) {
		shutdown(fd, SHUT_RDWR);
		seen.bits[fd / 8] |= (unsigned char)(1 << fd % 8);
	}
	if (threads_end(1))
		return true;
#ifdef PTHREAD_CANCEL_DISABLE /* not on Android */
	for (struct thread *thread = threads; thread != NULL;
	     thread = thread->next)
		pthread_cancel(thread->id);
#endif
	return threads_end(1);
}

static void
set_state(enum progress now)
{
	pthread_mutex_lock(&lock);
	state = now;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

void
mini_fail(const char *file, int line, const char *format, ...)
{
	va_list args;

	keep_out();
	va_start(args, format);
	note_failure(file, line, format, args);
	va_end(args);
	if (!is_test)
		pthread_exit(NULL);
	/* Here, for they may use the stack of who failed. */
	if (stop_threads())
		longjmp(test_over, 1);
	set_state(STUCK);
	for (;;)
		pause_ms(1000);
}

/* The system. */

static volatile sig_atomic_t caught;

static void
note_signal(int number)
{
	caught = number;
}

static bool
signals_work(void)
{
	return signal(SIGUSR1, note_signal) != SIG_ERR &&
	    raise(SIGUSR1) == 0 && caught == SIGUSR1 &&
	    signal(SIGUSR1, SIG_DFL) != SIG_ERR;
}

static void *
no_work(void *arg)
{
	return arg;
}

static bool
threads_work(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, no_work, NULL) == 0 &&
	    pthread_join(thread, NULL) == 0;
}

static void
look_at_system(void)
{
	base.environment = getenv("MIO_BACKEND");
	if (getcwd(base.dir, sizeof(base.dir)) == NULL)
		strcpy(base.dir, "/");
	if (!threads_work())
		lacking |= NEEDS_THREADS;
	if (!signals_work())
		lacking |= NEEDS_SIGNALS;
	pthread_sigmask(SIG_SETMASK, NULL, &base.mask);
	descriptors_raise();
	if (getrlimit(RLIMIT_NOFILE, &base.limit) != 0 ||
	    setrlimit(RLIMIT_NOFILE, &base.limit) != 0)
		lacking |= NEEDS_LIMITS;
}

/* Also where tests pass, which leave that to the end of their process. */
static void
restore(void)
{
	static const int signals[] = { SIGALRM, SIGPIPE, SIGUSR1 };
	static const struct itimerval no_timer;

	setitimer(ITIMER_REAL, &no_timer, NULL);
	for (size_t i = 0; i < LEN(signals); ++i)
		signal(signals[i], SIG_DFL);
	if ((lacking & NEEDS_LIMITS) == 0)
		setrlimit(RLIMIT_NOFILE, &base.limit);
	if (base.environment != NULL)
		setenv("MIO_BACKEND", base.environment, 1);
	else
		unsetenv("MIO_BACKEND");
	if (chdir(base.dir) == -1)
		perror(base.dir);
}

/* Running. */

/* In the test's thread. */
static void *
run_body(void *arg)
{
	int fd;

	is_test = true;
	mine = atomic_load(&generation);
	pthread_sigmask(SIG_SETMASK, &base.mask, NULL);
	if (setjmp(test_over) == 0) {
		running->fn(running_on);
		ck_assert_msg(outcome.end_ns != 0, "did not come to its end");
		ck_assert_msg(threads == NULL, "left a thread behind");
	} else {
		while (fds_since(&fds_before, &fd, 1) == 1)
			close(fd);
	}
	keep_out();
	set_state(OVER);
	return arg;
}

/* True if it ended. */
static bool
wait_for_end(void)
{
	int64_t end = now_ns() + (int64_t)(40e9 * slowness());
	bool over;

	pthread_mutex_lock(&lock);
	while (state == RUNNING && now_ns() < end) {
		struct timespec soon;

		clock_gettime(CLOCK_REALTIME, &soon);
		++soon.tv_sec;
		pthread_cond_timedwait(&changed, &lock, &soon);
	}
	over = state == OVER;
	if (!over) {
		if (state == RUNNING && outcome.verdict != FAILED) {
			snprintf(outcome.file, sizeof(outcome.file), "mini.c");
			outcome.line = __LINE__;
			snprintf(outcome.message, sizeof(outcome.message),
			    "does not end");
			outcome.verdict = FAILED;
		}
		threads = NULL;
		atomic_fetch_add(&generation, 1);
	}
	pthread_mutex_unlock(&lock);
	return over;
}

/* False if it has to run where mini does. */
static bool
run_apart(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;
	int error;

	if ((lacking & NEEDS_THREADS) != 0 || pthread_attr_init(&attr) != 0)
		return false;
	/* Some libraries give much less than what a process has. */
	pthread_attr_setstacksize(&attr, 4U << 20);
	error = pthread_create(&thread, &attr, run_body, NULL);
	pthread_attr_destroy(&attr);
	if (error != 0)
		return false;
	/* Those that come to the process are the test's. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	if (wait_for_end())
		pthread_join(thread, NULL);
	else
		pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return true;
}

static void
run_test(void)
{
	fds_get(&fds_before);
	state = RUNNING;
	if (!run_apart())
		run_body(NULL);
	restore();
}

static void
skip_test(void)
{
	size_t i = 0;

	while ((names_of_needs[i].needs & lacking & running->needs) == 0)
		++i;
	outcome.gated = outcome.skipped = true;
	snprintf(outcome.reason, sizeof(outcome.reason), "needs %s",
	    names_of_needs[i].what);
}

static void
run(const TTest *test, int which)
{
	memset(&outcome, 0, sizeof(outcome));
	running = test;
	running_on = which;
	if ((test->needs & lacking) != 0)
		skip_test();
	else
		run_test();
	if (outcome.verdict == FAILED) {
		note_kind();
		++failed;
		print_result("not ok");
	} else if (outcome.skipped) {
		++skipped;
		print_result("ok");
	} else if (outcome.gated) {
		++gated;
		print_result("ok");
	} else {
		++passed;
		print_result("ok");
	}
}

static void
list(const struct area *area, const TTest *test)
{
	printf("%s %s", area->name, test->name);
	for (size_t i = 0; i < LEN(names_of_needs); ++i)
		if ((test->needs & names_of_needs[i].needs) != 0)
			printf(", needs %s", names_of_needs[i].what);
	putchar('\n');
}

/* Words. */

/* The test's name is "NAME [ROW ROW]". */
static bool
names_test(const char *word, const struct area *area, const TTest *test)
{
	char name[200], *part;

	if (fnmatch(word, area->name, 0) == 0)
		return true;
	snprintf(name, sizeof(name), "%s", test->name);
	for (part = strtok(name, " []"); part != NULL;
	     part = strtok(NULL, " []"))
		if (fnmatch(word, part, 0) == 0)
			return true;
	return false;
}

static bool
names_backend(const char *word, int which)
{
	return fnmatch(word, mio_backends()[which], 0) == 0;
}

static bool
is_backend(const char *word)
{
	return strchr(word, '+') != NULL;
}

/* No word of its kind excludes nothing. */
static bool
wants_backend(char **words, int which)
{
	bool any = false;

	for (; *words != NULL; ++words)
		if (is_backend(*words)) {
			if (names_backend(*words, which))
				return true;
			any = true;
		}
	return !any;
}

static bool
wants_test(char **words, const struct area *area, const TTest *test)
{
	bool any = false;

	for (; *words != NULL; ++words)
		if (!is_backend(*words)) {
			if (names_test(*words, area, test))
				return true;
			any = true;
		}
	return !any;
}

static bool
is_known(const char *word)
{
	for (int which = 0; mio_backends()[which] != NULL; ++which)
		if (names_backend(word, which))
			return true;
	for (size_t a = 0; a < areas_count; ++a)
		for (const TTest *const *test = areas[a].tests; *test != NULL;
		     ++test)
			if (names_test(word, &areas[a], *test))
				return true;
	return false;
}

static void
list_tests(char **words)
{
	for (size_t a = 0; a < areas_count; ++a)
		for (const TTest *const *test = areas[a].tests; *test != NULL;
		     ++test)
			if (wants_test(words, &areas[a], *test))
				list(&areas[a], *test);
}

static int
count_tests(char **words, const struct area *area)
{
	int count = 0;

	for (const TTest *const *test = area->tests; *test != NULL; ++test)
		count += wants_test(words, area, *test);
	return count;
}

/* Returns on how many backends. */
static int
print_plan(char **words)
{
	int tests = 0, backends = 0;

	for (size_t a = 0; a < areas_count; ++a)
		tests += count_tests(words, &areas[a]);
	for (int which = 0; mio_backends()[which] != NULL; ++which)
		backends += wants_backend(words, which);
	printf("1..%d\n", tests * backends);
	return backends;
}

static void
run_area(char **words, const struct area *area, int which)
{
	int count = count_tests(words, area);

	if (count == 0)
		return;
	printf("# %s: %s, %d\n", mio_backends()[which], area->name, count);
	fflush(stdout);
	for (const TTest *const *test = area->tests; *test != NULL; ++test)
		if (wants_test(words, area, *test))
			run(*test, which);
}

int
main(int argc, char **argv)
{
	static char *none[] = { NULL };
	char **words = argc > 1 ? argv + 1 : none;
	bool lists = words[0] != NULL && strcmp(words[0], "--list") == 0;
	int backends;

	if (words[0] != NULL && strcmp(words[0], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	words += lists;
	for (char **word = words; *word != NULL; ++word)
		if (!is_known(*word)) {
			fprintf(stderr,
			    "mini: '%s' is no backend, area, test or row; "
			    "see mini --list\n",
			    *word);
			return 2;
		}
	if (lists) {
		list_tests(words);
		return 0;
	}
	look_at_system();
	backends = print_plan(words);
	for (int which = 0; mio_backends()[which] != NULL; ++which)
		if (wants_backend(words, which))
			for (size_t a = 0; a < areas_count; ++a)
				run_area(words, &areas[a], which);
	printf("# mini: %d ok, %d not ok, %d gated, %d skipped\n", passed,
	    failed, gated, skipped);
	kinds_print(stdout, "# ", failures,
	    (size_t)failed < LEN(failures) ? (size_t)failed : LEN(failures),
	    backends);
	return failed > 0 ? 1 : passed == 0 ? 77 : 0;
}
