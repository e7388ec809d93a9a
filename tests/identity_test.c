#include "identity.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1800000000
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define CLAIMS "{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":1800000300}"

static char key_text[] = "0123456789abcdef0123456789abcdef";
static char other_text[] = "ffffffffffffffffffffffffffffffff";
static const struct secret key = { key_text, 32 };

static void base64url(const void *bytes, size_t length, char *out)
{
	int n = EVP_EncodeBlock((unsigned char *)out, bytes, (int)length);

	while (n > 0 && out[n - 1] == '=')
		n--;
	out[n] = '\0';
	for (; *out != '\0'; out++)
		*out = *out == '+' ? '-' : *out == '/' ? '_' : *out;
}

static void sign(const struct secret *with, char *token)
{
	size_t length = strlen(token);
	unsigned char mac[32];

	assert_non_null(HMAC(EVP_sha256(), with->text, (int)with->length, (unsigned char *)token,
	    length, mac, NULL));
	token[length++] = '.';
	base64url(mac, sizeof(mac), token + length);
}

/* What a site's own code does. The caller's until the next call. */
static char *mint_bytes(const struct secret *with, const char *header, const char *claims, size_t n)
{
	static char token[16384];
	size_t length;

	base64url(header, strlen(header), token);
	length = strlen(token);
	token[length++] = '.';
	base64url(claims, n, token + length);
	sign(with, token);
	return token;
}

static char *mint(const char *claims)
{
	return mint_bytes(&key, HEADER, claims, strlen(claims));
}

static bool verify(const char *token)
{
	struct identity identity;

	return identity_verify(token, &key, 1, "shop", NOW, &identity);
}

static void valid_token_names_its_user(void **state)
{
	struct identity identity = { .user = "left over", .email = "left over", .by_bearer = true };

	(void)state;
	assert_true(identity_verify(mint(CLAIMS), &key, 1, "shop", NOW, &identity));
	assert_string_equal(identity.user, "u1");
	assert_string_equal(identity.email, "");
	assert_false(identity.by_bearer);
}

/* Signed by Python's hmac. */
static void token_made_elsewhere_is_valid(void **state)
{
	struct identity identity;

	(void)state;
	assert_true(identity_verify("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
	    "eyJzdWIiOiI0MiIsImF1ZCI6InNob3AiLCJleHAiOjE4MDAwMDAzMDB9."
	    "9HUzBGHBS8xMbGz2l_JeFVxWO-RijH2lzekOkP996CI",
	    &key, 1, "shop", NOW, &identity));
	assert_string_equal(identity.user, "42");
}

static void either_of_two_keys_signs(void **state)
{
	const struct secret keys[] = { { other_text, 32 }, { key_text, 32 } };
	struct identity identity;

	(void)state;
	assert_true(identity_verify(mint(CLAIMS), keys, 2, "shop", NOW, &identity));
	assert_false(identity_verify(mint(CLAIMS), keys, 1, "shop", NOW, &identity));
	assert_false(identity_verify(mint(CLAIMS), keys, 0, "shop", NOW, &identity));
}

static void short_key_is_never_used(void **state)
{
	const struct secret brief = { key_text, 31 };
	struct identity identity;

	(void)state;
	assert_false(identity_verify(mint_bytes(&brief, HEADER, CLAIMS, strlen(CLAIMS)), &brief, 1,
	    "shop", NOW, &identity));
}

static void any_changed_character_is_refused(void **state)
{
	char token[512];
	size_t length;

	(void)state;
	strcpy(token, mint(CLAIMS));
	length = strlen(token);
	for (size_t i = 0; i < length; i++) {
		char before = token[i];

		token[i] = before == 'A' ? 'B' : 'A';
		assert_false(verify(token));
		token[i] = '\0';
		assert_false(verify(token));
		token[i] = before;
	}
	assert_true(verify(token));
}

