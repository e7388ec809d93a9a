<?php
/* Tells tollgate who is logged in: all that an application has to do for it. */
declare(strict_types=1);

const IDENTITY_SECONDS = 12 * 3600;

function identity_token(string $user, string $email, string $key): string
{
	$part = fn(string $bytes): string => rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
	$claims = ['sub' => $user, 'email' => $email, 'aud' => 'tideline', 'exp' => time() + IDENTITY_SECONDS];
	$signed = $part('{"alg":"HS256","typ":"JWT"}') . '.' . $part(json_encode($claims, JSON_THROW_ON_ERROR));
	return $signed . '.' . $part(hash_hmac('sha256', $signed, $key, true));
}

/* On https the cookie is named __Host-tollgate, with 'secure' => true. */
function identity_cookie(string $token, int $seconds): void
{
	setcookie('tollgate', $token, [
		'expires' => time() + $seconds, 'path' => '/', 'httponly' => true, 'samesite' => 'Lax']);
}
