/* OpenSSL, libcurl, json-c and libfcgi, failing as their manuals say that they can. */
#include <curl/curl.h>
#include <fcgiapp.h>
#include <json-c/json.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdarg.h>

#include "fault.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo

#define WRAP(kind, type, name, params, args, failure) \
	type __real_##name params; \
	type __wrap_##name params; \
	type __wrap_##name params \
	{ \
		return fault_now(kind, #name) ? (failure) : __real_##name args; \
	}

WRAP(FAULT_OPENSSL, unsigned char *, HMAC,
    (const EVP_MD *md, const void *key, int key_length, const unsigned char *data, size_t length,
     unsigned char *out, unsigned *out_length),
    (md, key, key_length, data, length, out, out_length), NULL)
WRAP(FAULT_OPENSSL, int, EVP_Digest,
    (const void *data, size_t length, unsigned char *out, unsigned *out_length, const EVP_MD *md,
     ENGINE *engine), (data, length, out, out_length, md, engine), 0)
WRAP(FAULT_OPENSSL, int, RAND_bytes, (unsigned char *out, int n), (out, n), 0)
WRAP(FAULT_OPENSSL, int, EVP_DecodeBlock, (unsigned char *out, const unsigned char *in, int n),
    (out, in, n), -1)
WRAP(FAULT_OPENSSL, EVP_MAC *, EVP_MAC_fetch,
    (OSSL_LIB_CTX *library, const char *algorithm, const char *properties),
    (library, algorithm, properties), NULL)
WRAP(FAULT_OPENSSL, EVP_MAC_CTX *, EVP_MAC_CTX_new, (EVP_MAC *mac), (mac), NULL)
WRAP(FAULT_OPENSSL, int, EVP_MAC_init,
    (EVP_MAC_CTX *context, const unsigned char *key, size_t length, const OSSL_PARAM params[]),
    (context, key, length, params), 0)
WRAP(FAULT_OPENSSL, int, EVP_MAC_update,
    (EVP_MAC_CTX *context, const unsigned char *data, size_t length), (context, data, length), 0)
WRAP(FAULT_OPENSSL, int, EVP_MAC_final,
    (EVP_MAC_CTX *context, unsigned char *out, size_t *length, size_t size),
    (context, out, length, size), 0)
WRAP(FAULT_OPENSSL, int, OPENSSL_hexstr2buf_ex,
    (unsigned char *out, size_t size, size_t *length, const char *text, const char separator),
    (out, size, length, text, separator), 0)

WRAP(FAULT_CURL, CURLcode, curl_global_init, (long flags), (flags), CURLE_OUT_OF_MEMORY)
WRAP(FAULT_CURL, CURL *, curl_easy_init, (void), (), NULL)
WRAP(FAULT_CURL, struct curl_slist *, curl_slist_append,
    (struct curl_slist *list, const char *text), (list, text), NULL)
WRAP(FAULT_CURL, CURLU *, curl_url, (void), (), NULL)
WRAP(FAULT_CURL, CURLUcode, curl_url_set,
    (CURLU *url, CURLUPart part, const char *text, unsigned flags), (url, part, text, flags),
    CURLUE_OUT_OF_MEMORY)
WRAP(FAULT_CURL, CURLUcode, curl_url_get,
    (const CURLU *url, CURLUPart part, char **text, unsigned flags), (url, part, text, flags),
    CURLUE_OUT_OF_MEMORY)
WRAP(FAULT_CURL, CURLHcode, curl_easy_header,
    (CURL *easy, const char *name, size_t index, unsigned origin, int request,
     struct curl_header **header), (easy, name, index, origin, request, header),
    CURLHE_OUT_OF_MEMORY)
WRAP(FAULT_CURL, char *, curl_easy_escape, (CURL *easy, const char *text, int length),
    (easy, text, length), NULL)
WRAP(FAULT_CURL, char *, curl_easy_unescape,
    (CURL *easy, const char *text, int length, int *out), (easy, text, length, out), NULL)
WRAP(FAULT_CURL, time_t, curl_getdate, (const char *text, const time_t *now), (text, now), -1)

CURLcode __real_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...);

/* Each option that we set is of the size of a pointer. */
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
	va_list args;
	void *value;

	va_start(args, option);
	value = va_arg(args, void *);
	va_end(args);
	return fault_now(FAULT_CURL, "curl_easy_setopt") ? CURLE_OUT_OF_MEMORY
	    : __real_curl_easy_setopt(easy, option, value);
}

CURLcode __real_curl_easy_getinfo(CURL *easy, CURLINFO info, ...);
CURLcode __wrap_curl_easy_getinfo(CURL *easy, CURLINFO info, ...);

CURLcode __wrap_curl_easy_getinfo(CURL *easy, CURLINFO info, ...)
{
	va_list args;
	void *value;

	va_start(args, info);
	value = va_arg(args, void *);
	va_end(args);
	return fault_now(FAULT_CURL, "curl_easy_getinfo") ? CURLE_UNKNOWN_OPTION
	    : __real_curl_easy_getinfo(easy, info, value);
}

CURLcode __real_curl_easy_perform(CURL *easy);
CURLcode __wrap_curl_easy_perform(CURL *easy);

CURLcode __wrap_curl_easy_perform(CURL *easy)
{
	CURLcode code;

	if (fault_now(FAULT_CURL, "curl_easy_perform"))
		return CURLE_COULDNT_CONNECT;
	code = __real_curl_easy_perform(easy);
	if (fault_now(FAULT_CURL_LOST, "curl_easy_perform"))
		return CURLE_RECV_ERROR;
	return fault_now(FAULT_CURL_TIMEOUT, "curl_easy_perform") ? CURLE_OPERATION_TIMEDOUT : code;
}

typedef struct json_object json;

WRAP(FAULT_JSON, struct json_tokener *, json_tokener_new_ex, (int depth), (depth), NULL)
WRAP(FAULT_JSON, json *, json_tokener_parse, (const char *text), (text), NULL)
WRAP(FAULT_JSON, json *, json_tokener_parse_ex,
    (struct json_tokener *tokener, const char *text, int length), (tokener, text, length), NULL)
WRAP(FAULT_JSON, json *, json_object_new_object, (void), (), NULL)
WRAP(FAULT_JSON, json *, json_object_new_array, (void), (), NULL)
WRAP(FAULT_JSON, json *, json_object_new_string, (const char *text), (text), NULL)
WRAP(FAULT_JSON, json *, json_object_new_int64, (int64_t number), (number), NULL)
WRAP(FAULT_JSON, json *, json_object_new_boolean, (json_bool truth), (truth), NULL)
WRAP(FAULT_JSON, int, json_object_object_add, (json *object, const char *key, json *value),
    (object, key, value), -1)
WRAP(FAULT_JSON, int, json_object_array_add, (json *array, json *value), (array, value), -1)
WRAP(FAULT_JSON, int, json_object_deep_copy,
    (json *from, json **to, json_c_shallow_copy_fn *copy), (from, to, copy), -1)
WRAP(FAULT_JSON, const char *, json_object_to_json_string_ext, (json *object, int flags),
    (object, flags), NULL)

WRAP(FAULT_FCGI, int, FCGX_GetStr, (char *out, int n, FCGX_Stream *stream), (out, n, stream), 0)
