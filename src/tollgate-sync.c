/* tollgate-sync: asks Stripe what is true, and writes it down. A daemon; several
 * of them on several hosts share the work through Redis. */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "http_client.h"
#include "log.h"
#include "startup.h"
#include "sync.h"

#define DEFAULT_THREADS 4
#define PATIENCE_MS 5000         /* a daemon has other work than to wait for Stripe's rate */
#define BATCH_PATIENCE_MS 120000

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "threads", required_argument, NULL, 'n' },
	{ "test", no_argument, NULL, 't' },
	{ "once", no_argument, NULL, 'o' },
	{ "all", no_argument, NULL, 'a' },
	{ "customer", required_argument, NULL, 'u' },
	{ "site", required_argument, NULL, 'S' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int usage(FILE *out, int code)
{
	fprintf(out, "usage: " SYNC_PROGRAM " [-c FILE] [-n THREADS] [-t] [--once | --all | --customer ID] "
	    "[--site NAME] [-h] [-V]\n");
	return code;
}

/* -1: go on; else the exit code. */
static int take_option(int letter, struct sync_options *options)
{
	switch (letter) {
	case 'c':
		options->config = optarg;
		return -1;
	case 'n':
		options->threads = (int)startup_number(optarg, 10, 1, STARTUP_THREADS_MAX);
		return options->threads > 0 ? -1 : usage(stderr, EX_USAGE);
	case 't':
		options->test = true;
		return -1;
	case 'o':
		options->once = true;
		return -1;
	case 'a':
		options->all = true;
		return -1;
	case 'u':
		options->customer = optarg;
		return -1;
	case 'S':
		options->site = optarg;
		return -1;
	case 'h':
		return usage(stdout, EX_OK);
	case 'V':
		printf(SYNC_PROGRAM " " PACKAGE_VERSION "\n");
		return EX_OK;
	default:
		return usage(stderr, EX_USAGE);
	}
}

static int parse_options(int argc, char **argv, struct sync_options *options)
{
	int code = -1;
	int letter;

	while (code < 0 && (letter = getopt_long(argc, argv, "c:n:thV", long_options, NULL)) != -1)
		code = take_option(letter, options);
	if (code < 0 && (optind != argc || options->once + options->all + (options->customer != NULL) > 1))
		code = usage(stderr, EX_USAGE);
	return code;
}

/* The one thread that SIGTERM and SIGINT are for; what is in hand is finished. */
static void *await_stop(void *context)
{
	struct sync *sync = context;
	sigset_t signals;
	int number;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigwait(&signals, &number);
	sync->stop = true;
	sync_schedule_stop(sync->schedule);
	return NULL;
}

static bool take_signals(struct sync *sync, pthread_t *waiter)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	return pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0
	    && pthread_create(waiter, NULL, await_stop, sync) == 0;
}

static int run(struct sync *sync)
{
	const struct sync_options *options = sync->options;
	pthread_t waiter;
	int code;

	sync->schedule = sync_schedule_new(sync->n_sites, options->threads);
	sync->patience_ms = options->once || options->all || options->customer ?
	    BATCH_PATIENCE_MS : PATIENCE_MS;
	if (!sync->schedule || !take_signals(sync, &waiter)) {
		log_event(LOG_LEVEL_ERROR, "cannot start a thread", NULL);
		sync_schedule_free(sync->schedule);
		return EX_OSERR;
	}
	if (options->customer)
		code = sync_customer(sync);
	else if (options->all)
		code = sync_all(sync);
	else
		code = options->once ? sync_once(sync) : sync_daemon(sync);
	pthread_cancel(waiter);
	pthread_join(waiter, NULL);
	sync_schedule_free(sync->schedule);
	return code;
}

/* False when out of memory. */
static bool choose_sites(struct sync *sync)
{
	const char *wanted = sync->options->site;

	sync->sites = calloc(sync->settings->n_sites + 1, sizeof(struct site *));
	for (size_t i = 0; sync->sites && i < sync->settings->n_sites; i++) {
		const struct site *site = &sync->settings->sites[i];

		if (!wanted || strcmp(wanted, site->name) == 0)
			sync->sites[sync->n_sites++] = site;
	}
	return sync->sites != NULL;
}

static int without_site(const struct sync *sync)
{
	const char *wanted = sync->options->site;

	if (settings_site_broken(sync->settings, wanted)) {
		fprintf(stderr, SYNC_PROGRAM ": the configuration of site %s is broken\n", wanted);
		return EX_CONFIG;
	}
	fprintf(stderr, SYNC_PROGRAM ": there is no site %s\n", wanted);
	return EX_USAGE;
}

static int start(struct sync *sync)
{
	int code;

	if (!choose_sites(sync))
		return EX_OSERR;
	if (sync->n_sites == 0)
		return without_site(sync);
	if (!http_client_init()) {
		log_event(LOG_LEVEL_ERROR, "cannot start libcurl", NULL);
		return EX_SOFTWARE;
	}
	code = startup_redis_usable(sync->settings, NULL) ? run(sync) : EX_CONFIG;
	http_client_cleanup();
	return code;
}

int main(int argc, char **argv)
{
	struct sync_options options = { .config = STARTUP_CONFIG, .threads = DEFAULT_THREADS };
	struct sync sync = { .options = &options };
	struct settings *settings;
	int code = parse_options(argc, argv, &options);

	if (code >= 0)
		return code;
	settings = startup_settings(SYNC_PROGRAM, options.config, SECRET_SYNC_KEY | SECRET_NOTIFY |
	    SECRET_IDENTITY);
	if (!settings)
		return EX_CONFIG;
	sync.settings = settings;
	if (options.test)
		code = startup_test(SYNC_PROGRAM, options.config, settings);
	else
		code = start(&sync);
	free(sync.sites);
	settings_free(settings);
	return code;
}
