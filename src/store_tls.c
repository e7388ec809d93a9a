#include "store_tls.h"

#include <stdio.h>

#ifdef HAVE_HIREDIS_SSL

#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/ssl.h>

/* One that hiredis makes would check who signed, and not for whom. */
static SSL *session_new(const char *host)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *session = NULL;

	if (context && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION)
	    && SSL_CTX_set_default_verify_paths(context))
		session = SSL_new(context);
	SSL_CTX_free(context);
	if (!session)
		return NULL;
	SSL_set_verify(session, SSL_VERIFY_PEER, NULL);
	if (SSL_set1_host(session, host) && SSL_set_tlsext_host_name(session, host))
		return session;
	SSL_free(session);
	return NULL;
}

bool store_tls_start(redisContext *context, const char *host, char why[STORE_WHY_SIZE])
{
	SSL *session = session_new(host);

	if (session && redisInitiateSSL(context, session) == REDIS_OK)
		return true;
	snprintf(why, STORE_WHY_SIZE, "%s", session ? store_link_error(context) : "TLS cannot be set up");
	SSL_free(session);
	return false;
}

#else

bool store_tls_start(struct redisContext *context, const char *host, char why[STORE_WHY_SIZE])
{
	(void)context;
	snprintf(why, STORE_WHY_SIZE, "no TLS to %s in this build", host);
	return false;
}

#endif
