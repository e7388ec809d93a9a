/* Which call fails: armed from outside through a page of shared memory, the file
 * that TOLLGATE_FAULT names, or from within through fault_page. */
#ifndef TOLLGATE_TESTS_FAULT_H
#define TOLLGATE_TESTS_FAULT_H

#include <stdbool.h>
#include <stdint.h>

/* tests/testenv/faults.py has the same list in the same order. */
enum fault_kind {
	FAULT_NONE,
	FAULT_MEMORY,         /* an allocation of ours finds no memory */
	FAULT_LIBRARY_MEMORY, /* one of a library */
	FAULT_OPENSSL,
	FAULT_CURL,           /* nothing is sent */
	FAULT_CURL_LOST,      /* sent, done, and the answer lost */
	FAULT_CURL_TIMEOUT,   /* sent, done, and the answer too late */
	FAULT_JSON,
	FAULT_FCGI,
	FAULT_REDIS,          /* closed before the command was sent */
	FAULT_REDIS_LOST,     /* done, and the connection lost before the reply came */
	FAULT_REDIS_TIMEOUT,  /* done, and the reply too late */
	FAULT_REDIS_PROTOCOL, /* done, and the reply not understood */
	FAULT_REDIS_FULL,     /* not done: an error reply that passes */
	FAULT_REDIS_ERROR,    /* not done: an error reply that does not pass */
	FAULT_REDIS_STATUS,   /* done, and a reply of a type that nobody asked for */
	FAULT_REDIS_NIL,      /* done, and a reply without anything */
	FAULT_KINDS,
};

#define FAULT_STACKS 8192

struct fault_page {
	uint32_t kind;
	uint32_t recording;            /* stacks are wanted */
	uint64_t nth;                  /* this call fails, counted from 1; 0 = none */
	uint64_t span;                 /* and as many in all */
	uint64_t calls;                /* of this kind since it was armed */
	uint64_t fired;
	char name[64];                 /* the function that failed last */
	uint64_t stacks[FAULT_STACKS]; /* who made each call, as a hash */
};

extern struct fault_page *fault_page;

/* Counts a call of this kind; whether it is to fail. */
bool fault_now(enum fault_kind kind, const char *name);
/* The kind that is armed, for a function that can fail in several ways; only asks. */
enum fault_kind fault_armed(void);

#endif
