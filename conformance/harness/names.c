/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "names.h"
#include "harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static int before; /* the working directory before dir_open */
static char path[4096];

void
dir_open(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(path, sizeof(path), "%s/mio.XXXXXX",
	    tmp != NULL && *tmp != '\0' ? tmp : "/tmp");
	ck_assert_msg(
	    mkdtemp(path) != NULL, "%s: %s", path, strerror(errno));
	CHECK_CALL(before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	CHECK_INT(0, chdir(path));
}

void
dir_close(void)
{
	const struct dirent *entry;
	DIR *dir = opendir(".");

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			CHECK_INT(0, unlink(entry->d_name));
	closedir(dir);
	CHECK_INT(0, fchdir(before));
	close(before);
	CHECK_INT(0, rmdir(path));
}

struct name
path_name(const char *file)
{
	struct name name;

	CHECK_INT(
	    0, mio_unix_addr(&name.addr, &name.len, file, strlen(file)));
	return name;
}

/* Built by hand: what the library makes of names is tested with it. */
struct name
abstract_name(size_t len)
{
	static unsigned count;
	struct name name;

	ck_assert(len >= 24 && len <= PATH_ROOM);
	memset(&name, 0, sizeof(name));
	name.addr.sun_family = AF_UNIX;
	memset(name.addr.sun_path + 1, 'm', len - 1);
	snprintf(name.addr.sun_path + 1, len - 1, "mio%x.%x.%08x",
	    (unsigned)getpid(), count++, (unsigned)now_ns());
	name.len = (socklen_t)(PATH_OFFSET + len);
	return name;
}

typedef int name_call(const struct mio_source *source, struct sockaddr *addr,
    socklen_t *addrlen);

static struct name
ask(const struct mio_source *source, name_call *call)
{
	struct name name;

	memset(&name, 0x5a, sizeof(name));
	name.len = sizeof(name.addr);
	CHECK_INT(
	    0, call(source, (struct sockaddr *)&name.addr, &name.len));
	return name;
}

struct name
local_name(const struct mio_source *source)
{
	return ask(source, mio_source_local_addr);
}

struct name
peer_name(const struct mio_source *source)
{
	return ask(source, mio_source_peer_addr);
}

void
same_name(const struct name *want, const struct name *got)
{
	socklen_t len = want->len;

	/* mio_unix_addr counts a path's NUL, what comes back does not. */
	if ((size_t)len > PATH_OFFSET && want->addr.sun_path[0] != '\0')
		len = (socklen_t)(PATH_OFFSET +
		    strnlen(want->addr.sun_path, (size_t)len - PATH_OFFSET));
	CHECK_INT(len, got->len);
	/* Not sun_len, which OpenBSD has as that of all the room. */
	CHECK_INT(want->addr.sun_family, got->addr.sun_family);
	ck_assert_mem_eq(want->addr.sun_path, got->addr.sun_path,
	    (size_t)len - PATH_OFFSET);
}

void
is_unnamed(const struct name *name)
{
	CHECK_INT(PATH_OFFSET, name->len);
	CHECK_INT(AF_UNIX, name->addr.sun_family);
}

bool
under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL;
}
