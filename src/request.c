#include "request.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hex.h"
#include "log.h"
#include "utf8.h"

#define SITE_RETRY_AFTER 60 /* somebody has to mend the file and to restart the programs */
#define TOKEN_SIZE 4097 /* longer ones identity_verify refuses */

static const char *const trusted_params[] = {
	"TOLLGATE_SITE", "TOLLGATE_USER", "TOLLGATE_USER_FROM", "TOLLGATE_EMAIL", "TOLLGATE_SCOPE",
	"TOLLGATE_REQUIRE", "TOLLGATE_REQUEST_ID",
};

/* Empty ones are passed over, so that a server-wide default and a location's
 * value may both be sent. */
static const char *param_after(char **envp, const char *name, char ***rest)
{
	size_t length = strlen(name);

	for (; *envp != NULL; envp++) {
		if (strncmp(*envp, name, length) == 0 && (*envp)[length] == '=' &&
		    (*envp)[length + 1] != '\0') {
			*rest = envp + 1;
			return *envp + length + 1;
		}
	}
	return NULL;
}

const char *request_param(const struct request *request, const char *name)
{
	char **rest;

	return param_after(request->fcgi->envp, name, &rest);
}

static bool param_contradicts_itself(const struct request *request, const char *name)
{
	char **rest = request->fcgi->envp;
	const char *first = param_after(rest, name, &rest);
	const char *next = first;

	while (next != NULL && strcmp(next, first) == 0)
		next = param_after(rest, name, &rest);
	return next != NULL;
}

static enum result check_trusted_params(const struct request *request, struct problem *problem)
{
	for (size_t i = 0; i < sizeof(trusted_params) / sizeof(trusted_params[0]); i++) {
		if (param_contradicts_itself(request, trusted_params[i]))
			return problem_set(problem, RESULT_INVALID, "param_contradicts", NULL,
			    "The web server sends %s twice with different values.",
			    trusted_params[i]);
	}
	return RESULT_OK;
}

