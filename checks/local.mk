# SPDX-License-Identifier: MIT

TESTS += \
	checks/exports.sh \
	checks/headers-cxx.sh \
	checks/headers.sh \
	checks/house.sh \
	checks/imports.sh \
	checks/install.sh \
	checks/packaging.sh \
	checks/uninstall.sh \
	checks/usdt.sh
EXTRA_DIST += \
	abi/headers-x86_64.abi \
	abi/libmio.so.0-x86_64.abi \
	abi/private \
	checks/abi.sh \
	checks/exports.sh \
	checks/headers-cxx.sh \
	checks/headers.sh \
	checks/house.sh \
	checks/imports.sh \
	checks/install.sh \
	checks/models.sh \
	checks/names.sh \
	checks/packaging.sh \
	checks/uninstall.sh \
	checks/usdt.sh \
	packaging/alpine/APKBUILD \
	packaging/alpine/try.sh \
	packaging/files.sh \
	packaging/rpm/libmio.spec

# make check tells what it cannot do.
AM_TESTSUITE_SUMMARY_HEADER = ' for $(PACKAGE_STRING)$(MISSING_SUITES)'
if !HAVE_CHECK
MISSING_SUITES = : NO CONFORMANCE SUITES, as there is no Check 0.15
endif

# The shell checks alone.
check-headers:
	$(MAKE) $(AM_MAKEFLAGS) check check_PROGRAMS= \
		TESTS='checks/headers.sh checks/headers-cxx.sh'
check-exports:
	$(MAKE) $(AM_MAKEFLAGS) check check_PROGRAMS= \
		TESTS=checks/exports.sh

# Where it cannot be checked (exit status 77) is no failure.
check-abi: lib/libmio.la
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) \
		$(SHELL) $(srcdir)/checks/abi.sh || test $$? -eq 77
update-abi: lib/libmio.la
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) \
		$(SHELL) $(srcdir)/checks/abi.sh --update

# spin's search of all interleavings; too long for make check.
check-models:
	$(MAKE) $(AM_MAKEFLAGS) check check_PROGRAMS= \
		TESTS=checks/models.sh

.PHONY: check-abi check-exports check-headers check-models update-abi

# gcc's analyser, clang-tidy, cppcheck and shellcheck, on what was built.
ANALYSIS_FLAGS = \
	$(DEFS) -I. -I$(abs_top_builddir) -I$(abs_top_builddir)/lib \
	-I$(abs_top_builddir)/tools -Iinclude -Ilib -Itools \
	$(CHECK_CFLAGS) $(CARES_CFLAGS) $(CURL_CFLAGS) $(GLIB_CFLAGS) \
	$(HIREDIS_CFLAGS) $(PQ_CFLAGS)
check-analysis: all
	$(MAKE) $(AM_MAKEFLAGS) check TESTS=
	python3 $(srcdir)/checks/analysis '$(ANALYSIS_FLAGS)'
EXTRA_DIST += checks/analysis checks/analysis.known
.PHONY: check-analysis

# The library's own tests once more, with gcov; coverage/html/index.html.
COVERAGE_TESTS = \
	$(MIO_CONF_TESTS) \
	conformance/test_calls \
	conformance/test_edges \
	conformance/test_fault \
	conformance/test_sandbox \
	conformance/test_units
coverage:
	$(MKDIR_P) coverage/html && cd coverage && \
		'$(abs_top_srcdir)/configure' --quiet --with-check \
		--disable-static \
		CFLAGS='-g -O0 --coverage -fprofile-update=atomic' && \
		find . -name '*.gcda' -exec rm -f {} + && \
		$(MAKE) check TESTS='$(COVERAGE_TESTS)'
	top=`cd '$(abs_top_srcdir)' && pwd -P` && cd coverage && \
		gcovr -r "$$top" --object-directory . --filter "$$top/lib/" \
		--exclude-unreachable-branches --exclude-throw-branches \
		--json coverage.json --html-details html/index.html lib
	python3 $(srcdir)/checks/coverage coverage/coverage.json
clean-local: clean-coverage
clean-coverage:
	rm -rf coverage
EXTRA_DIST += checks/coverage checks/coverage.known
.PHONY: clean-coverage coverage