static void any_other_header_is_refused(void **state)
{
	static const char *const headers[] = {
		"{\"alg\":\"none\",\"typ\":\"JWT\"}", "{\"alg\":\"HS512\",\"typ\":\"JWT\"}",
		"{\"typ\":\"JWT\",\"alg\":\"HS256\"}", "{\"alg\":\"HS256\",\"typ\":\"JWT\" }",
		"{\"alg\":\"HS256\"}", "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"crit\":[\"x\"]}", "",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		assert_false(verify(mint_bytes(&key, headers[i], CLAIMS, strlen(CLAIMS))));
}

static void unsigned_token_is_refused(void **state)
{
	char *token = mint(CLAIMS);

	(void)state;
	strrchr(token, '.')[1] = '\0';
	assert_false(verify(token));
	*strrchr(token, '.') = '\0';
	assert_false(verify(token));
	assert_false(verify(""));
	assert_false(verify("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."));
	assert_false(verify("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.."));
}

/* 43 characters hold 258 bits of which 256 count: four tokens, one signature. */
static void signature_written_otherwise_is_refused(void **state)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char token[512];
	size_t last;
	size_t valid = 0;

	(void)state;
	strcpy(token, mint(CLAIMS));
	last = strlen(token) - 1;
	for (size_t i = 0; i < 64; i++) {
		token[last] = alphabet[i];
		valid += verify(token);
	}
	assert_int_equal(valid, 1);
	for (const char *tail = "=.\n A"; *tail != '\0'; tail++) {
		strcpy(token, mint(CLAIMS));
		last = strlen(token);
		token[last] = *tail;
		token[last + 1] = '\0';
		assert_false(verify(token));
	}
}

/* With a good signature: only then the claims are looked at. */
static bool verify_with_payload(const char *payload)
{
	char token[1024];

	assert_in_range(snprintf(token, sizeof(token), "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.%s", payload),
	    1, sizeof(token) - 64);
	sign(&key, token);
	return verify(token);
}

/* Their last byte takes two characters, four bits of which are none of it. */
static void claims_written_otherwise_are_refused(void **state)
{
	static const char claims[] = "{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":1800000300,\"a\":12345}";
	char payload[128], changed[128];
	size_t length, valid = 0;

	(void)state;
	assert_int_equal((sizeof(claims) - 1) % 3, 1);
	base64url(claims, sizeof(claims) - 1, payload);
	length = strlen(payload);
	for (char last = 'A'; last <= 'Z'; last++) {
		memcpy(changed, payload, length + 1);
		changed[length - 1] = last;
		valid += verify_with_payload(changed) && strcmp(changed, payload) != 0;
	}
	assert_int_equal(valid, 0);
	assert_true(verify_with_payload(payload));
	for (const char *extra = "=+/ \n\t.A"; *extra != '\0'; extra++) {
		assert_in_range(snprintf(changed, sizeof(changed), "%s%c", payload, *extra), 1, 127);
		assert_false(verify_with_payload(changed));
		assert_in_range(snprintf(changed, sizeof(changed), "%c%s", *extra, payload), 1, 127);
		assert_false(verify_with_payload(changed));
	}
	assert_false(verify_with_payload(""));
}