static bool id_valid(const char *id)
{
	size_t length = strspn(id,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

	return length >= 1 && length <= 64 && id[length] == '\0';
}

static void set_id(struct request *request)
{
	const char *given = request_param(request, "TOLLGATE_REQUEST_ID");

	if (given != NULL && id_valid(given))
		memcpy(request->id, given, strlen(given) + 1);
	else if (!hex_random(request->id))
		request->id[0] = '\0';
}

/* The last segment of the path, as it came: what needs decoding is no endpoint of ours.
 * No client sends a fragment; nginx takes the location of what stands before it. */
static void set_endpoint(struct request *request)
{
	static const char *const sources[] = { "REQUEST_URI", "DOCUMENT_URI", "SCRIPT_NAME" };
	const char *uri = NULL;
	size_t end;
	size_t start;

	for (size_t i = 0; uri == NULL && i < sizeof(sources) / sizeof(sources[0]); i++)
		uri = request_param(request, sources[i]);
	if (uri == NULL)
		return;
	end = strcspn(uri, "?#");
	for (start = end; start > 0 && uri[start - 1] != '/'; start--)
		;
	if (end - start < sizeof(request->endpoint))
		memcpy(request->endpoint, uri + start, end - start);
}

static void set_wants_json(struct request *request)
{
	const char *type = request_param(request, "CONTENT_TYPE");
	const char *accept = request_param(request, "HTTP_ACCEPT");
	const char *mode = request_param(request, "HTTP_SEC_FETCH_MODE");

	request->wants_json = (type != NULL && request_type_is(type, "application/json")) ||
	    (accept != NULL && (strcasestr(accept, "application/json") != NULL ||
	    strcasestr(accept, "+json") != NULL)) ||
	    (mode != NULL && strcmp(mode, "navigate") != 0);
}

bool request_type_is(const char *content_type, const char *type)
{
	size_t length = strlen(type);

	return strncasecmp(content_type, type, length) == 0 &&
	    strchr("; \t", content_type[length]) != NULL;
}

/* What the browser shows for one cookie name; a name that comes with two
 * values was planted by somebody, so it proves nothing. */
static bool cookie_read(const char *header, const char *name, char value[TOKEN_SIZE])
{
	size_t name_length = strlen(name);
	const char *found = NULL;
	size_t found_length = 0;
	size_t length;

	for (const char *p = header; *p != '\0'; p += length) {
		p += strspn(p, "; \t");
		length = strcspn(p, ";");
		if (strncmp(p, name, name_length) != 0 || p[name_length] != '=')
			continue;
		if (found != NULL && (length - name_length - 1 != found_length ||
		    memcmp(p + name_length + 1, found, found_length) != 0))
			return false;
		found = p + name_length + 1;
		found_length = length - name_length - 1;
	}
	while (found_length > 0 && strchr(" \t", found[found_length - 1]) != NULL)
		found_length--;
	if (found_length == 0 || found_length >= TOKEN_SIZE)
		return false;
	memcpy(value, found, found_length);
	value[found_length] = '\0';
	return true;
}

/* The token of "Authorization: Bearer" (RFC 6750, 2.1), "" when it is empty;
 * NULL for any other scheme. */
static const char *bearer_token(const struct request *request)
{
	const char *header = request_param(request, "HTTP_AUTHORIZATION");

	if (header == NULL || strncasecmp(header, "Bearer", 6) != 0 ||
	    (header[6] != ' ' && header[6] != '\0'))
		return NULL;
	return header + 6 + strspn(header + 6, " ");
}

/* A bearer token that is no good ends it: falling back to a cookie would make
 * the caller somebody she did not ask to be. */
static void identify_by_token(struct request *request)
{
	const struct site *site = request->site;
	const char *cookies = request_param(request, "HTTP_COOKIE");
	const char *bearer = bearer_token(request);
	const char *name = site->loopback_http ? "tollgate" : "__Host-tollgate";
	char cookie[TOKEN_SIZE];
	const char *token = bearer;
	struct identity identity = { .user = "" };

	if (bearer == NULL && cookies != NULL && cookie_read(cookies, name, cookie))
		token = cookie;
	if (token == NULL || !identity_verify(token, site->identity_keys, site->n_identity_keys,
	    site->name, request->now, &identity))
		return;
	identity.by_bearer = bearer != NULL;
	identity.server &= identity.by_bearer; /* a server has no cookies */
	request->identity = identity;
}

static enum result identify_by_param(struct request *request, const char *user,
    struct problem *problem)
{
	const char *email = request_param(request, "TOLLGATE_EMAIL");

	if (!identity_user_valid(user))
		return problem_set(problem, RESULT_INVALID, "user_invalid", NULL,
		    "The user id is longer than %d bytes or not printable.", IDENTITY_USER_MAX);
	memcpy(request->identity.user, user, strlen(user) + 1);
	/* She is who she is without an e-mail address too. */
	if (email != NULL && strlen(email) <= IDENTITY_EMAIL_MAX &&
	    utf8_printable(email, strlen(email)))
		memcpy(request->identity.email, email, strlen(email) + 1);
	return RESULT_OK;
}

static bool param_is(const struct request *request, const char *name, const char *value)
{
	const char *param = request_param(request, name);

	return param != NULL && strcmp(param, value) == 0;
}

/* Apache knows who is logged in too late to send her as TOLLGATE_USER, so its
 * configuration names the variable. mod_authnz_fcgi takes REMOTE_USER from an
 * unverified header when it asks who somebody is; when it asks as AUTHORIZER
 * what she may, another module has proven it. NULL: a token may say it. */
static enum result find_user(const struct request *request, const char **user,
    struct problem *problem)
{
	const char *named = request_param(request, "TOLLGATE_USER");
	const char *from = request_param(request, "TOLLGATE_USER_FROM");
	const char *remote = request_param(request, "REMOTE_USER");

	if (from == NULL) {
		*user = named;
		return RESULT_OK;
	}
	if (strcmp(from, "REMOTE_USER") != 0 || remote == NULL ||
	    param_contradicts_itself(request, "REMOTE_USER") ||
	    !param_is(request, "FCGI_ROLE", "AUTHORIZER") ||
	    !param_is(request, "FCGI_APACHE_ROLE", "AUTHORIZER"))
		return problem_set(problem, RESULT_INVALID, "user_unproven", NULL,
		    "The web server has not proven the user that TOLLGATE_USER_FROM names.");
	if (named != NULL && strcmp(named, remote) != 0)
		return problem_set(problem, RESULT_INVALID, "param_contradicts", NULL,
		    "The web server sends two different users.");
	*user = remote;
	return RESULT_OK;
}

static enum result identify(struct request *request, struct problem *problem)
{
	const char *user = NULL;
	const char *scope = request_param(request, "TOLLGATE_SCOPE");
	enum result result = find_user(request, &user, problem);

	if (result == RESULT_OK && user != NULL)
		result = identify_by_param(request, user, problem);
	if (result != RESULT_OK)
		return result;
	if (user == NULL)
		identify_by_token(request);
	if (scope != NULL && identity_scope_is_server(scope))
		request->identity.server = true;
	if (request->identity.user[0] != '\0' &&
	    !identity_user_hash(request->identity.user, request->user_hash))
		return problem_memory(problem);
	return RESULT_OK;
}

/* What is wrong with it was logged when it was loaded. */
enum result request_site_unavailable(struct problem *problem)
{
	problem_set(problem, RESULT_UNAVAILABLE, "site_unavailable", NULL,
	    "This site's configuration is broken.");
	problem->retry_after = SITE_RETRY_AFTER;
	return RESULT_UNAVAILABLE;
}

static enum result find_site(struct request *request, const struct settings *settings,
    struct problem *problem)
{
	const char *name = request_param(request, "TOLLGATE_SITE");

	log_context(request->id, name);
	request->site = settings_site(settings, name);
	request->siteless = request->site == NULL && name == NULL;
	if (request->site == NULL && settings_site_broken(settings, name))
		return request_site_unavailable(problem);
	if (request->site == NULL)
		return problem_set(problem, RESULT_INVALID, "site_unknown", NULL,
		    "The web server names no site, or one that is not configured.");
	log_context(request->id, request->site->name);
	return RESULT_OK;
}

enum result request_open(FCGX_Request *fcgi, const struct settings *settings, int64_t now,
    struct request *request, struct problem *problem)
{
	const char *method;
	enum result result;

	memset(request, 0, sizeof(*request));
	request->fcgi = fcgi;
	request->now = now;
	method = request_param(request, "REQUEST_METHOD");
	request->method = method != NULL ? method : "GET";
	request->head = strcmp(request->method, "HEAD") == 0;
	set_id(request);
	set_endpoint(request);
	set_wants_json(request);
	log_context(request->id, NULL);
	if ((result = check_trusted_params(request, problem)) != RESULT_OK ||
	    (result = find_site(request, settings, problem)) != RESULT_OK)
		return result;
	return identify(request, problem);
}

void request_close(struct request *request)
{
	free(request->body);
	json_object_put(request->json);
	form_free(request->form);
	memset(request, 0, sizeof(*request));
	log_context(NULL, NULL);
}

enum result request_check_origin(const struct request *request, struct problem *problem)
{
	const char *fetch_site = request_param(request, "HTTP_SEC_FETCH_SITE");
	const char *origin = request_param(request, "HTTP_ORIGIN");
	bool same;

	if (fetch_site != NULL)
		same = strcmp(fetch_site, "same-origin") == 0 || strcmp(fetch_site, "none") == 0;
	else if (origin != NULL)
		same = strcmp(origin, request->site->origin) == 0;
	else
		same = request->identity.by_bearer || request->identity.server;
	if (same)
		return RESULT_OK;
	return problem_set(problem, RESULT_FORBIDDEN, "cross_site", NULL,
	    "This request did not come from a page of the site itself.");
}
