<?php
/* Tells tollgate who is logged in, with a signed token in a cookie (RFC 7519).
 * All that an existing application needs: it calls identity_remember() after
 * the login and again before the token has expired, identity_forget() at the logout. */
declare(strict_types=1);

const IDENTITY_SECONDS = 3600;
const IDENTITY_KEY_MIN = 32; // bytes

/* The same file as in identity_key_files, readable by PHP. */
function identity_key(string $file): string
{
	$key = trim((string) file_get_contents($file));
	if (strlen($key) < IDENTITY_KEY_MIN) {
		throw new RuntimeException("$file holds no identity key");
	}
	return $key;
}

/* $user: an id that stays, however often she changes her name or address.
 * $site: the name of the site in tollgate.conf. */
function identity_token(string $user, string $email, string $site, string $key, int $seconds): string
{
	$part = fn(string $bytes): string => rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
	$claims = ['sub' => $user, 'email' => $email, 'aud' => $site, 'iat' => time(), 'exp' => time() + $seconds];
	$signed = $part('{"alg":"HS256","typ":"JWT"}') . '.' . $part(json_encode($claims, JSON_THROW_ON_ERROR));
	return $signed . '.' . $part(hash_hmac('sha256', $signed, $key, true));
}

/* A site on http, which is one on loopback, cannot have cookies that begin with __Host-. */
function identity_cookie_name(bool $https): string
{
	return $https ? '__Host-tollgate' : 'tollgate';
}

function identity_cookie(string $value, int $expires, bool $https): void
{
	setcookie(identity_cookie_name($https), $value, [
		'expires' => $expires, 'path' => '/', 'secure' => $https, 'httponly' => true, 'samesite' => 'Lax']);
}

function identity_remember(string $token, bool $https): void
{
	identity_cookie($token, time() + IDENTITY_SECONDS, $https);
}

function identity_forget(bool $https): void
{
	identity_cookie('', 1, $https);
}
