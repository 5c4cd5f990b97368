/* SPDX-License-Identifier: MIT */
/*
 * curl_multi [--backend NAME] DIRECTORY URL...
 *
 * Fetches all URLs at once with libcurl's multi_socket calls, into the files
 * 1, 2 and so on of the directory, and prints a line for each:
 *
 *	NUMBER STATUS BYTES URL
 *
 * libcurl tells by callbacks which descriptors it waits for and until when,
 * and is told by curl_multi_socket_action what has happened.  It reads part
 * of what is there and expects to be called again: MIO_LEVEL does that.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <curl/curl.h>
#include <mio.h>

enum { EVENTS = 64 };

struct fetch {
	CURL *easy;
	FILE *file;
	const char *url;
};

struct loop {
	struct mio_poll *poll;
	struct mio_events *events;
	CURLM *multi;
	int64_t deadline; /* of libcurl; MIO_FOREVER: none */
	int running;      /* transfers */
};

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * MIO_SEC + ts.tv_nsec;
}

/* Called with CURL_POLL_REMOVE before libcurl closes the descriptor. */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	static const unsigned interests[] = {
		[CURL_POLL_NONE] = 0,
		[CURL_POLL_IN] = MIO_READABLE | MIO_LEVEL,
		[CURL_POLL_OUT] = MIO_WRITABLE | MIO_LEVEL,
		[CURL_POLL_INOUT] = MIO_READABLE | MIO_WRITABLE | MIO_LEVEL,
		[CURL_POLL_REMOVE] = 0,
	};
	struct loop *loop = arg;
	struct mio_registry *registry = mio_poll_registry(loop->poll);
	mio_token token = (mio_token)fd;
	int result;

	(void)easy;
	(void)unused;
	if (interests[what] == 0) {
		/* It may be closed already, and so be forgotten. */
		mio_registry_deregister_fd(registry, fd);
		return 0;
	}
	result =
	    mio_registry_reregister_fd(registry, fd, token, interests[what]);
	/* A new one, perhaps with the number of one that was closed. */
	if (result == -1 && errno == ENOENT)
		result = mio_registry_register_fd(
		    registry, fd, token, interests[what]);
	/* -1 makes curl_multi_socket_action fail. */
	return result;
}

static int
on_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct loop *loop = arg;

	(void)multi;
	loop->deadline =
	    timeout_ms < 0 ? MIO_FOREVER : now() + timeout_ms * MIO_MSEC;
	return 0;
}

static int
fail(const char *what, CURLMcode code)
{
	fprintf(
	    stderr, "curl_multi: %s: %s\n", what, curl_multi_strerror(code));
	return -1;
}

static int
act(struct loop *loop, curl_socket_t fd, int what)
{
	CURLMcode code =
	    curl_multi_socket_action(loop->multi, fd, what, &loop->running);

	return code == CURLM_OK ? 0 : fail("socket_action", code);
}

static int64_t
timeout(const struct loop *loop)
{
	int64_t left;

	if (loop->deadline == MIO_FOREVER)
		return MIO_FOREVER;
	left = loop->deadline - now();
	return left > 0 ? left : 0;
}

static int
turn(struct loop *loop)
{
	int what;

	if (mio_poll(loop->poll, loop->events, timeout(loop)) == -1 &&
	    errno != EINTR) {
		perror("curl_multi: poll");
		return -1;
	}
	MIO_EVENTS_FOREACH(event, loop->events) {
		what = (mio_event_is_readable(event) ? CURL_CSELECT_IN : 0) |
		       (mio_event_is_writable(event) ? CURL_CSELECT_OUT : 0);
		/* One that libcurl has closed meanwhile it does not know. */
		if (act(loop, (curl_socket_t)event->token, what) == -1)
			return -1;
	}
	if (timeout(loop) != 0)
		return 0;
	/* It sets the next one. */
	loop->deadline = MIO_FOREVER;
	return act(loop, CURL_SOCKET_TIMEOUT, 0);
}

