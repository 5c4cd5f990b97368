/* SPDX-License-Identifier: MIT */

#include "config.h"
#include "selector.h"

#include "sys/sys.h"

int
mio_pipe_new(struct mio_source *receiver, struct mio_source *sender)
{
	struct mio_source made = MIO_SOURCE_INIT;
	int fds[2];

	if (receiver == NULL || sender == NULL)
		return mio__fail(EINVAL);
	if (mio__sys_pipe(fds) < 0)
		return -1;
	made.kind = MIO__KIND_MADE;
	made.handle = fds[0];
	*receiver = made;
	made.handle = fds[1];
	made.kind |= mio__sys_pipe_kind(fds[1]);
	*sender = made;
	return 0;
}