static void wrong_claims_are_refused(void **state)
{
	static const char *const claims[] = {
		"{\"sub\":\"u1\",\"aud\":\"shop\"}",
		"{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":1800000000}",
		"{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":1799999999}",
		"{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":\"1800000300\"}",
		"{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":1800000300.5}",
		"{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":true}",
		"{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":-1}",
		"{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":100000000000}",
		"{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":1800000300000}",
		"{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":9223372036854775807}",
		"{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":99999999999999999999}",
		"{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":1.8000003e9}",
		"{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":null}",
		"{\"sub\":\"u1\",\"exp\":1800000300}",
		"{\"sub\":\"u1\",\"aud\":\"shop2\",\"exp\":1800000300}",
		"{\"sub\":\"u1\",\"aud\":\"Shop\",\"exp\":1800000300}",
		"{\"sub\":\"u1\",\"aud\":\"shop\\u0000\",\"exp\":1800000300}",
		"{\"sub\":\"u1\",\"aud\":[\"other\"],\"exp\":1800000300}",
		"{\"sub\":\"u1\",\"aud\":[[\"shop\"]],\"exp\":1800000300}",
		"{\"sub\":\"u1\",\"aud\":[],\"exp\":1800000300}",
		"{\"sub\":\"u1\",\"aud\":{\"shop\":1},\"exp\":1800000300}",
		"{\"aud\":\"shop\",\"exp\":1800000300}",
		"{\"sub\":1,\"aud\":\"shop\",\"exp\":1800000300}",
		"{\"sub\":\"\",\"aud\":\"shop\",\"exp\":1800000300}",
		"{\"sub\":\"u1\\u0000x\",\"aud\":\"shop\",\"exp\":1800000300}",
		"{\"sub\":\"u\\n1\",\"aud\":\"shop\",\"exp\":1800000300}",
		"{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":1800000300,\"nbf\":1800000061}",
		"{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":1800000300,\"nbf\":\"0\"}",
		"{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":1800000300,\"iat\":\"0\"}",
		"{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":1800000300,\"iat\":1.5}",
		"{\"sub\":[\"u1\"],\"aud\":\"shop\",\"exp\":1800000300}",
		"{\"sub\":\"u1\",\"aud\":\"shop\",\"aud\":\"other\",\"exp\":1800000300}",
		"{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":1800000300,\"exp\":1}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		assert_false(verify(mint(claims[i])));
}

static void claims_that_are_no_object_are_refused(void **state)
{
	static const char *const claims[] = {
		"", "[]", "null", "1", "{", CLAIMS "x", CLAIMS CLAIMS,
		"{'sub':'u1','aud':'shop','exp':1800000300}",
		"{\"sub\":\"\xff\",\"aud\":\"shop\",\"exp\":1800000300}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		assert_false(verify(mint(claims[i])));
	assert_false(verify(mint_bytes(&key, HEADER, CLAIMS "\0", sizeof(CLAIMS))));
}

static void further_claims_are_taken(void **state)
{
	(void)state;
	assert_true(verify(mint("{\"sub\":\"u1\",\"aud\":[\"a\",\"shop\"],\"exp\":1800000300}")));
	assert_true(verify(mint("{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":1800000001,"
	    "\"nbf\":1800000000,\"iat\":1799999999,\"role\":{\"x\":[1]}}")));
	assert_true(verify(mint("{\"sub\":\"J\xc3\xb6rg\",\"aud\":\"shop\",\"exp\":99999999999}")));
}

static void clock_of_the_site_may_be_a_minute_ahead(void **state)
{
	(void)state;
	assert_true(verify(mint("{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":1800000300,"
	    "\"nbf\":1800000060,\"iat\":1800000900}")));
}

/* RFC 7519, section 4. */
static void claim_that_comes_twice_is_refused(void **state)
{
	struct identity identity;

	(void)state;
	assert_false(identity_verify(mint("{\"sub\":\"eve\",\"aud\":\"shop\",\"exp\":1800000300,"
	    "\"sub\":\"u1\"}"), &key, 1, "shop", NOW, &identity));
}

static void email_is_taken_when_it_is_one_line(void **state)
{
	static const char *const bad[] = { "1", "\"a\\nb@x\"", "\"a\\u0000\"", "\"\"", "null", "[]" };
	struct identity identity;
	char claims[1024];

	(void)state;
	assert_true(identity_verify(mint("{\"sub\":\"u\",\"aud\":\"shop\",\"exp\":1800000300,"
	    "\"email\":\"a@b.example\"}"), &key, 1, "shop", NOW, &identity));
	assert_string_equal(identity.email, "a@b.example");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(snprintf(claims, sizeof(claims), "{\"sub\":\"u\",\"aud\":\"shop\","
		    "\"exp\":1800000300,\"email\":%s}", bad[i]) > 0);
		assert_true(identity_verify(mint(claims), &key, 1, "shop", NOW, &identity));
		assert_string_equal(identity.email, "");
	}
	assert_true(snprintf(claims, sizeof(claims), "{\"sub\":\"u\",\"aud\":\"shop\","
	    "\"exp\":1800000300,\"email\":\"%0255d\"}", 1) > 0);
	assert_true(identity_verify(mint(claims), &key, 1, "shop", NOW, &identity));
	assert_string_equal(identity.email, "");
}

