<?php
/* What the pages share: settings, the session, forms, tollgate, the frame. */
declare(strict_types=1);

require __DIR__ . '/identity.php';

const TOLLGATE_SECONDS = 30; // tollgate itself gives up on Stripe sooner

/* From fastcgi.conf. */
function setting(string $name): string
{
	$value = (string) ($_SERVER[$name] ?? '');
	if ($value === '') {
		throw new RuntimeException("the web server sends no $name");
	}
	return $value;
}

function is_https(): bool
{
	return strncmp(setting('SHOP_ORIGIN'), 'https:', 6) === 0;
}

/* $read_only: neither waits for another request of this session nor holds one up. */
function session_begin(bool $read_only = false): void
{
	session_name(is_https() ? '__Host-session' : 'session');
	session_start(['cookie_secure' => is_https(), 'cookie_httponly' => true, 'cookie_samesite' => 'Lax',
		'cookie_path' => '/', 'use_strict_mode' => true, 'read_and_close' => $read_only]);
}

/* ['id', 'name', 'email'] of who is logged in, or null. */
function user(): ?array
{
	return $_SESSION['user'] ?? null;
}

function tollgate_token(array $user, int $seconds): string
{
	return identity_token($user['id'], $user['email'], setting('SHOP_SITE'),
		identity_key(setting('SHOP_IDENTITY_KEY_FILE')), $seconds);
}

function identify(): void
{
	identity_remember(tollgate_token(user(), IDENTITY_SECONDS), is_https());
	$_SESSION['identified_at'] = time();
}

/* For every page: the token is made anew before it expires. */
function begin(): void
{
	session_begin();
	$has_cookie = isset($_COOKIE[identity_cookie_name(is_https())]);
	if (user() === null) {
		if ($has_cookie) {
			identity_forget(is_https());
		}
	} elseif (!$has_cookie || time() - ($_SESSION['identified_at'] ?? 0) >= IDENTITY_SECONDS / 2) {
		identify();
	}
}

/* A field of $_GET or $_POST; what is no text is ''. */
function field(array $from, string $name): string
{
	$value = $from[$name] ?? '';
	return is_string($value) ? $value : '';
}

/* For text and for attributes. */
function text(string $raw): string
{
	return htmlspecialchars($raw, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}

function redirect(string $path): void
{
	header("Location: $path", true, 303);
	exit;
}

/* A path of this site or, since anybody may choose it, the account. */
function own_path(string $path): string
{
	return preg_match('~^/(?![/\\\\])[\x21-\x5b\x5d-\x7e]*$~D', $path) === 1 ? $path : '/account';
}

/* nginx sends ?next= and the address as it came, with each & that it has. */
function next_path(): string
{
	if (preg_match('~(?:^|&)next=(/.*)$~D', $_SERVER['QUERY_STRING'] ?? '', $found) === 1) {
		return own_path($found[1]);
	}
	return own_path(field($_POST, 'next') !== '' ? field($_POST, 'next') : field($_GET, 'next'));
}

/* Forms to pages of our own carry this. Those to /billing/ need none: tollgate
 * looks at where the browser says that they come from. */
function csrf_field(): string
{
	$_SESSION['csrf'] = $_SESSION['csrf'] ?? bin2hex(random_bytes(32));
	return '<input type="hidden" name="csrf" value="' . $_SESSION['csrf'] . '">';
}

function csrf_check(): void
{
	$sent = field($_POST, 'csrf');
	if ($sent === '' || !hash_equals($_SESSION['csrf'] ?? '', $sent)) {
		stop(403, 'This form is too old. Please go back, load the page again and repeat it.');
	}
}

/* What tollgate answers to the server, on behalf of who is logged in; [] if it does not. */
function ask_tollgate(string $path): array
{
	$options = ['http' => ['timeout' => TOLLGATE_SECONDS, 'ignore_errors' => true, 'follow_location' => 0,
		'header' => "Accept: application/json\r\nAuthorization: Bearer " . tollgate_token(user(), 60)]];
	$answer = @file_get_contents(setting('SHOP_ORIGIN') . $path, false, stream_context_create($options));
	$decoded = is_string($answer) ? json_decode($answer, true) : null;
	return is_array($decoded) ? $decoded : [];
}

function page_begin(string $title): void
{
	header('Cache-Control: no-store');
	echo "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n",
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
		'<title>', text($title), "</title>\n<h1>", text($title), "</h1>\n";
}

/* Ends the page, and the request. */
function stop(int $status, string $message): void
{
	http_response_code($status);
	page_begin('That did not work');
	echo '<p role="alert">', text($message), "</p>\n";
	exit;
}
