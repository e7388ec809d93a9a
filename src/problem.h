/* What can go wrong, once, for every layer: no HTTP in here. */
#ifndef TOLLGATE_PROBLEM_H
#define TOLLGATE_PROBLEM_H

enum result {
	RESULT_OK = 0,
	RESULT_INVALID,      /* the caller's input is wrong */
	RESULT_UNIDENTIFIED, /* nobody is logged in */
	RESULT_DECLINED,     /* Stripe declined the payment */
	RESULT_FORBIDDEN,
	RESULT_NOT_FOUND,    /* does not exist, or is not the caller's */
	RESULT_METHOD,
	RESULT_CONFLICT,
	RESULT_TOO_LARGE,
	RESULT_MEDIA_TYPE,
	RESULT_RATE_LIMITED,
	RESULT_INTERNAL,     /* ours: out of memory, a bug */
	RESULT_UPSTREAM,     /* Stripe failed, or refused us */
	RESULT_DOUBTFUL,     /* it may be done: Stripe's answer is there and cannot be used */
	RESULT_UNAVAILABLE,  /* Redis or Stripe cannot be reached */
	RESULT_TIMEOUT,      /* Stripe too slow */
};

/* `code` and `param` are for programs, `message` for people; none ever holds a
 * secret, a key or an account id. `retry_after` is in seconds, 0 = not said. */
struct problem {
	enum result result;
	char code[64];
	char param[64];
	char message[256];
	int retry_after;
};

/* Fills *problem and returns `result`, so that a refusal is one statement.
 * `param` may be NULL. Messages that do not fit are cut. */
enum result problem_set(struct problem *problem, enum result result,
    const char *code, const char *param, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The two problems every layer meets. */
enum result problem_memory(struct problem *problem);
enum result problem_store(struct problem *problem);

const char *result_str(enum result result);

#endif