/* Says what has ended.  Returns how many of them have failed. */
static int
report(struct loop *loop, const struct fetch *fetches)
{
	const struct fetch *fetch;
	curl_off_t size;
	CURLMsg *message;
	int left, failed = 0;
	long status;

	while ((message = curl_multi_info_read(loop->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(
		    message->easy_handle, CURLINFO_PRIVATE, (char **)&fetch);
		curl_easy_getinfo(
		    message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(
		    message->easy_handle, CURLINFO_SIZE_DOWNLOAD_T, &size);
		if (message->data.result != CURLE_OK) {
			fprintf(stderr, "curl_multi: %s: %s\n", fetch->url,
			    curl_easy_strerror(message->data.result));
			failed++;
			continue;
		}
		printf("%d %ld %" CURL_FORMAT_CURL_OFF_T " %s\n",
		    (int)(fetch - fetches) + 1, status, size, fetch->url);
	}
	return failed;
}

static int
start(struct loop *loop, struct fetch *fetch, const char *directory, int n,
    const char *url)
{
	CURLMcode code;
	char path[4096];

	fetch->url = url;
	snprintf(path, sizeof path, "%s/%d", directory, n);
	fetch->file = fopen(path, "wb");
	if (!fetch->file) {
		perror(path);
		return -1;
	}
	fetch->easy = curl_easy_init();
	if (!fetch->easy)
		return fail("easy_init", CURLM_OUT_OF_MEMORY);
	if (curl_easy_setopt(fetch->easy, CURLOPT_URL, url) != CURLE_OK ||
	    curl_easy_setopt(fetch->easy, CURLOPT_PRIVATE, fetch) != CURLE_OK ||
	    curl_easy_setopt(fetch->easy, CURLOPT_WRITEDATA, fetch->file) !=
		CURLE_OK)
		return fail("easy_setopt", CURLM_OUT_OF_MEMORY);
	code = curl_multi_add_handle(loop->multi, fetch->easy);
	return code == CURLM_OK ? 0 : fail("add_handle", code);
}

static int
set_up(struct loop *loop, const char *backend)
{
	if (mio_poll_new_backend(&loop->poll, backend) == -1 ||
	    mio_events_new(&loop->events, EVENTS) == -1) {
		perror("curl_multi: poll");
		return -1;
	}
	loop->deadline = MIO_FOREVER;
	loop->multi = curl_multi_init();
	if (!loop->multi)
		return fail("multi_init", CURLM_OUT_OF_MEMORY);
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
	return 0;
}

/* Returns how many have failed. */
static int
fetch_all(struct loop *loop, struct fetch *fetches, int count, char **args)
{
	int failed = 0;

	for (int i = 0; i < count; i++)
		if (start(loop, &fetches[i], args[0], i + 1, args[i + 1]) == -1)
			return 1;
	/* The first wait ends at once: adding them has set the timer to 0. */
	loop->running = count;
	while (loop->running > 0) {
		if (turn(loop) == -1)
			return 1;
		failed += report(loop, fetches);
	}
	return failed;
}

/* Connections that are kept are closed here, and on_socket hears of it. */
static int
tear_down(struct loop *loop, struct fetch *fetches, int count)
{
	int failed = 0;

	for (int i = 0; i < count; i++) {
		if (loop->multi && fetches[i].easy)
			curl_multi_remove_handle(loop->multi, fetches[i].easy);
		curl_easy_cleanup(fetches[i].easy);
		if (fetches[i].file && fclose(fetches[i].file) == EOF) {
			perror("curl_multi: write");
			failed++;
		}
	}
	if (loop->multi)
		curl_multi_cleanup(loop->multi);
	mio_events_free(loop->events);
	mio_poll_free(loop->poll);
	return failed;
}

int
main(int argc, char **argv)
{
	struct loop loop = { .poll = NULL };
	const char *backend = NULL;
	struct fetch *fetches;
	int count, failed = 1;

	argv++;
	argc--;
	if (argc > 2 && strcmp(*argv, "--backend") == 0) {
		backend = argv[1];
		argv += 2;
		argc -= 2;
	}
	count = argc - 1;
	if (count < 1 || **argv == '-') {
		fprintf(stderr, "usage: curl_multi [--backend NAME] "
				"DIRECTORY URL...\n");
		return 2;
	}
	fetches = calloc((size_t)count, sizeof *fetches);
	if (!fetches || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		fprintf(stderr, "curl_multi: cannot start\n");
		free(fetches);
		return EXIT_FAILURE;
	}
	if (set_up(&loop, backend) == 0)
		failed = fetch_all(&loop, fetches, count, argv);
	failed += tear_down(&loop, fetches, count);
	free(fetches);
	curl_global_cleanup();
	return failed || fflush(stdout) == EOF ? EXIT_FAILURE : EXIT_SUCCESS;
}
