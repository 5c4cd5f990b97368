# SPDX-License-Identifier: MIT

TESTS += \
	checks/exports.sh \
	checks/headers-cxx.sh \
	checks/headers.sh \
	checks/house.sh \
	checks/install.sh \
	checks/uninstall.sh
EXTRA_DIST += \
	checks/exports.sh \
	checks/headers-cxx.sh \
	checks/headers.sh \
	checks/house.sh \
	checks/install.sh \
	checks/names.sh \
	checks/uninstall.sh

# make check tells what it cannot do.
if !HAVE_CHECK
AM_TESTSUITE_SUMMARY_HEADER = \
	': NO CONFORMANCE SUITES, for configure found no Check 0.15'
endif

# The shell checks alone.
check-headers:
	$(MAKE) $(AM_MAKEFLAGS) check check_PROGRAMS= \
		TESTS='checks/headers.sh checks/headers-cxx.sh'
check-exports:
	$(MAKE) $(AM_MAKEFLAGS) check check_PROGRAMS= \
		TESTS=checks/exports.sh

.PHONY: check-exports check-headers
