/* SPDX-License-Identifier: MIT */
/* Prints what a world is put through as a C program. */

#include "config.h"
#include "fuzz.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void
flush_line(struct world *w)
{
	const char *tabs = "\t";

	if (w->repeated > 1) {
		fprintf(w->trace, "\tfor (i = 0; i < %u; i++)\n", w->repeated);
		tabs = "\t\t";
	}
	if (w->repeated > 0)
		fprintf(w->trace, "%s%s\n", tabs, w->line);
	w->repeated = 0;
}

void
say(struct world *w, const char *format, ...)
{
	char line[sizeof(w->line)];
	va_list args;

	if (w->trace == NULL || w->quiet)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (w->repeated > 0 && strcmp(line, w->line) == 0) {
		w->repeated++;
		return;
	}
	flush_line(w);
	strcpy(w->line, line);
	w->repeated = 1;
}

static const char prelude[] =
    "#define _GNU_SOURCE\n"
    "#include <errno.h>\n"
    "#include <fcntl.h>\n"
    "#include <mio.h>\n"
    "#include <netinet/in.h>\n"
    "#include <netinet/tcp.h>\n"
    "#include <poll.h>\n"
    "#include <signal.h>\n"
    "#include <stdio.h>\n"
    "#include <sys/eventfd.h>\n"
    "#include <unistd.h>\n"
    "\n"
    "#define R MIO_READABLE\n"
    "\n"
    "static struct slot {\n"
    "\tstruct mio_source source;\n"
    "\tint fd, dup, peer;\n"
    "} slots[%d], *s;\n"
    "static struct world {\n"
    "\tstruct mio_poll *poll, *other;\n"
    "\tstruct mio_registry *registry;\n"
    "\tstruct mio_waker *wakers[%d];\n"
    "\tstruct mio_source door, refuse;\n"
    "} world = { .door = MIO_SOURCE_INIT }, *w = &world;\n"
    "static const struct sockaddr_in loopback = { .sin_family = AF_INET,\n"
    "\t.sin_addr = { .s_addr = 0x0100007f } };\n"
    "static const struct sockaddr *any = (const void *)&loopback;\n"
    "static const mio_token expected = (mio_token)%#" PRIx64 "u;\n"
    "static unsigned seen, ever, events_seen;\n"
    "\n"
    "/* The readiness of `expected` in `ever`, that of this wait in `seen`. "
    "*/\n"
    "static unsigned\n"
    "look(size_t capacity, int64_t timeout)\n"
    "{\n"
    "\tstruct mio_events *events;\n"
    "\tint n;\n"
    "\n"
    "\tseen = events_seen = 0;\n"
    "\tmio_events_new(&events, capacity);\n"
    "\tn = mio_poll(w->poll, events, timeout);\n"
    "\tprintf(\"%%d events\\n\", n);\n"
    "\tMIO_EVENTS_FOREACH (event, events) {\n"
    "\t\tprintf(\"  %%#jx: %%#x\\n\", (uintmax_t)event->token,\n"
    "\t\t    event->readiness);\n"
    "\t\tif (event->token == expected)\n"
    "\t\t\tseen |= event->readiness;\n"
    "\t\tevents_seen++;\n"
    "\t}\n"
    "\tmio_events_free(events);\n"
    "\tever |= seen;\n"
    "\treturn ever;\n"
    "}\n"
    "\n"
    "static ssize_t\n"
    "try_read(int handle, void *data)\n"
    "{\n"
    "\treturn read(handle, data, 1024);\n"
    "}\n"
    "\n"
    "static ssize_t\n"
    "try_write(int handle, void *data)\n"
    "{\n"
    "\treturn write(handle, data, 1024);\n"
    "}\n"
    "\n"
    "/* Datagrams wait there. */\n"
    "static int\n"
    "readable(int fd)\n"
    "{\n"
    "\tstruct pollfd look = { .fd = fd, .events = POLLIN };\n"
    "\n"
    "\treturn poll(&look, 1, 0);\n"
    "}\n"
    "\n"
    "static int\n"
    "open_writer(int fd)\n"
    "{\n"
    "\tchar name[40];\n"
    "\n"
    "\tsnprintf(name, sizeof(name), \"/proc/self/fd/%%d\", fd);\n"
    "\treturn open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);\n"
    "}\n"
    "\n"
    "int\n"
    "main(void)\n"
    "{\n"
    "\tstatic char buf[65536];\n"
    "\tstruct sockaddr_storage addr;\n"
    "\tstruct sockaddr_un name;\n"
    "\tstruct iovec iov[2] = { { buf, 100 }, { buf, 1000 } };\n"
    "\tconst struct iovec nothing[2] = { { buf, 0 }, { NULL, 0 } };\n"
    "\tstruct mio_source zeroed = { 0 };\n"
    "\tstruct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };\n"
    "\tstruct linger linger = { 1, 0 };\n"
    "\tconst uint64_t most = UINT64_MAX - 1, one = 1;\n"
    "\tconst char *backend = \"%s\";\n"
    "\tsocklen_t len;\n"
    "\tstruct mio_source in, out, other;\n"
    "\tint i, fd, size, on, error, how, which, result;\n"
    "\tsize_t n;\n"
    "\tmio_token token;\n"
    "\tunsigned interests, direction;\n"
    "\n"
    "\t(void)addr, (void)name, (void)msg, (void)linger, (void)most;\n"
    "\t(void)one, (void)len, (void)in, (void)out, (void)other, (void)i;\n"
    "\t(void)fd, (void)size, (void)error, (void)how, (void)which;\n"
    "\t(void)n, (void)token, (void)interests, (void)direction;\n"
    "\t(void)any, (void)result, (void)try_read, (void)try_write;\n"
    "\t(void)on, (void)nothing, (void)zeroed, (void)readable;\n"
    "\t(void)open_writer, (void)look;\n"
    "\tsignal(SIGPIPE, SIG_IGN);\n";

void
trace_begin(struct world *w)
{
	fprintf(w->trace, "/* %s */\n", w->finding->text);
	fprintf(w->trace, prelude, SLOTS, WAKERS, (uint64_t)w->finding->token,
	    w->backend);
}

/* The program ends with 0 only if what was found is not there. */
void
trace_end(struct world *w)
{
	const struct finding *found = w->finding;

	flush_line(w);
	switch (found->fault) {
	case LOST:
		fprintf(w->trace,
		    "\t/* Owed %#x. */\n\tfor (i = 0; i < 50; i++)\n"
		    "\t\tif ((look(64, 10 * MIO_MSEC) & %#x) != 0)\n"
		    "\t\t\treturn 0;\n\treturn 1;\n",
		    found->bits, found->bits);
		break;
	case STRANGER:
		fprintf(w->trace, "\t/* Not registered any more. */\n"
				  "\treturn seen != 0;\n");
		break;
	case FALSE_READINESS:
		fprintf(w->trace,
		    "\t/* Not so. */\n"
		    "\treturn (seen & %#x) != 0;\n",
		    found->bits);
		break;
	case SPIN:
		/* All that was in vain is printed above. */
		fprintf(w->trace, "\treturn events_seen != 0;\n");
		break;
	case OVERFULL:
		fprintf(w->trace, "\treturn events_seen > %u;\n", found->bits);
		break;
	default:
		/* result and errno are of the call before. */
		fprintf(w->trace,
		    "\tprintf(\"%%d %%m\\n\", result);\n"
		    "\treturn !(%u == 0 ? result == 0 :"
		    " result == -1 && errno == %u);\n",
		    found->bits, found->bits);
	}
	fprintf(w->trace, "}\n");
	w->trace = NULL;
}
