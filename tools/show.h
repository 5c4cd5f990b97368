/* SPDX-License-Identifier: MIT */
/* What probe.h found, for people and for programs. */

#ifndef MIO_TOOLS_SHOW_H
#define MIO_TOOLS_SHOW_H

#include <stdio.h>

#include "probe.h"
#include "text.h"

void show_text(FILE *out, const struct probe *probe);
/* The members of an object, which the caller opens and closes. */
void show_json(struct json *json, const struct probe *probe);

#endif
