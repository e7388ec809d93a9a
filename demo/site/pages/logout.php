<?php
require __DIR__ . '/../frame.php';
require __DIR__ . '/../identity.php';

if ($_SERVER['REQUEST_METHOD'] === 'POST') {
	session_destroy();
	identity_cookie('', -3600);
}
redirect('/');
