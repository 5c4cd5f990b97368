/* SPDX-License-Identifier: MIT */
/* Text of unknown origin within JSON, XML and HTML. */

#ifndef MIO_TOOLS_TEXT_H
#define MIO_TOOLS_TEXT_H

#include <stdio.h>

/* With the quotes.  What is not UTF-8 becomes U+FFFD. */
void text_json(FILE *out, const char *text);
/* The same for elements and quoted attributes, without any quotes. */
void text_xml(FILE *out, const char *text);

#endif
