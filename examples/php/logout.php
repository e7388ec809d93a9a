<?php
/* /logout: ends the session, and what the gate knows her by. */
require __DIR__ . '/shop.php';

begin();
if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
	header('Allow: POST');
	stop(405, 'Log out with the button.');
}
csrf_check();
$_SESSION = [];
session_destroy();
setcookie(session_name(), '', [
	'expires' => 1, 'path' => '/', 'secure' => is_https(), 'httponly' => true, 'samesite' => 'Lax']);
identity_forget(is_https());
redirect('/pricing');
