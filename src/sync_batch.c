#include "sync.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "billing_rebuild.h"
#include "billing_sync.h"
#include "log.h"
#include "store_work.h"
#include "sync_courier.h"

#define PROGRESS 1000 /* customers */

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

int sync_once(struct sync *sync)
{
	for (size_t i = 0; i < sync->n_sites && !sync->stop; i++) {
		struct shift shift = { sync, sync->sites[i] };

		poll_once(sync, shift.site);
		crew_run(sync, work_off, &shift);
		if (!sync_courier_once(sync, shift.site))
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

int sync_all(struct sync *sync)
{
	for (size_t i = 0; i < sync->n_sites && !sync->stop; i++)
		rebuild_site(sync, sync->sites[i]);
	return sync->failed ? EX_TEMPFAIL : EX_OK;
}

int sync_customer(struct sync *sync)
{
	const struct site *site = settings_site(sync->settings, sync->options->site);
	struct sync_reading reading;
	struct workshop workshop;
	struct problem problem;
	struct billing billing;
	enum result result;

	if (!site) {
		fputs(SYNC_PROGRAM ": there are several sites: name one with --site\n", stderr);
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
		fprintf(stderr, SYNC_PROGRAM ": %s: %s\n", sync->options->customer, problem.message);
	return result == RESULT_OK ? EX_OK : EX_TEMPFAIL;
}
