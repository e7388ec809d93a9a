/* tollgate-sync: asks Stripe what is true, and writes it down. A daemon; several
 * of them on several hosts share the work through Redis. */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "billing_rebuild.h"
#include "billing_sync.h"
#include "billing_work.h"
#include "http_client.h"
#include "log.h"
#include "startup.h"
#include "store_work.h"
#include "sync_courier.h"
#include "sync_schedule.h"

#define PROGRAM "tollgate-sync"
#define DEFAULT_THREADS 4
#define PATIENCE_MS 5000         /* a daemon has other work than to wait for Stripe's rate */
#define BATCH_PATIENCE_MS 120000
#define PROGRESS 1000            /* customers */

struct options {
	const char *config;
	const char *customer; /* NULL = all that there is to do */
	const char *site;     /* NULL = all of them */
	int threads;
	bool test, once, all;
};

/* What all threads have in common. */
struct sync {
	const struct settings *settings;
	const struct options *options;
	const struct site **sites; /* that are asked for */
	size_t n_sites;
	struct sync_schedule *schedule;
	int64_t patience_ms;
	atomic_bool stop;
	atomic_bool failed;
};

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
	fprintf(out, "usage: " PROGRAM " [-c FILE] [-n THREADS] [-t] [--once | --all | --customer ID] "
	    "[--site NAME] [-h] [-V]\n");
	return code;
}

/* -1: go on; else the exit code. */
static int take_option(int letter, struct options *options)
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
		printf(PROGRAM " " PACKAGE_VERSION "\n");
		return EX_OK;
	default:
		return usage(stderr, EX_USAGE);
	}
}

static int parse_options(int argc, char **argv, struct options *options)
{
	int code = -1;
	int letter;

	while (code < 0 && (letter = getopt_long(argc, argv, "c:n:thV", long_options, NULL)) != -1)
		code = take_option(letter, options);
	if (code < 0 && (optind != argc || options->once + options->all + (options->customer != NULL) > 1))
		code = usage(stderr, EX_USAGE);
	return code;
}

static void workshop_close(struct workshop *workshop)
{
	store_free(workshop->store);
	stripe_free(workshop->stripe);
}

static bool workshop_open(struct sync *sync, struct workshop *workshop)
{
	*workshop = (struct workshop){
		.store = store_new(sync->settings),
		.stripe = stripe_new(sync->settings),
		.stop = &sync->stop,
		.patience_ms = sync->patience_ms,
	};
	if (workshop->store && workshop->stripe) {
		billing_work_pace(workshop);
		return true;
	}
	log_event(LOG_LEVEL_ERROR, "out of memory", NULL);
	sync->failed = true;
	workshop_close(workshop);
	return false;
}

/* Runs `run` on all threads, of which this is one, until each has returned. */
static void crew_run(struct sync *sync, void *(*run)(void *context), void *context)
{
	pthread_t threads[STARTUP_THREADS_MAX];
	int started = 0;

	while (started < sync->options->threads - 1
	    && pthread_create(&threads[started], NULL, run, context) == 0)
		started++;
	run(context);
	while (started > 0)
		pthread_join(threads[--started], NULL);
}

static int64_t retry_ms(const struct problem *problem)
{
	return (int64_t)problem->retry_after * 1000;
}

/* What failed for one customer may go well for the next one. */
static enum turn_outcome outcome_of(enum result result)
{
	switch (result) {
	case RESULT_RATE_LIMITED:
	case RESULT_UPSTREAM:
	case RESULT_UNAVAILABLE:
	case RESULT_TIMEOUT:
		return TURN_FAILED;
	default:
		return TURN_WORKED;
	}
}

static void turn_to_duties(struct sync *sync, const struct workshop *workshop,
    const struct sync_turn *turn)
{
	struct problem problem = { .result = RESULT_OK };
	int64_t due_in;
	enum result result = billing_work_duties(workshop, sync->sites[turn->site], false, &due_in,
	    &problem);

	/* So that daemons which began together do not ask together for ever. */
	due_in = due_in * 1000 + random() % (due_in * 100 + 1);
	if (result == RESULT_OK)
		sync_schedule_give(sync->schedule, turn, TURN_IDLE, due_in);
	else
		sync_schedule_give(sync->schedule, turn, TURN_FAILED, retry_ms(&problem));
}

static void turn_to_work(struct sync *sync, const struct workshop *workshop,
    struct sync_turn *turn)
{
	const struct site *site = sync->sites[turn->site];
	struct problem problem = { .result = RESULT_OK };
	struct store_work work;
	enum result result = billing_work_claim(workshop, site, &work);

