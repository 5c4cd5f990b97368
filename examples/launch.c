/* SPDX-License-Identifier: MIT */
/*
 * launch PATH COMMAND [ARG...]
 *
 * What systemd does for listen_fds, for the test: listens on a free port of
 * the loopback address and at the Unix domain socket PATH, prints the port,
 * and becomes the command, which has the two as descriptors 3 and 4.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <mio.h>

/*
 * Gives a source's descriptor, which is blocking again as systemd's are, the
 * number wanted.
 */
static int
place(struct mio_source *source, int number)
{
	int fd = mio_source_into_fd(source);

	if (fcntl(fd, F_SETFL, 0) == -1 || dup2(fd, number) == -1 ||
	    fcntl(number, F_SETFD, 0) == -1)
		return -1;
	return close(fd);
}

int
main(int argc, char **argv)
{
	struct sockaddr_storage addr;
	struct sockaddr *sa = (struct sockaddr *)&addr;
	struct mio_source listeners[2];
	char pid[32], text[64];
	socklen_t len;

	/* So that neither listener gets the other's number at first. */
	if (argc < 3 || dup2(STDIN_FILENO, 3) == -1 ||
	    dup2(STDIN_FILENO, 4) == -1 ||
	    mio_addr_parse(&addr, &len, "127.0.0.1:0") == -1 ||
	    mio_tcp_listen(&listeners[0], sa, len) == -1 ||
	    mio_source_local_addr(&listeners[0], sa, &len) == -1 ||
	    mio_addr_format(text, sizeof text, sa, len) == -1 ||
	    mio_unix_listen(&listeners[1], argv[1]) == -1 ||
	    place(&listeners[0], 3) == -1 || place(&listeners[1], 4) == -1) {
		perror("launch PATH COMMAND [ARG...]");
		return 2;
	}
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "2", 1);
	printf("%s %s\n", strrchr(text, ':') + 1, pid);
	fflush(stdout);
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
