<?php
/* For nginx's auth_request: who is logged in, in a header, and always 204; that
 * nobody is, is for whom it concerns to refuse. tollgate-nginx(7) has the
 * locations. With an application of your own, put its session in place of ours. */
require __DIR__ . '/shop.php';

/* Without a cookie there is nothing to read, and no session to be made. */
if (isset($_COOKIE[is_https() ? '__Host-session' : 'session'])) {
	session_begin(true);
	if (user() !== null) {
		header('X-User: ' . user()['id']);
		header('X-Email: ' . user()['email']);
	}
}
header('Cache-Control: no-store');
http_response_code(204);