static void refused_token_leaves_identity_alone(void **state)
{
	struct identity identity = { .user = "before" };

	(void)state;
	assert_false(identity_verify(mint(CLAIMS), &key, 1, "other", NOW, &identity));
	assert_string_equal(identity.user, "before");
}

/* Claims of so many bytes; 3011 make a token of 4096. */
static bool verify_long(int bytes)
{
	static const char begin[] = "{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":1800000300,\"x\":\"";
	char claims[4096];

	assert_int_equal(snprintf(claims, sizeof(claims), "%s%0*d\"}", begin,
	    bytes - (int)sizeof(begin) - 1, 1), bytes);
	return verify(mint(claims));
}

static void token_over_4096_bytes_is_refused(void **state)
{
	(void)state;
	assert_true(verify_long(3011));
	assert_false(verify_long(3012));
}

static void user_is_1_to_128_printable_bytes(void **state)
{
	char user[130];

	(void)state;
	memset(user, 'u', sizeof(user));
	user[128] = '\0';
	assert_true(identity_user_valid(user));
	user[128] = 'u';
	user[129] = '\0';
	assert_false(identity_user_valid(user));
	assert_false(identity_user_valid(""));
	assert_true(identity_user_valid("J\xc3\xb6rg {x}:y"));
	assert_false(identity_user_valid("a\tb"));
	assert_false(identity_user_valid("\xc2\x80"));
	assert_false(identity_user_valid("\xff"));
}

static void user_hash_is_sha256(void **state)
{
	char hash[65];

	(void)state;
	assert_true(identity_user_hash("abc", hash));
	assert_string_equal(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static bool speaks_for_server(const char *scope)
{
	char claims[256];
	struct identity identity;

	snprintf(claims, sizeof(claims), "{\"sub\":\"u1\",\"aud\":\"shop\",\"exp\":1800000300%s}", scope);
	assert_true(identity_verify(mint(claims), &key, 1, "shop", NOW, &identity));
	return identity.server;
}

static void scope_has_the_word_server(void **state)
{
	(void)state;
	assert_true(speaks_for_server(",\"scope\":\"server\""));
	assert_true(speaks_for_server(",\"scope\":\"read server write\""));
	assert_false(speaks_for_server(""));
	assert_false(speaks_for_server(",\"scope\":\"\""));
	assert_false(speaks_for_server(",\"scope\":\"servers observer serve\""));
	assert_false(speaks_for_server(",\"scope\":[\"server\"]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_token_names_its_user),
		cmocka_unit_test(token_made_elsewhere_is_valid),
		cmocka_unit_test(either_of_two_keys_signs),
		cmocka_unit_test(short_key_is_never_used),
		cmocka_unit_test(any_changed_character_is_refused),
		cmocka_unit_test(any_other_header_is_refused),
		cmocka_unit_test(unsigned_token_is_refused),
		cmocka_unit_test(signature_written_otherwise_is_refused),
		cmocka_unit_test(claims_written_otherwise_are_refused),
		cmocka_unit_test(wrong_claims_are_refused),
		cmocka_unit_test(claims_that_are_no_object_are_refused),
		cmocka_unit_test(further_claims_are_taken),
		cmocka_unit_test(clock_of_the_site_may_be_a_minute_ahead),
		cmocka_unit_test(claim_that_comes_twice_is_refused),
		cmocka_unit_test(email_is_taken_when_it_is_one_line),
		cmocka_unit_test(refused_token_leaves_identity_alone),
		cmocka_unit_test(token_over_4096_bytes_is_refused),
		cmocka_unit_test(user_is_1_to_128_printable_bytes),
		cmocka_unit_test(user_hash_is_sha256),
		cmocka_unit_test(scope_has_the_word_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
