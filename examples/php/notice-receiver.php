<?php
/* Takes tollgate's notices at the site's notify_url, each once. What they say is
 * in tollgate-redis(7), how they are signed in
 * github.com/standard-webhooks/standard-webhooks.
 *
 *     location = /billing-notice.php {
 *         allow 127.0.0.1;
 *         deny  all;
 *         include fastcgi_params;
 *         fastcgi_param SCRIPT_FILENAME    /srv/shop/notice-receiver.php;
 *         fastcgi_param NOTICE_SECRET_FILE /etc/shop/notice.secret;
 *         fastcgi_param NOTICE_DIRECTORY   /var/lib/shop/notices;
 *         fastcgi_pass  unix:/run/php/php-fpm.sock;
 *     }
 *
 * The secret is what notify_secret_file holds, in a file that PHP may read. The
 * directory is PHP's own, and outside of what the web server shows; of the files
 * in its seen/, those older than a week may go. */
declare(strict_types=1);

const TOLERANCE = 300; // seconds
const KEY_MIN = 24;    // bytes

function signing_key(): string
{
	$secret = trim((string) file_get_contents($_SERVER['NOTICE_SECRET_FILE']));
	$key = strncmp($secret, 'whsec_', 6) === 0 ? base64_decode(substr($secret, 6), true) : $secret;
	if ($key === false || strlen($key) < KEY_MIN) {
		throw new RuntimeException('NOTICE_SECRET_FILE holds no secret');
	}
	return $key;
}

function is_recent(string $timestamp): bool
{
	return preg_match('/^\d{1,15}\z/', $timestamp) === 1 && abs(time() - (int) $timestamp) <= TOLERANCE;
}

/* There may be several signatures, while the secret is being changed. */
function is_signed(string $id, string $timestamp, string $body, string $signatures): bool
{
	$mac = hash_hmac('sha256', "$id.$timestamp.$body", signing_key(), true);
	$expected = 'v1,' . base64_encode($mac);
	$found = false;
	foreach (explode(' ', $signatures) as $signature) {
		$found = hash_equals($expected, $signature) || $found;
	}
	return $found;
}

function what_to_do(string $type, array $data): string
{
	switch ($type) {
	case 'payment_failed':
		return 'ask for another card: ' . ($data['hosted_invoice_url'] ?? '');
	case 'payment_action_required':
		return 'ask to confirm the payment: ' . ($data['hosted_invoice_url'] ?? '');
	case 'trial_will_end':
		return 'remind of the end of the trial on ' . gmdate('Y-m-d', $data['trial_end']);
	case 'subscription_status_changed':
		return "note that it is $data[to] now";
	case 'unlinked_subscription':
	case 'duplicate_subscription':
		return 'have somebody look at it';
	default:
		return 'nothing';
	}
}

/* Here the site does what it has to: write a mail, show a banner, call somebody.
 * Whatever throws has the notice sent again. */
function handle(string $id, array $notice): void
{
	$data = $notice['data'];
	$what = what_to_do($notice['type'], $data);
	$line = json_encode(['id' => $id, 'user' => $data['user'] ?? null, 'type' => $notice['type'], 'do' => $what],
		JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES);
	if (file_put_contents("$_SERVER[NOTICE_DIRECTORY]/notices.log", "$line\n", FILE_APPEND | LOCK_EX) === false) {
		throw new RuntimeException('NOTICE_DIRECTORY cannot be written');
	}
}

/* A notice comes again when tollgate has not seen that it was taken; it waits
 * here until the first one is through. Its mark is made last: what was cut off
 * in handle() is handled again. */
function handle_once(string $id, array $notice): void
{
	@mkdir("$_SERVER[NOTICE_DIRECTORY]/seen", 0700);
	$seen = fopen("$_SERVER[NOTICE_DIRECTORY]/seen/" . hash('sha256', $id), 'c+');
	if ($seen === false || !flock($seen, LOCK_EX)) {
		throw new RuntimeException('NOTICE_DIRECTORY cannot be written');
	}
	if (stream_get_contents($seen) === '') {
		handle($id, $notice);
		if (fwrite($seen, "seen\n") === false) {
			throw new RuntimeException('NOTICE_DIRECTORY cannot be written');
		}
	}
}

/* Anything that goes wrong from here on is no 2xx, whatever PHP would make of it. */
http_response_code(500);

$id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
$timestamp = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
$body = (string) file_get_contents('php://input');

if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
	http_response_code(405);
	header('Allow: POST');
	exit;
}
if ($id === '' || !is_recent($timestamp)
	|| !is_signed($id, $timestamp, $body, $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '')) {
	http_response_code(400);
	exit;
}
handle_once($id, json_decode($body, true, 32, JSON_THROW_ON_ERROR));
http_response_code(204);