	if (result == RESULT_OK) {
		sync_schedule_found(sync->schedule, turn);
		result = billing_work_do(workshop, site, &work, &problem);
		sync_schedule_give(sync->schedule, turn, outcome_of(result), retry_ms(&problem));
	} else {
		sync_schedule_give(sync->schedule, turn, result == RESULT_NOT_FOUND ? TURN_IDLE : TURN_FAILED, 0);
	}
}

static void *serve(void *context)
{
	struct sync *sync = context;
	struct workshop workshop;
	struct sync_turn turn;

	if (!workshop_open(sync, &workshop))
		return NULL;
	while (sync_schedule_take(sync->schedule, &turn)) {
		log_context(NULL, sync->sites[turn.site]->name);
		if (turn.duty)
			turn_to_duties(sync, &workshop, &turn);
		else
			turn_to_work(sync, &workshop, &turn);
	}
	workshop_close(&workshop);
	return NULL;
}

static int run_daemon(struct sync *sync)
{
	struct sync_courier *courier = sync_courier_start(sync->settings, sync->sites, sync->n_sites);

	if (!courier) {
		log_event(LOG_LEVEL_ERROR, "cannot start a thread", NULL);
		return EX_OSERR;
	}
	startup_log_started(sync->settings, sync->options->threads);
	crew_run(sync, serve, sync);
	sync_courier_stop(courier);
	log_context(NULL, NULL);
	log_event(LOG_LEVEL_INFO, "stopped", NULL);
	return sync->failed ? EX_OSERR : EX_OK;
}

/* A site whose work is to be done once, by all threads. */
struct shift {
	struct sync *sync;
	const struct site *site;
};

static void *work_off(void *context)
{
	const struct shift *shift = context;
	struct workshop workshop;
	struct problem problem;
	struct store_work work;
	enum result result;

	if (!workshop_open(shift->sync, &workshop))
		return NULL;
	log_context(NULL, shift->site->name);
	while (!shift->sync->stop
	    && (result = billing_work_claim(&workshop, shift->site, &work)) != RESULT_NOT_FOUND) {
		if (result == RESULT_OK)
			result = billing_work_do(&workshop, shift->site, &work, &problem);
		else
			shift->sync->stop = true;
		if (result != RESULT_OK)
			shift->sync->failed = true;
	}
	workshop_close(&workshop);
	return NULL;
}

static void poll_once(struct sync *sync, const struct site *site)
{
	struct workshop workshop;
	struct problem problem;
	int64_t due_in;

	if (!workshop_open(sync, &workshop))
		return;
	log_context(NULL, site->name);
	if (billing_work_duties(&workshop, site, true, &due_in, &problem) != RESULT_OK)
		sync->failed = true;
	workshop_close(&workshop);
}

static int run_once(struct sync *sync)
{
	for (size_t i = 0; i < sync->n_sites && !sync->stop; i++) {
		struct shift shift = { sync, sync->sites[i] };

		poll_once(sync, shift.site);
		crew_run(sync, work_off, &shift);
		if (!sync_courier_once(sync->settings, shift.site))
			sync->failed = true;
	}
	return sync->failed ? EX_TEMPFAIL : EX_OK;
}

/* A page of customers that all threads read, and what came of all pages. */
struct page {
	struct sync *sync;
	const struct site *site;
	char (*customers)[STRIPE_ID_SIZE];
	size_t count;
	atomic_size_t next;
	atomic_ulong read, subscriptions, changed, failed;
};

static void read_customer(struct page *page, struct workshop *workshop, const char *customer)
{
	struct billing billing = billing_work_billing(workshop, page->site);
	struct sync_reading reading;
	struct problem problem;

	stripe_begin(workshop->stripe);
	if (billing_sync_read(&billing, customer, &reading, &problem) != RESULT_OK) {
		billing_work_slow_down(workshop, page->site, &problem);
		page->failed++;
		return;
	}
	page->subscriptions += reading.subscriptions;
	page->changed += reading.changed;
	if (++page->read % PROGRESS == 0)
		fprintf(stderr, "%s: %lu customers\n", page->site->name, (unsigned long)page->read);
}

static void *read_page(void *context)
{
	struct page *page = context;
	struct workshop workshop;
	size_t i;

	if (!workshop_open(page->sync, &workshop))
		return NULL;
	log_context(NULL, page->site->name);
	while (!page->sync->stop && (i = page->next++) < page->count)
		read_customer(page, &workshop, page->customers[i]);
	workshop_close(&workshop);
	return NULL;
}

static enum result rebuild_pages(struct page *page, struct workshop *workshop,
    struct problem *problem)
{
	char customers[STRIPE_PAGE][STRIPE_ID_SIZE];
	struct rebuild *rebuild = rebuild_new();
	enum result result = rebuild ? RESULT_OK : problem_memory(problem);
	bool end = false;

