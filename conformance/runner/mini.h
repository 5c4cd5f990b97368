/* SPDX-License-Identifier: MIT */
/*
 * What the tests use of Check, for conformance/mini, which runs them all in
 * one process.  A test that fails does not return to where it was.
 */

#ifndef MIO_CONFORMANCE_MINI_H
#define MIO_CONFORMANCE_MINI_H

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

typedef struct {
	const char *name;
	void (*fn)(int);
	const char *file;
	int line;
	unsigned needs;
} TTest;
#define TEST_NEEDS_FIELD(needs) , (needs)

#ifdef __GNUC__
__attribute__((__format__(__printf__, 3, 4)))
#endif
_Noreturn void
mini_fail(const char *file, int line, const char *format, ...);

#define ck_abort_msg(...) mini_fail(__FILE__, __LINE__, __VA_ARGS__)
#define ck_assert_msg(expr, ...)                                             \
	((expr) ? (void)0 : mini_fail(__FILE__, __LINE__, __VA_ARGS__))
#define ck_assert(expr) ck_assert_msg(expr, "false: %s", #expr)

#define MINI_COMPARE(type, format, x, op, y)                                 \
	do {                                                                 \
		type mini_x_ = (type)(x);                                    \
		type mini_y_ = (type)(y);                                    \
		ck_assert_msg(mini_x_ op mini_y_,                            \
		    "false: %s %s %s: " format ", " format, #x, #op, #y,     \
		    mini_x_, mini_y_);                                       \
	} while (0)
#define ck_assert_int_eq(x, y) MINI_COMPARE(intmax_t, "%jd", x, ==, y)
#define ck_assert_int_ne(x, y) MINI_COMPARE(intmax_t, "%jd", x, !=, y)
#define ck_assert_int_lt(x, y) MINI_COMPARE(intmax_t, "%jd", x, <, y)
#define ck_assert_int_le(x, y) MINI_COMPARE(intmax_t, "%jd", x, <=, y)
#define ck_assert_int_gt(x, y) MINI_COMPARE(intmax_t, "%jd", x, >, y)
#define ck_assert_int_ge(x, y) MINI_COMPARE(intmax_t, "%jd", x, >=, y)
#define ck_assert_uint_eq(x, y) MINI_COMPARE(uintmax_t, "%ju", x, ==, y)
#define ck_assert_uint_ne(x, y) MINI_COMPARE(uintmax_t, "%ju", x, !=, y)
#define ck_assert_uint_lt(x, y) MINI_COMPARE(uintmax_t, "%ju", x, <, y)
#define ck_assert_uint_le(x, y) MINI_COMPARE(uintmax_t, "%ju", x, <=, y)
#define ck_assert_uint_gt(x, y) MINI_COMPARE(uintmax_t, "%ju", x, >, y)
#define ck_assert_uint_ge(x, y) MINI_COMPARE(uintmax_t, "%ju", x, >=, y)
#define ck_assert_double_lt(x, y) MINI_COMPARE(double, "%g", x, <, y)
#define ck_assert_ptr_eq(x, y) MINI_COMPARE(const void *, "%p", x, ==, y)
#define ck_assert_ptr_ne(x, y) MINI_COMPARE(const void *, "%p", x, !=, y)
#define ck_assert_ptr_null(x) ck_assert_msg((x) == NULL, "not NULL: %s", #x)
#define ck_assert_ptr_nonnull(x) ck_assert_msg((x) != NULL, "NULL: %s", #x)

#define MINI_COMPARE_STRINGS(x, op, y)                                       \
	do {                                                                 \
		const char *mini_x_ = (x);                                   \
		const char *mini_y_ = (y);                                   \
		ck_assert_msg(strcmp(mini_x_, mini_y_) op 0,                 \
		    "false: %s %s %s: \"%s\", \"%s\"", #x, #op, #y, mini_x_, \
		    mini_y_);                                                \
	} while (0)
#define ck_assert_str_eq(x, y) MINI_COMPARE_STRINGS(x, ==, y)
#define ck_assert_str_ne(x, y) MINI_COMPARE_STRINGS(x, !=, y)
#define ck_assert_mem_eq(x, y, len)                                          \
	ck_assert_msg(                                                       \
	    memcmp((x), (y), (size_t)(len)) == 0, "%s and %s differ", #x, #y)

/*
 * A failed test's threads have to end before its stack goes.  A child would
 * be a second runner, so a test that forks says so beforehand: FORK.
 */
pid_t mini_fork(void);
int mini_thread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*run)(void *), void *arg);
int mini_thread_join(pthread_t thread, void **result);
#ifndef MIO_MINI_ITSELF
#define fork mini_fork
#define pthread_create mini_thread_create
#undef pthread_join /* a macro on NetBSD */
#define pthread_join mini_thread_join
#endif

#endif
