/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "harness.h"

SUITE_EMPTY(int);