	page->customers = customers;
	while (result == RESULT_OK && !end && !page->sync->stop) {
		struct billing billing = billing_work_billing(workshop, page->site);

		stripe_begin(workshop->stripe);
		result = rebuild_next(rebuild, &billing, customers, &page->count, &end, problem);
		page->next = 0;
		if (result == RESULT_OK && page->count)
			crew_run(page->sync, read_page, page);
	}
	rebuild_free(rebuild);
	return result;
}

static void rebuild_site(struct sync *sync, const struct site *site)
{
	struct page page = { .sync = sync, .site = site };
	struct problem problem = { .result = RESULT_OK };
	struct workshop workshop;

	if (!workshop_open(sync, &workshop))
		return;
	log_context(NULL, site->name);
	if (rebuild_pages(&page, &workshop, &problem) != RESULT_OK) {
		fprintf(stderr, "%s: stopped: %s\n", site->name, problem.message);
		sync->failed = true;
	}
	workshop_close(&workshop);
	printf("%s: %lu customers, %lu subscriptions, %lu changed, %lu failed\n", site->name,
	    (unsigned long)page.read, (unsigned long)page.subscriptions, (unsigned long)page.changed,
	    (unsigned long)page.failed);
	if (page.failed || sync->stop)
		sync->failed = true;
}

static int run_all(struct sync *sync)
{
	for (size_t i = 0; i < sync->n_sites && !sync->stop; i++)
		rebuild_site(sync, sync->sites[i]);
	return sync->failed ? EX_TEMPFAIL : EX_OK;
}

static int run_customer(struct sync *sync)
{
	const struct site *site = settings_site(sync->settings, sync->options->site);
	struct sync_reading reading;
	struct workshop workshop;
	struct problem problem;
	struct billing billing;
	enum result result;

	if (!site) {
		fputs(PROGRAM ": there are several sites: name one with --site\n", stderr);
		return EX_USAGE;
	}
	if (!workshop_open(sync, &workshop))
		return EX_OSERR;
	log_context(NULL, site->name);
	billing = billing_work_billing(&workshop, site);
	result = billing_sync_read(&billing, sync->options->customer, &reading, &problem);
	workshop_close(&workshop);
	if (result == RESULT_OK)
		printf("%s: %zu subscriptions, %s\n", sync->options->customer, reading.subscriptions,
		    reading.changed ? "changed" : "not changed");
	else
		fprintf(stderr, PROGRAM ": %s: %s\n", sync->options->customer, problem.message);
	return result == RESULT_OK ? EX_OK : EX_TEMPFAIL;
}

/* A Redis that cannot be used at all; one that is down is waited for. */
static bool is_usable(const struct settings *settings)
{
	struct store *store = store_new(settings);
	struct problem problem;
	bool usable = store != NULL;

	for (size_t i = 0; store && i < settings->n_redis; i++) {
		const struct site *site = startup_site_of_redis(settings, i);

		if (!site || store_inspect(store, site, &problem) != RESULT_INVALID)
			continue;
		log_event(LOG_LEVEL_ERROR, "Redis cannot be used", "site", site->name,
		    "error", problem.message, NULL);
		usable = false;
	}
	store_free(store);
	return usable;
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
	signal(SIGPIPE, SIG_IGN);
	return pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0
	    && pthread_create(waiter, NULL, await_stop, sync) == 0;
}

static int run(struct sync *sync)
{
	const struct options *options = sync->options;
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
		code = run_customer(sync);
	else if (options->all)
		code = run_all(sync);
	else
		code = options->once ? run_once(sync) : run_daemon(sync);
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

static int start(struct sync *sync)
{
	int code;

	if (!choose_sites(sync))
		return EX_OSERR;
	if (sync->n_sites == 0) {
		fprintf(stderr, PROGRAM ": there is no site %s\n", sync->options->site);
		return EX_USAGE;
	}
	if (!http_client_init()) {
		log_event(LOG_LEVEL_ERROR, "cannot start libcurl", NULL);
		return EX_SOFTWARE;
	}
	code = is_usable(sync->settings) ? run(sync) : EX_CONFIG;
	http_client_cleanup();
	return code;
}

int main(int argc, char **argv)
{
	struct options options = { .config = STARTUP_CONFIG, .threads = DEFAULT_THREADS };
	struct sync sync = { .options = &options };
	struct settings *settings;
	int code = parse_options(argc, argv, &options);

	if (code >= 0)
		return code;
	settings = startup_settings(PROGRAM, options.config, SECRET_SYNC_KEY | SECRET_NOTIFY);
	if (!settings)
		return EX_CONFIG;
	sync.settings = settings;
	code = EX_OK;
	if (options.test)
		printf(PROGRAM ": %s: configuration is valid\n", options.config);
	else
		code = start(&sync);
	free(sync.sites);
	settings_free(settings);
	return code;
}
