/* SPDX-License-Identifier: MIT */

#include "config.h"
#include "selector.h"

const char *
mio_version(void)
{
	return MIO_VERSION;
}
