/* SPDX-License-Identifier: MIT */
/* What this system is and how its backends behave: --report. */

#ifndef MIO_CONFORMANCE_REPORT_H
#define MIO_CONFORMANCE_REPORT_H

#include <stdio.h>

#include "run.h"

void report_text(const struct results *results, FILE *out);
void report_html(const struct results *results, FILE *out);
void report_json(const struct results *results, FILE *out);

#endif
