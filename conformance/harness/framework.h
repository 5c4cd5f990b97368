/* SPDX-License-Identifier: MIT */
/* What the tests are written with: Check, or for conformance/mini mini.h. */

#ifndef MIO_CONFORMANCE_FRAMEWORK_H
#define MIO_CONFORMANCE_FRAMEWORK_H

#ifdef MIO_MINI
#include "mini.h"
#else
#include <check.h>
/* Where Check is there is all that a test needs. */
#define TEST_NEEDS_FIELD(needs)
#endif

#endif
